"""Transactions and the start of the database's client."""

from __future__ import annotations

import asyncio

import pytest

from shared.engines.mongo import DuplicateKeyError, IndexModel, Mongo, PyMongoError, Session, is_outage
from shared.settings import Settings
from tests.integration.plumbing.tcp_gate import tcp_gate


async def test_transactions_that_conflict_are_run_again_until_all_have_happened(mongo: Mongo) -> None:
    await mongo["counters"].insert_one({"_id": "n", "value": 0})
    runs = 0

    async def add_one(session: Session) -> None:
        nonlocal runs
        runs += 1
        row = await mongo["counters"].find_one({"_id": "n"}, session=session)
        assert row is not None
        await asyncio.sleep(0)  # let the others read the same value
        await mongo["counters"].update_one({"_id": "n"}, {"$set": {"value": row["value"] + 1}}, session=session)

    await asyncio.gather(*(mongo.transact(add_one) for _ in range(12)))
    assert await mongo["counters"].find_one({"_id": "n"}) == {"_id": "n", "value": 12}
    assert runs > 12  # there were conflicts


async def test_what_the_server_refuses_is_not_tried_again_and_leaves_nothing(mongo: Mongo) -> None:
    await mongo["rows"].insert_one({"_id": 1})
    runs = 0

    async def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        await mongo["rows"].insert_one({"_id": 2}, session=session)
        await mongo["rows"].insert_one({"_id": 1}, session=session)

    with pytest.raises(DuplicateKeyError):
        await mongo.transact(work)
    assert runs == 1
    assert [row["_id"] async for row in mongo["rows"].find()] == [1]


async def test_ids_of_a_kind_are_given_once_each_from_one_upwards(mongo: Mongo) -> None:
    ids = await asyncio.gather(*(mongo.next_id("model") for _ in range(30)))
    assert sorted(ids) == list(range(1, 31))
    assert await mongo.next_id("version") == 1


async def test_collections_taken_before_the_server_was_there_work_once_it_is(
    settings: Settings, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = settings.mongo_url.get_secret_value().split("//")[1].split("/")[0]
    monkeypatch.setenv("EASEL_MONGO_URL", f"mongodb://127.0.0.1:{closed_port}/?directConnection=true")
    mongo = Mongo(Settings(), "plumbing")
    mongo.index({"rows": [IndexModel("name", name="by_name")]})
    rows = mongo["rows"]  # as a repository takes it, when the service is put together
    with pytest.raises(PyMongoError) as failure:
        await mongo.start()
    assert is_outage(failure.value)
    with tcp_gate(closed_port, server):
        await mongo.start()
        await rows.insert_one({"_id": 1})
        assert await rows.count_documents({}) == 1
        assert "by_name" in await rows.index_information()
        await mongo.check()
        await mongo.database.client.drop_database(mongo.database.name)
        await mongo.stop()
