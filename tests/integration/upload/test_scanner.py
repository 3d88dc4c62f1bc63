"""The scanner on real engines and with a real clamd: first scans, duplicates, rescans and withdrawals of real bytes."""

from __future__ import annotations

import asyncio
import json
import pickle
import secrets
import struct
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from services.upload.examination import Examiner
from services.upload.repository import Repository
from services.upload.rescans import Rescans
from services.upload.scan.report import Finding
from services.upload.scanner import Scanner
from services.upload.scans import Scans
from services.upload.settings import UploadSettings
from services.upload.shelf import Shelf, take_in
from services.upload.verdicts import Looked, Scan
from shared.api.scans import NewRescan, Rescan
from shared.clock import new_id, now
from shared.engines.mongo import Mongo
from shared.engines.s3 import NoSuchObject, Store
from shared.outbox import Outbox
from tests.clamd import EICAR, RunningClamd
from tests.integration.inner_service import own_environment, until_true
from tests.integration.upload.test_repository import session

DAY = timedelta(days=1)


def safetensors(body: bytes = b"") -> bytes:
    """A valid file with random weights, and with `body` among them."""
    weights = secrets.token_bytes(5000) + body
    size = len(weights)
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + weights


class Desk:
    """A scanner with its storage, fed by hand."""

    def __init__(self, settings: UploadSettings, mongo: Mongo, store: Store) -> None:
        outbox = Outbox(mongo, "upload")
        self.mongo, self.store = mongo, store
        self.uploads = Repository(mongo, outbox)
        self.scans = Scans(mongo, outbox)
        self.rescans = Rescans(mongo)
        self.shelf = Shelf(store, self.scans)
        self.configure(settings)

    def configure(self, settings: UploadSettings) -> None:
        """Another scanner from now on."""
        self.examiner = Examiner(settings, self.scans, self.shelf)
        self.scanner = Scanner(settings, self.scans, self.shelf, self.examiner, asyncio.Event())

    async def upload(self, data: bytes, name: str = "a.safetensors") -> int:
        """The id of a file whose bytes have arrived."""
        file_id, key = await self.uploads.next_file_id(), new_id()
        await self.store.put(self.store.incoming, key, data, "application/octet-stream")
        made = session(file_id, id=key, object_key=key, name=name, size_bytes=len(data))
        await self.uploads.insert(made)
        await self.uploads.complete(made, now())
        return file_id

    async def work(self) -> None:
        """Let the scanner run until nothing waits, and all bytes are where they belong."""
        running = asyncio.create_task(self.scanner.run())
        try:
            async for attempt in until_true():
                with attempt:
                    waits = [{"state": {"$ne": "done"}}, {"to_withdraw": {"$type": "string"}}]
                    assert not await self.mongo["scans"].find_one({"$or": waits})
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def scan(self, data: bytes, name: str = "a.safetensors") -> Scan:
        """What a scan of these bytes has come to."""
        file_id = await self.upload(data, name)
        await self.work()
        return await self.scans.get(file_id)

    async def rescan(self, ask: NewRescan = NewRescan(all=True)) -> Rescan:  # noqa: B008 (frozen)
        """A whole rescan."""
        await self.rescans.save_engines(await self.examiner.engines())
        started = await self.rescans.start(ask, "root", now())
        await self.work()
        return await self.rescans.get(started.id)

    async def is_waiting(self, object_key: str) -> bool:
        """Whether the bytes are where uploads arrive."""
        try:
            await self.store.stat(self.store.incoming, object_key)
        except NoSuchObject:
            return False
        return True

    async def is_readable(self, sha256: str | None) -> bool:
        """Whether the bytes are where downloads come from."""
        assert sha256 is not None
        try:
            await self.store.stat(self.store.models, sha256)
        except NoSuchObject:
            return False
        return True


@pytest.fixture
def without_antivirus(
    engine_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> UploadSettings:
    for name, value in own_environment(engine_environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EASEL_SPOOL_DIR", str(tmp_path))
    monkeypatch.setenv("EASEL_SCAN_ATTEMPTS", "1")
    return UploadSettings()


@pytest.fixture
def with_clamd(without_antivirus: UploadSettings, clamd: RunningClamd) -> UploadSettings:
    return without_antivirus.model_copy(update={"clamd_url": clamd.unix})


@pytest.fixture
async def desk(without_antivirus: UploadSettings) -> AsyncIterator[Desk]:
    mongo, store = Mongo(without_antivirus, "upload"), Store(without_antivirus)
    desk = Desk(without_antivirus, mongo, store)
    await mongo.start()
    yield desk
    await mongo.database.client.drop_database(mongo.database.name)
    await mongo.stop()


# The antivirus


async def test_a_virus_in_weights_is_found_and_nobody_can_read_it(desk: Desk, with_clamd: UploadSettings) -> None:
    desk.configure(with_clamd)
    clean = await desk.scan(safetensors())
    assert (clean.verdict, await desk.is_readable(clean.sha256)) == ("clean", True)
    assert clean.report is not None and clean.report.antivirus is not None
    assert clean.report.antivirus.engine.startswith("ClamAV 1.")
    bad = await desk.scan(safetensors(EICAR))
    assert (bad.verdict, await desk.is_readable(bad.sha256)) == ("dangerous", False)
    assert bad.report is not None
    assert [found.code for found in bad.report.findings] == ["antivirus.found"]


async def test_a_required_antivirus_that_is_away_leaves_a_file_unserved_until_it_is_back(
    desk: Desk, with_clamd: UploadSettings
) -> None:
    desk.configure(with_clamd.model_copy(update={"clamd_url": "tcp://127.0.0.1:1"}))
    failed = await desk.scan(safetensors())
    assert failed.verdict == "failed" and failed.report is not None
    assert failed.report.findings[0].code == "antivirus.not-scanned"
    assert not await desk.is_readable(failed.report.hashes["SHA256"].lower())
    desk.configure(with_clamd)
    done = await desk.rescan(NewRescan())
    assert (done.files, done.clean) == (1, 1)
    assert await desk.is_readable((await desk.scans.get(failed.file_id)).sha256)


async def test_an_optional_antivirus_that_is_away_is_said_to_have_seen_nothing(
    desk: Desk, with_clamd: UploadSettings
) -> None:
    away = {"clamd_url": "tcp://127.0.0.1:1", "antivirus": "optional"}
    desk.configure(with_clamd.model_copy(update=away))
    served = await desk.scan(safetensors())
    assert (served.verdict, await desk.is_readable(served.sha256)) == ("clean", True)
    assert served.report is not None and served.report.antivirus is not None
    assert served.report.antivirus.status == "not-scanned"


# Duplicates


async def test_the_same_bytes_are_judged_once(desk: Desk) -> None:
    data = safetensors() + b""
    first = await desk.scan(data)
    second = await desk.scan(data, "again.safetensors")
    assert (second.taken_from, second.verdict, second.scanned_at) == (first.file_id, "clean", first.scanned_at)
    assert second.report == first.report
    third = await desk.scan(data)
    assert third.taken_from == first.file_id


async def test_bytes_that_only_begin_alike_are_judged_each(desk: Desk) -> None:
    size = 3 << 20
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    beginning = struct.pack("<Q", len(header)) + header + bytes(2 << 20)
    files = [await desk.scan(beginning + secrets.token_bytes(1 << 20)) for _ in range(2)]
    assert files[0].head == files[1].head
    assert [file.taken_from for file in files] == [None, None]
    assert files[0].sha256 != files[1].sha256
    assert [await desk.is_readable(file.sha256) for file in files] == [True, True]


async def test_new_rules_judge_the_same_bytes_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    data = safetensors()
    await desk.scan(data)
    await desk.mongo["scans"].update_many({}, {"$set": {"report.rulesVersion": "2020-01-01"}})
    assert (await desk.scan(data)).taken_from is None


# Rescans


async def test_a_new_signature_withdraws_a_file_and_its_addresses_end(
    desk: Desk, with_clamd: UploadSettings, clamd: RunningClamd
) -> None:
    desk.configure(with_clamd)
    body = secrets.token_bytes(24)
    data = safetensors(body)
    served, copy, other = await desk.scan(data), await desk.scan(data), await desk.scan(safetensors())
    assert served.sha256 is not None
    address = desk.store.sign_get(desk.store.models, served.sha256, DAY, inside=True)
    async with httpx.AsyncClient() as client:
        assert (await client.get(address)).content == data
        clamd.add_signature(f"Found-Later-{body.hex()[:6]}", body)
        done = await desk.rescan()
        assert (done.files, done.files_left, done.clean, done.refused) == (3, 0, 1, 1 + 1)
        assert (await client.get(address)).status_code == 404
    assert [(await desk.scans.get(each.file_id)).verdict for each in (served, copy, other)] == [
        "dangerous", "dangerous", "clean",
    ]  # fmt: skip
    assert await desk.is_readable(other.sha256)
    assert await desk.scans.list_to_withdraw() == []


async def test_a_withdrawal_that_broke_off_is_finished_later(desk: Desk) -> None:
    served = await desk.scan(safetensors())
    assert served.report is not None
    await desk.rescans.start(NewRescan(all=True), "root", now())
    claimed = await desk.scans.claim("other", now(), DAY)
    assert claimed is not None
    report = replace(served.report, verdict="dangerous", findings=(Finding(code="x", message="X."),))
    assert await desk.scans.withdraw(claimed, "other", Looked(report=report, scanned_at=now()), now() + DAY)
    assert await desk.is_readable(served.sha256)  # here the scanner was killed
    await take_in(desk.scans, desk.shelf)
    assert not await desk.is_readable(served.sha256)
    await take_in(desk.scans, desk.shelf)


async def test_stored_bytes_that_are_not_those_that_were_scanned_are_withdrawn(desk: Desk) -> None:
    served = await desk.scan(safetensors())
    assert served.sha256 is not None
    other = safetensors()
    await desk.store.put(desk.store.models, served.sha256, other, "application/octet-stream")
    assert (await desk.rescan()).refused == 1
    withdrawn = await desk.scans.get(served.file_id)
    assert withdrawn.verdict == "invalid" and withdrawn.report is not None
    assert withdrawn.report.findings[0].code == "file.replaced"
    assert not await desk.is_readable(served.sha256)


# A moderator's word


async def test_a_file_that_a_moderator_lets_pass_is_served_and_survives_rescans(desk: Desk) -> None:
    plain = pickle.dumps({"a": [1, 2, 3]}, protocol=2)
    refused = await desk.scan(plain, "plain.ckpt")
    assert refused.verdict in ("dangerous", "invalid")
    await desk.mongo.transact(
        lambda transaction: desk.scans.override(refused.file_id, "It is harmless.", "mod", now(), transaction)
    )
    await desk.work()
    passed = await desk.scans.get(refused.file_id)
    assert (passed.verdict, await desk.is_readable(passed.sha256)) == ("clean", True)
    assert (await desk.rescan()).clean == 1
    assert await desk.is_readable(passed.sha256)
    async for attempt in until_true():
        with attempt:
            assert not await desk.is_waiting(passed.object_key)
