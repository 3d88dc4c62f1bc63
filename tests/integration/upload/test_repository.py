"""Storage of uploads and scans on a real MongoDB: leases, fences, and everything that may happen twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.upload.domain import Session
from services.upload.repository import Repository
from shared.engines.mongo import Mongo
from shared.events import decode
from shared.events.payload import Payload
from shared.events.uploads import FileScanned, FileUploaded, UploadAborted
from shared.outbox import Outbox
from shared.problems import NotFound
from tests.integration.inner_service import own_database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=20)
REPORT: dict[str, Any] = {"verdict": "clean"}


@pytest.fixture
async def mongo(engine_environment: Mapping[str, str]) -> AsyncIterator[Mongo]:
    async with own_database(engine_environment, "upload", Repository) as mongo:
        yield mongo


@pytest.fixture
def uploads(mongo: Mongo) -> Repository:
    return Repository(mongo, Outbox(mongo, "upload"))


def session(number: int = 1, **changes: Any) -> Session:
    made = Session(
        id=f"u{number}", file_id=number, version_id=10, owner_id=7, owner="maker", name=f"{number}.safetensors",
        type="Model", size_bytes=1000 * number, part_bytes=32 << 20, part_count=1, object_key=f"key{number}",
        store_upload_id=f"store{number}", status="open", created_at=NOON, expires_at=NOON + timedelta(hours=24),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def scanned(file_id: int) -> FileScanned:
    return FileScanned(
        file_id=file_id, version_id=10, verdict="clean", format="safetensors", size_bytes=1, sha256="ab" * 32,
        hashes={}, findings=[], imports=[], facts=None, scanned_at=NOON, scanner_version="1", rules_version="1",
    )  # fmt: skip


async def told(mongo: Mongo) -> list[Payload]:
    return [decode(row["value"]).data async for row in mongo["outbox"].find().sort("_id", 1)]


async def queue(uploads: Repository, *numbers: int) -> None:
    for number in numbers:
        await uploads.insert(session(number))
        await uploads.complete(session(number), NOON + timedelta(seconds=number))


# Sessions


async def test_an_upload_is_its_owners_alone(uploads: Repository) -> None:
    await uploads.insert(session(1))
    assert await uploads.get("u1", 7) == session(1)
    with pytest.raises(NotFound) as of_a_stranger:
        await uploads.get("u1", 8)
    with pytest.raises(NotFound) as of_nobody:
        await uploads.get("u2", 7)
    assert str(of_a_stranger.value).replace("u1", "u2") == str(of_nobody.value)


async def test_open_uploads_are_listed_newest_first_by_version(uploads: Repository) -> None:
    for made in (
        session(1),
        session(2, version_id=11),
        session(3),
        session(4, status="aborted"),
        session(5, owner_id=8),
    ):
        await uploads.insert(made)
    assert [found.id for found in await uploads.list_open(7, None)] == ["u3", "u2", "u1"]
    assert [found.id for found in await uploads.list_open(7, 11)] == ["u2"]


async def test_completing_an_upload_many_times_at_once_queues_one_scan_and_tells_once(
    mongo: Mongo, uploads: Repository
) -> None:
    await uploads.insert(session(1))
    await asyncio.gather(*(uploads.complete(session(1), NOON) for _ in range(6)))
    await uploads.complete(session(1), NOON)
    assert (await uploads.get("u1", 7)).status == "complete"
    [event] = await told(mongo)
    assert event == FileUploaded(
        file_id=1, version_id=10, upload_id="u1", name="1.safetensors", declared_type="Model", size_bytes=1000,
        object_key="key1",
    )  # fmt: skip
    assert await mongo["scans"].count_documents({}) == 1


async def test_an_upload_is_either_completed_or_given_up(mongo: Mongo, uploads: Repository) -> None:
    for number in range(1, 7):
        await uploads.insert(session(number))
        await asyncio.gather(uploads.complete(session(number), NOON), uploads.close(session(number), "aborted"))
    events = await told(mongo)
    assert len(events) == 6
    for event in events:
        assert isinstance(event, FileUploaded | UploadAborted)
        status = (await uploads.get(event.upload_id, 7)).status
        assert status == ("complete" if isinstance(event, FileUploaded) else "aborted")


@pytest.mark.parametrize("status", ["aborted", "expired"])
async def test_giving_an_upload_up_twice_tells_once_why(mongo: Mongo, uploads: Repository, status: str) -> None:
    await uploads.insert(session(1))
    await uploads.close(session(1), status)
    await uploads.close(session(1), status)
    [event] = await told(mongo)
    assert isinstance(event, UploadAborted)
    assert (event.file_id, event.version_id, event.reason) == (1, 10, status)


async def test_an_upload_expires_only_when_nobody_works_on_it(uploads: Repository) -> None:
    tomorrow = NOON + timedelta(hours=25)
    for number in (1, 2, 3):
        await uploads.insert(session(number))
    await uploads.touch("u2", NOON + timedelta(hours=48))
    await uploads.complete(session(3), NOON)
    assert await uploads.list_expired(NOON) == []
    assert [found.id for found in await uploads.list_expired(tomorrow)] == ["u1"]


async def test_a_lost_upload_begins_anew_once_when_two_calls_notice_it(uploads: Repository) -> None:
    await uploads.insert(session(1))
    both = await asyncio.gather(uploads.reopen(session(1), "fresh1"), uploads.reopen(session(1), "fresh2"))
    assert len({each.store_upload_id for each in both}) == 1
    assert both[0].store_upload_id in ("fresh1", "fresh2")


async def test_file_ids_are_given_once(uploads: Repository) -> None:
    ids = await asyncio.gather(*(uploads.next_file_id() for _ in range(20)))
    assert sorted(ids) == list(range(1, 21))
