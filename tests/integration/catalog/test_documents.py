"""Documents that are kept as bytes: what is read is what the model says now, whatever has changed it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from services.catalog.domain import documents, drafts, events, publishing
from services.catalog.domain.listing import Shown, list_item
from services.catalog.domain.model import Model
from services.catalog.domain.wire import Wire
from services.catalog.reader import Reader
from services.catalog.repository import Repository
from shared.api.hub import ModelChange
from shared.api.inside import DocumentAsk, DownloadTarget, Wish
from shared.api.v1 import LEVEL_ALL, ORIGIN, ORIGIN_MARK
from shared.engines.mongo import Mongo
from shared.events.payload import Payload
from shared.events.previews import PreviewRendered
from shared.events.reviews import ReviewChanged, ReviewPosted, ReviewRemoved
from shared.outbox import Outbox
from tests.unit.catalog.models import LATER, NOON, file, hashes_of, image, model, published, scanned, version

replace = msgspec.structs.replace
WIRE = Wire()
MODEL, VERSION, DOWNLOAD = DocumentAsk("model", 1), DocumentAsk("version", 10), DocumentAsk("download", 10)
HASH = DocumentAsk("hash", hashes_of(10)["SHA256"])


def repository(mongo: Mongo, wire: Wire = WIRE) -> Repository:
    return Repository(mongo, Outbox(mongo, "catalog"), wire)


@pytest.fixture
async def models(mongo: Mongo) -> Repository:
    found = repository(mongo)
    assert await found.project_waiting() == 0  # as the service does when it starts
    return found


@pytest.fixture
def reader(models: Repository) -> Reader:
    return Reader(models, WIRE)


async def read(reader: Reader) -> list[bytes | None]:
    """Every document of model 1, its lists by what may be seen, too."""
    found = await reader.answer([MODEL, VERSION, HASH, DOWNLOAD])
    return [*found, await reader.list_models([1], Shown()), await reader.list_models([1], Shown(levels=1))]


def made_now(found: Model) -> list[bytes | None]:
    """The same, assembled from the model."""
    made = documents.documents(found, WIRE)
    if not made:
        return [None, None, None, None, b"[]", b"[]"]
    version = made["version:10"]
    offers = msgspec.json.decode(version.offers or b"", type=list[documents.Offer])
    target = documents.encode(documents.choose_target(offers, Wish()))
    lists = [b"[" + documents.encode(list_item(found, Shown(levels=levels), WIRE)) + b"]" for levels in (LEVEL_ALL, 1)]
    return [made["model:1"].body, version.body, version.body, target, *lists]


Change = Callable[[Model], tuple[Model, Sequence[Payload]]]


def rendered(found: Model) -> tuple[Model, list[Payload]]:
    event = PreviewRendered(
        job_id="j", model_id=1, version_id=10, index=0, image_key="new", sha256="", size_bytes=1, width=8, height=8,
        blurhash="", meta={"prompt": "a cube"}, rendered_at=LATER,
    )  # fmt: skip
    return events.preview_rendered(found, 7, event)


def said(kind: type[Any], **fields: Any) -> Change:
    event = kind(review_id=1, model_id=1, version_id=10, author_id=3, author="reader", **fields)
    return lambda found: events.review(found, event)


def rated(found: Model) -> tuple[Model, list[Payload]]:
    version = found.versions[0]
    return found.with_version(replace(version, images=tuple(replace(each, level=8) for each in version.images))), []


def another_version(found: Model) -> tuple[Model, list[Payload]]:
    draft = found.with_version(version(11, file(11, state="pending"), state="scanning", name="v2"))
    return publishing.file_scanned(draft, scanned(11, 11), LATER)


CHANGES: dict[str, Change] = {
    "downloads": lambda found: events.downloaded(found, 10, 3),
    "a review": said(ReviewPosted, recommended=True, text=""),
    "a changed review": said(ReviewChanged, recommended=False, was_recommended=True, text=""),
    "a removed review": said(ReviewRemoved, was_recommended=True),
    "a picture": rendered,
    "a rating": rated,
    "another name": lambda found: (drafts.change_model(found, ModelChange(name="Nightmare"), LATER), []),
    "another description": lambda found: (drafts.change_model(found, ModelChange(description="*New*"), LATER), []),
    "other tags": lambda found: (drafts.change_model(found, ModelChange(tags=["sea"]), LATER), []),
    "another maturity": lambda found: (drafts.change_model(found, ModelChange(nsfw=True), LATER), []),
    "another creator's name": lambda found: (replace(found, owner="renamed"), []),
    "another version": another_version,
    "a takedown": lambda found: events.taken_down(found, "stolen"),
    "its end": lambda found: (replace(found, deleted=True), []),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_what_is_read_follows_every_change_at_once(models: Repository, reader: Reader, change: Change) -> None:
    first = published(10, images=(image(1), image(2, level=4)), counters=replace(version().counters, thumbs_up=2))
    await models.insert(model(1, first, tags=("sky",)))
    before = await read(reader)
    changed = await models.change(1, change)
    after = await read(reader)
    assert after == made_now(changed)
    assert before[0] != after[0]
    assert before[4] != after[4]


async def test_a_withdrawn_model_is_read_nowhere_and_everywhere_again_when_it_is_given_back(
    mongo: Mongo, models: Repository, reader: Reader
) -> None:
    await models.insert(model(1, published(10)))
    before = await read(reader)
    await models.change(1, lambda found: events.taken_down(found, "stolen"))
    assert await read(reader) == [None, None, None, None, b"[]", b"[]"]
    assert await mongo["documents"].count_documents({}) == 0
    await models.change(1, events.restored)
    assert await read(reader) == before


async def test_documents_of_another_release_are_made_again_and_never_read(mongo: Mongo, models: Repository) -> None:
    await models.insert(model(1, published(10, images=(image(1),))))
    wire = Wire(unrated_level=4)
    later = repository(mongo, wire)
    reader = Reader(later, wire)
    assert (await reader.answer([MODEL]))[0] == documents.encode(wire.model(await later.get(1), detail=True))
    assert (await reader.answer([HASH]))[0] is not None
    assert await later.project_waiting() == 1
    kept = await later.projections.documents.find(["model:1"])
    assert kept == {"model:1": (await reader.answer([MODEL]))[0]}
    item = list_item(await later.get(1), Shown(levels=1), wire)
    assert await reader.list_models([1], Shown(levels=1)) == b"[" + documents.encode(item) + b"]"


async def test_a_text_does_not_become_an_address_of_the_hub(models: Repository, reader: Reader) -> None:
    forged = f"{ORIGIN}/api/download/models/1"
    await models.insert(model(1, published(10), name=forged, description=forged, tags=(forged,)))
    honest = model(2, published(20))
    await models.insert(honest)
    found, other = await reader.answer([MODEL, DocumentAsk("model", 2)])
    assert found is not None
    assert other is not None
    assert found.count(ORIGIN_MARK) == other.count(ORIGIN_MARK) > 0
    assert ORIGIN.encode() not in found


async def test_a_file_is_found_by_every_kind_of_its_hash_in_any_spelling(models: Repository, reader: Reader) -> None:
    await models.insert(model(1, published(10, file(0xAB))))
    (expected,) = await reader.answer([VERSION])
    for value in hashes_of(0xAB).values():
        for spelling in (value, value.lower(), f" 0x{value} "):
            assert await reader.answer([DocumentAsk("hash", spelling)]) == [expected], spelling
    for other in ("", "AB", "xyz", "G" * 64, "AB" * 31, hashes_of(0xAC)["SHA256"]):
        assert await reader.answer([DocumentAsk("hash", other)]) == [None]


async def test_a_file_shared_by_models_finds_the_version_that_had_it_first_and_is_public(
    models: Repository, reader: Reader
) -> None:
    shared = file(1)
    await models.insert(model(1, published(10, shared, published_at=LATER)))
    await models.insert(model(2, published(30, shared)))
    await models.insert(model(3, published(20, shared)))
    await models.insert(model(4, version(5, shared)))
    await models.insert(model(5, published(6, shared), taken_down="stolen"))
    await models.insert(model(6, published(7, file(2), file(1, state="dangerous"))))
    asked = [DocumentAsk("hash", hashes_of(1)["SHA256"]), DocumentAsk("version", 20)]
    by_hash, earliest = await reader.answer(asked)
    assert by_hash == earliest is not None


async def test_the_hash_of_nothing_finds_nothing(models: Repository, reader: Reader) -> None:
    await models.insert(model(1, published(10, file(1, hashes={"AutoV3": "E3B0C44298FC"}))))
    assert await reader.answer([DocumentAsk("hash", "E3B0C44298FC")]) == [None]


async def test_a_download_gets_the_file_it_asks_for(models: Repository, reader: Reader) -> None:
    await models.insert(model(1, published(10, file(1, fp="fp16"), file(2, fp="fp32"), file(3, state="dangerous"))))

    async def chosen(wish: Wish) -> int | None:
        (found,) = await reader.answer([DocumentAsk("download", 10, wish)])
        return msgspec.json.decode(found, type=DownloadTarget).file_id if found else None

    assert [await chosen(Wish()), await chosen(Wish(fp="fp32")), await chosen(Wish(file_id=2))] == [1, 2, 2]
    assert [await chosen(Wish(file_id=3)), await chosen(Wish(fp="bf16"))] == [None, None]


async def test_every_read_looks_at_an_index_and_at_no_document_that_it_does_not_return(
    mongo: Mongo, models: Repository, reader: Reader
) -> None:
    for number in range(1, 41):
        await models.insert(model(number, published(number * 10, file(number))))
    hashes = [DocumentAsk("hash", hashes_of(number)["SHA256"]) for number in (3, 4)]
    await mongo.database.command("profile", 2)
    await reader.answer([MODEL, VERSION, DOWNLOAD])
    await reader.answer(hashes)
    await reader.list_models([7, 5, 6], Shown())
    await models.list_newest(5, (NOON, 20))
    await mongo.database.command("profile", 0)
    reads = [row async for row in mongo["system.profile"].find({"op": "query"})]
    assert len(reads) == 5  # bodies, offers, hashes, a list, the newest
    for row in reads:
        assert "COLLSCAN" not in row["planSummary"], row["planSummary"]
        assert row["docsExamined"] <= row["nreturned"], row["planSummary"]
        assert not row.get("hasSortStage"), row["planSummary"]
