"""Events leave with the state they tell of: all of them, in order, whatever breaks on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from shared.clock import now
from shared.engines.kafka import Kafka, make_topics
from shared.engines.mongo import Mongo, Session
from shared.events import decode
from shared.events.usage import Downloaded
from shared.outbox import COLLECTION, Outbox, Relay
from shared.service import Loop
from shared.settings import Settings
from tests.integration.inner_service import until_true
from tests.integration.plumbing.events import downloaded, records
from tests.integration.plumbing.own_broker import OwnBroker


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[Relay]:
    """The relay at work, as a process of a service has it."""
    loop = Loop("relay under test", relay.run)
    await loop.start()
    try:
        yield relay
    finally:
        await loop.stop()


async def published(kafka: Kafka) -> list[Downloaded]:
    payloads = [decode(record.value).data for record in await records(kafka)]
    return [payload for payload in payloads if isinstance(payload, Downloaded)]


async def until_published(kafka: Kafka, count: int) -> list[Downloaded]:
    async for attempt in until_true():
        with attempt:
            found = await published(kafka)
            assert len(found) >= count, f"{len(found)} of {count}"
    return found


async def until_empty(mongo: Mongo) -> None:
    async for attempt in until_true():
        with attempt:
            assert await mongo[COLLECTION].count_documents({}) == 0


def numbers_by_key(payloads: Sequence[Downloaded]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for payload in payloads:
        found[payload.version_id].append(payload.file_id)
    return found


class Abandoned(Exception):
    """The change is given up."""


async def test_an_event_of_an_aborted_transaction_is_never_published(mongo: Mongo, kafka: Kafka) -> None:
    outbox = Outbox(mongo, "test")

    async def given_up(session: Session) -> None:
        await mongo["state"].insert_one({"_id": 1}, session=session)
        await outbox.add([downloaded(1)], session)
        raise Abandoned

    async def kept(session: Session) -> None:
        await mongo["state"].insert_one({"_id": 2}, session=session)
        await outbox.add([downloaded(2)], session)

    async with relaying(Relay(mongo, kafka)):
        with pytest.raises(Abandoned):
            await mongo.transact(given_up)
        await mongo.transact(kept)
        await until_empty(mongo)
    assert [payload.version_id for payload in await published(kafka)] == [2]
    assert [row["_id"] async for row in mongo["state"].find()] == [2]


async def test_events_of_one_key_are_published_in_the_order_they_were_written(mongo: Mongo, kafka: Kafka) -> None:
    outbox = Outbox(mongo, "test")
    await outbox.add([downloaded(number % 3, number) for number in range(240)])  # more than one batch
    async with relaying(Relay(mongo, kafka)):
        await until_empty(mongo)
        await outbox.add([downloaded(number % 3, number) for number in range(240, 300)])
        await until_empty(mongo)
    found = numbers_by_key(await published(kafka))
    assert found == {key: list(range(key, 300, 3)) for key in range(3)}


async def test_a_record_carries_key_id_and_correlation(mongo: Mongo, kafka: Kafka) -> None:
    await Outbox(mongo, "test").add([downloaded(41)])
    row = await mongo[COLLECTION].find_one()
    assert row is not None
    async with relaying(Relay(mongo, kafka)):
        await until_empty(mongo)
    [record] = await records(kafka)
    assert record.key == b"41"
    assert record.value == row["value"]
    headers = dict(record.headers)
    assert headers["event-id"].decode() == row["_id"] == decode(record.value).id
    assert headers["x-correlation-id"].decode() == decode(record.value).correlation_id


async def test_two_relays_publish_each_event_once(mongo: Mongo, kafka: Kafka) -> None:
    outbox = Outbox(mongo, "test")
    async with relaying(Relay(mongo, kafka)), relaying(Relay(mongo, kafka)):
        for start in range(0, 100, 10):
            await outbox.add([downloaded(1, number) for number in range(start, start + 10)])
        await until_empty(mongo)
    assert numbers_by_key(await published(kafka)) == {1: list(range(100))}


async def test_the_other_relay_takes_over_when_one_stops(mongo: Mongo, kafka: Kafka) -> None:
    outbox = Outbox(mongo, "test")
    async with contextlib.AsyncExitStack() as second_running:
        async with relaying(Relay(mongo, kafka)):
            await outbox.add([downloaded(1, 1)])
            await until_empty(mongo)  # the first has the lease
            first = await mongo["leases"].find_one({"_id": "outbox-relay"})
            await second_running.enter_async_context(relaying(Relay(mongo, kafka)))
        await outbox.add([downloaded(1, 2), downloaded(1, 3)])
        await until_empty(mongo)
        second = await mongo["leases"].find_one({"_id": "outbox-relay"})
    assert first is not None and second is not None
    assert first["owner"] != second["owner"]
    assert numbers_by_key(await published(kafka)) == {1: [1, 2, 3]}


async def test_a_relay_waits_for_the_lease_of_one_that_died_and_then_goes_on(mongo: Mongo, kafka: Kafka) -> None:
    runs_out = now() + timedelta(seconds=2)
    await mongo["leases"].insert_one({"_id": "outbox-relay", "owner": "dead", "until": runs_out})
    await Outbox(mongo, "test").add([downloaded(1, 1)])
    async with relaying(Relay(mongo, kafka)):
        await until_empty(mongo)
        assert now() > runs_out
    assert numbers_by_key(await published(kafka)) == {1: [1]}


class HalfwayKafka(Kafka):
    """A connection that breaks once, after some records."""

    def __init__(self, settings: Settings, sends: int) -> None:
        super().__init__(settings)
        self._left = sends

    async def publish(self, topic: str, key: str, value: bytes, headers: dict[str, str]) -> None:
        if self._left == 0:
            self._left = -1
            raise ConnectionError("the connection broke")
        self._left -= 1
        await super().publish(topic, key, value, headers)


async def test_a_relay_that_breaks_halfway_sends_what_it_cannot_know_to_have_arrived_again(
    mongo: Mongo, kafka: Kafka, settings: Settings
) -> None:
    def crashes() -> float:
        return REGISTRY.get_sample_value("easel_loop_crashes_total", {"loop": "relay under test"}) or 0.0

    before = crashes()
    breaking = HalfwayKafka(settings, sends=3)
    await breaking.start()
    await Outbox(mongo, "test").add([downloaded(1, number) for number in range(5)])
    async with relaying(Relay(mongo, breaking)):
        await until_empty(mongo)
    await breaking.stop()
    sent = await records(kafka)
    assert [decode(record.value).data.file_id for record in sent] == [0, 1, 2, 0, 1, 2, 3, 4]  # type: ignore[attr-defined]
    assert len({dict(record.headers)["event-id"] for record in sent}) == 5  # so readers can tell
    assert crashes() == before + 1


async def test_nothing_is_lost_while_the_broker_is_away(
    mongo: Mongo, own_broker: OwnBroker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_KAFKA_BOOTSTRAP", own_broker.address)
    settings = Settings()
    await own_broker.start()
    await make_topics(settings)
    kafka = Kafka(settings)
    await kafka.start()
    outbox = Outbox(mongo, "test")
    async with relaying(Relay(mongo, kafka)):
        await outbox.add([downloaded(1, number) for number in range(10)])
        await until_empty(mongo)
        own_broker.kill()
        await outbox.add([downloaded(1, number) for number in range(10, 20)])
        await asyncio.wait_for(own_broker.start(), 30)
        await until_empty(mongo)
    found = [payload.file_id for payload in await until_published(kafka, 20)]
    await kafka.stop()
    assert list(dict.fromkeys(found)) == list(range(20))  # a record may be there twice, none out of order
