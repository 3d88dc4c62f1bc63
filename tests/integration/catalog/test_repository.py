"""Storage of the catalog on a real MongoDB: races, crashes, what is found and what is hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from services.catalog.domain import events, publishing
from services.catalog.domain.hashes import asked_hashes
from services.catalog.domain.model import Model
from services.catalog.domain.wire import Wire
from services.catalog.download_counts import DownloadCounts
from services.catalog.repository import Repository
from shared.engines.mongo import DuplicateKeyError, Mongo, Session
from shared.events import decode
from shared.events.models import ModelState
from shared.events.payload import Payload
from shared.outbox import Outbox
from shared.problems import Conflict, NotFound
from tests.unit.catalog.models import NOON, file, hashes_of, model, published, scanned, version

replace = msgspec.structs.replace


def repository(mongo: Mongo) -> Repository:
    return Repository(mongo, Outbox(mongo, "catalog"), Wire())


@pytest.fixture
def models(mongo: Mongo) -> Repository:
    return repository(mongo)


async def told(mongo: Mongo) -> list[Payload]:
    return [decode(row["value"]).data async for row in mongo["outbox"].find().sort("_id", 1)]


def types(payloads: Sequence[Payload]) -> list[str]:
    return [type(payload).__name__ for payload in payloads]


class Crash(Exception):
    """The process dies here."""


async def test_changes_at_once_all_happen_one_after_another(mongo: Mongo, models: Repository) -> None:
    await models.insert(model(1, published(10)))

    async def with_version(version_id: int) -> None:
        await models.change(1, lambda before: (before.with_version(version(version_id)), []))

    await asyncio.gather(*(with_version(version_id) for version_id in range(20, 32)))
    found = await models.get(1)
    assert sorted(each.id for each in found.versions) == [10, *range(20, 32)]
    assert found.seq == 12
    states = [payload for payload in await told(mongo) if isinstance(payload, ModelState)]
    assert [state.seq for state in states] == list(range(1, 13))  # in the order in which they will be published


async def test_a_change_that_changes_nothing_says_nothing(mongo: Mongo, models: Repository) -> None:
    await models.insert(model(1, published(10)))
    assert (await models.change(1, lambda before: (before, []))).seq == 0
    assert await told(mongo) == []


async def test_a_crash_after_the_change_leaves_neither_it_nor_its_events(mongo: Mongo, models: Repository) -> None:
    before = model(1, published(10))
    await models.insert(before)

    async def interrupted(session: Session) -> None:
        await models.change(1, lambda found: events.taken_down(found, "stolen"), session)
        raise Crash

    with pytest.raises(Crash):
        await mongo.transact(interrupted)
    assert await models.get(1) == before
    assert await told(mongo) == []


async def test_a_change_that_is_refused_leaves_everything(mongo: Mongo, models: Repository) -> None:
    await models.insert(model(1, version(10)))

    with pytest.raises(Conflict):
        await models.change(1, lambda found: publishing.ask_to_publish(found, 10, NOON))
    assert (await models.get(1)).seq == 0
    assert await told(mongo) == []


async def test_search_hears_of_a_model_when_it_becomes_visible_changes_and_is_withdrawn(
    mongo: Mongo, models: Repository
) -> None:
    await models.insert(model(1, version(10, file(1, state="pending"))))
    await models.change(1, lambda found: publishing.ask_to_publish(found, 10, NOON))
    assert types(await told(mongo)) == []  # nothing of a draft is told
    await models.change_version(10, lambda found: publishing.file_scanned(found, scanned(1), NOON))
    await models.change(1, lambda found: (replace(found, name="Other"), []))
    await models.change(1, lambda found: events.taken_down(found, "stolen"))
    await models.change(1, lambda found: (replace(found, name="Hidden change"), []))
    await models.change(1, events.restored)
    payloads = await told(mongo)
    assert types(payloads) == [
        "ModelPublished", "VersionPublished", "ModelState", "ModelState", "ModelUnpublished", "ModelStateRemoved",
        "ModelRestored", "ModelState",
    ]  # fmt: skip
    assert [payload.seq for payload in payloads if hasattr(payload, "seq")] == [2, 3, 4, 6]


async def test_a_change_of_a_version_that_no_model_has_does_nothing(mongo: Mongo, models: Repository) -> None:
    assert await models.change_version(99, lambda found: (replace(found, name="?"), [])) is None
    assert await told(mongo) == []


async def test_a_model_is_found_by_any_of_its_versions_and_no_two_have_the_same(models: Repository) -> None:
    await models.insert(model(1, version(10), version(11)))
    await models.insert(model(2))
    await models.insert(model(3))  # several models without versions are fine
    found = await models.find_by_version(11)
    assert found is not None and found.id == 1
    with pytest.raises(DuplicateKeyError):
        await models.insert(model(4, version(11)))
    with pytest.raises(NotFound):
        await models.get_by_version(12)
    with pytest.raises(NotFound):
        await models.get(5)


async def test_a_file_is_found_by_every_kind_of_its_hash_in_any_spelling(models: Repository) -> None:
    await models.insert(model(1, published(10, file(0xAB))))
    for value in hashes_of(0xAB).values():
        for spelling in (value, value.lower(), f" 0x{value} "):
            assert [found.id for found in await models.list_by_hash(asked_hashes(spelling))] == [1], spelling
    for other in ("", "AB", "xyz", "G" * 64, "AB" * 31, hashes_of(0xAC)["SHA256"]):
        assert await models.list_by_hash(asked_hashes(other)) == []


async def test_a_file_shared_by_models_finds_them_all_but_never_what_is_hidden(models: Repository) -> None:
    shared = file(1)
    await models.insert(model(1, published(10, shared)))
    await models.insert(model(2, published(20, shared)))
    await models.insert(model(3, version(30, shared)))
    await models.insert(model(4, published(40, shared), taken_down="stolen"))
    await models.insert(model(5, published(50, shared), deleted=True))
    await models.insert(model(6, published(60, file(2), file(1, state="dangerous"))))
    found = await models.list_by_hash(asked_hashes(hashes_of(1)["SHA256"]))
    assert sorted(each.id for each in found) == [1, 2]


async def test_the_hash_of_nothing_finds_nothing(models: Repository) -> None:
    await models.insert(model(1, published(10, file(1, hashes={"AutoV3": "E3B0C44298FC"}))))
    assert await models.list_by_hash(asked_hashes("E3B0C44298FC")) == []


async def test_a_withdrawn_file_is_no_longer_found_by_its_hash(models: Repository) -> None:
    await models.insert(model(1, published(10, file(1))))
    await models.change(1, lambda found: events.taken_down(found, "stolen"))
    assert await models.list_by_hash(asked_hashes(hashes_of(1)["SHA256"])) == []


async def test_models_are_listed_in_the_order_asked_for_without_the_hidden_ones(models: Repository) -> None:
    for number in (1, 2, 3):
        await models.insert(model(number, published(number * 10)))
    await models.insert(model(4, version(40)))
    assert [found.id for found in await models.list_visible([3, 9, 1, 4, 2])] == [3, 1, 2]


async def test_newest_models_are_paged_without_gap_or_repeat_also_on_ties(models: Repository) -> None:
    for number in range(1, 8):
        moment = NOON + timedelta(hours=number // 3)
        await models.insert(model(number, published(number * 10, published_at=moment)))
    await models.insert(model(9, published(90), taken_down="stolen"))
    seen: list[int] = []
    before = None
    while found := await models.list_newest(2, before):
        seen += [each.id for each in found]
        last = found[-1].published_versions[0].published_at
        assert last is not None
        before = (last, found[-1].id)
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def counts_of(mongo: Mongo) -> DownloadCounts:
    return DownloadCounts(mongo, repository(mongo))


async def count(mongo: Mongo, version_id: int, times: int = 1) -> None:
    for _ in range(times):
        await mongo.transact(lambda session: counts_of(mongo).note({version_id: 1}, session))


async def test_downloads_are_added_up_once_however_many_add_up(mongo: Mongo, models: Repository) -> None:
    await models.insert(model(1, published(10)))
    await count(mongo, 10, times=5)
    assert await counts_of(mongo).waiting() == [10]
    await asyncio.gather(*(counts_of(mongo).add_up(10, events.downloaded) for _ in range(4)))
    await count(mongo, 10, times=2)
    await counts_of(mongo).add_up(10, events.downloaded)
    assert (await models.get(1)).versions[0].counters.downloads == 7
    assert await counts_of(mongo).waiting() == []


async def test_downloads_survive_a_crash_while_they_are_added_up(mongo: Mongo, models: Repository) -> None:
    await models.insert(model(1, published(10)))
    await count(mongo, 10, times=3)

    def crash(model: Model, version_id: int, times: int) -> tuple[Model, Sequence[Payload]]:
        raise Crash

    with pytest.raises(Crash):
        await counts_of(mongo).add_up(10, crash)
    assert await counts_of(mongo).waiting() == [10]
    await counts_of(mongo).add_up(10, events.downloaded)
    assert (await models.get(1)).versions[0].counters.downloads == 3


async def test_downloads_of_a_version_that_is_gone_are_dropped(mongo: Mongo) -> None:
    await count(mongo, 99)
    await counts_of(mongo).add_up(99, events.downloaded)
    assert await counts_of(mongo).waiting() == []


async def test_downloads_counted_at_once_are_all_counted(mongo: Mongo, models: Repository) -> None:
    await models.insert(model(1, published(10)))
    await asyncio.gather(*(count(mongo, 10, times=3) for _ in range(5)))
    await counts_of(mongo).add_up(10, events.downloaded)
    assert (await models.get(1)).versions[0].counters.downloads == 15


async def test_a_model_comes_back_from_the_database_as_it_went_in(models: Repository) -> None:
    whole = model(
        1,
        published(10, file(1, imports=("torch._utils",), facts={"kind": "lora", "triggerWords": ["x"]}), file(2)),
        version(11, trained_words=("a", "b"), base_version_id=10),
        tags=("x",), allow_commercial_use=("Sell",),
    )  # fmt: skip
    await models.insert(whole)
    assert await models.get(1) == whole
