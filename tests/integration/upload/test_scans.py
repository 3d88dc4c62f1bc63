"""Storage of scans on a real MongoDB: leases, fences, duplicates, rescans and withdrawals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.upload.repository import Repository
from services.upload.rescans import Rescans
from services.upload.scan.report import Finding, ScanReport, Verdict
from services.upload.scans import Scans
from services.upload.verdicts import AGAIN, FRESH, Engines, Looked, Scan
from shared.api.scans import NewRescan
from shared.engines.mongo import Mongo
from shared.events import decode
from shared.events.payload import Payload
from shared.events.uploads import FileScanned, FileUploaded
from shared.outbox import Outbox
from tests.integration.inner_service import own_database
from tests.integration.upload.test_repository import session

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = NOON + timedelta(minutes=1)
LATER = NOON + timedelta(hours=1)
LEASE = timedelta(seconds=20)
SHA256 = "ab" * 32


@pytest.fixture
async def mongo(engine_environment: Mapping[str, str]) -> AsyncIterator[Mongo]:
    def name_indexes(mongo: Mongo, outbox: Outbox) -> None:
        Repository(mongo, outbox), Scans(mongo, outbox), Rescans(mongo)

    async with own_database(engine_environment, "upload", name_indexes) as mongo:
        yield mongo


@pytest.fixture
def scans(mongo: Mongo) -> Scans:
    return Scans(mongo, Outbox(mongo, "upload"))


@pytest.fixture
def rescans(mongo: Mongo) -> Rescans:
    return Rescans(mongo)


@pytest.fixture
def uploads(mongo: Mongo) -> Repository:
    return Repository(mongo, Outbox(mongo, "upload"))


def looked(verdict: Verdict = "clean", *, sha256: str = SHA256, at: datetime = START, **changes: Any) -> Looked:
    findings = () if verdict == "clean" else (Finding(code="pickle.import", message="It imports os.system."),)
    report = ScanReport(
        verdict=verdict, format="safetensors", size_bytes=1, hashes={"SHA256": sha256.upper()}, findings=findings,
        imports=(), facts=None, **changes,
    )  # fmt: skip
    return Looked(report=report, scanned_at=at, head="cd" * 32)


async def told(mongo: Mongo) -> list[Payload]:
    return [decode(row["value"]).data async for row in mongo["outbox"].find().sort("_id", 1)]


async def verdicts_told(mongo: Mongo) -> list[tuple[int, str, bool]]:
    events = [event for event in await told(mongo) if isinstance(event, FileScanned)]
    return [(event.file_id, event.verdict, event.again) for event in events]


async def queue(uploads: Repository, *numbers: int, **changes: Any) -> None:
    for number in numbers:
        await uploads.insert(session(number, **changes))
        await uploads.complete(session(number, **changes), NOON + timedelta(seconds=number))


async def claim(scans: Scans, at: datetime = START, scanner: str = "a") -> Scan:
    scan = await scans.claim(scanner, at, LEASE)
    assert scan is not None
    return scan


async def finish(scans: Scans, what: Looked, at: datetime = START) -> Scan:
    scan = await claim(scans, at)
    assert await scans.finish(scan, "a", what, None) == "kept"
    return scan


# The queue


async def test_scanners_at_once_each_take_another_file(uploads: Repository, scans: Scans) -> None:
    await queue(uploads, 1, 2, 3, 4, 5)
    claimed = await asyncio.gather(*(scans.claim(f"scanner{n}", START, LEASE) for n in range(7)))
    assert sorted(scan.file_id for scan in claimed if scan is not None) == [1, 2, 3, 4, 5]


async def test_the_file_that_has_waited_longest_is_taken_first_and_none_before_it_is_due(
    uploads: Repository, scans: Scans
) -> None:
    await queue(uploads, 2, 1)
    assert await scans.claim("a", NOON, LEASE) is None
    for expected in (1, 2):
        scan = await claim(scans)
        assert (scan.file_id, scan.attempt, scan.state) == (expected, 1, "scanning")


async def test_the_file_of_a_silent_scanner_is_taken_by_another_and_the_attempt_counts(
    uploads: Repository, scans: Scans
) -> None:
    await queue(uploads, 1)
    await claim(scans, scanner="dead")
    assert await scans.claim("other", START + LEASE, LEASE) is None  # the lease still holds
    assert (await claim(scans, START + LEASE + timedelta(seconds=1), "other")).attempt == 2


async def test_a_renewed_lease_keeps_the_file(uploads: Repository, scans: Scans) -> None:
    await queue(uploads, 1)
    await claim(scans)
    assert await scans.renew(1, "a", START + 3 * LEASE, bytes_done=500)
    assert await scans.claim("b", START + 2 * LEASE, LEASE) is None


async def test_a_scanner_that_was_replaced_can_do_nothing_more(mongo: Mongo, uploads: Repository, scans: Scans) -> None:
    await queue(uploads, 1)
    slow = await claim(scans, scanner="slow")
    later = START + 2 * LEASE
    other = await claim(scans, later, "other")
    assert not await scans.renew(1, "slow", later + LEASE, bytes_done=1)
    assert await scans.finish(slow, "slow", looked("dangerous"), None) == "lost"
    assert not await scans.withdraw(slow, "slow", looked("dangerous"), later)
    await scans.retry(1, "slow", later)
    await scans.hand_back(1, "slow", later)
    await scans.give_up(1, "slow", "broken")
    assert [type(event) for event in await told(mongo)] == [FileUploaded]
    assert await scans.finish(other, "other", looked(), None) == "kept"
    assert await verdicts_told(mongo) == [(1, "clean", False)]


async def test_a_file_is_finished_once(mongo: Mongo, uploads: Repository, scans: Scans) -> None:
    await queue(uploads, 1)
    scan = await claim(scans)
    finished = await asyncio.gather(*(scans.finish(scan, "a", looked(), None) for _ in range(4)))
    assert finished.count("kept") == 1
    assert await verdicts_told(mongo) == [(1, "clean", False)]
    assert await scans.claim("b", START + timedelta(days=1), LEASE) is None


async def test_a_file_put_back_waits_and_its_attempts_are_remembered(uploads: Repository, scans: Scans) -> None:
    await queue(uploads, 1)
    await claim(scans)
    await scans.retry(1, "a", START + timedelta(seconds=30))
    assert await scans.claim("a", START + timedelta(seconds=29), LEASE) is None
    assert (await claim(scans, START + timedelta(seconds=31))).attempt == 2


async def test_a_file_handed_back_by_a_scanner_that_stops_has_not_used_an_attempt(
    uploads: Repository, scans: Scans
) -> None:
    await queue(uploads, 1)
    await claim(scans)
    await scans.hand_back(1, "a", START)
    assert (await claim(scans, scanner="b")).attempt == 1


async def test_bytes_are_discarded_when_their_time_has_come_and_once(uploads: Repository, scans: Scans) -> None:
    await queue(uploads, 1, 2)
    for keep in (timedelta(0), timedelta(days=7)):
        await scans.finish(await claim(scans), "a", looked("invalid"), START + keep)
    assert [scan.file_id for scan in await scans.list_discardable(START)] == [1]
    await scans.discarded(1)
    assert await scans.list_discardable(START) == []
    assert [scan.file_id for scan in await scans.list_discardable(START + timedelta(days=8))] == [2]


# Duplicates


async def test_bytes_that_were_seen_are_recognised_until_something_that_scans_changes(
    uploads: Repository, scans: Scans
) -> None:
    await queue(uploads, 1, size_bytes=1000)
    await finish(scans, looked())
    await queue(uploads, 2, size_bytes=1000)
    second = await claim(scans)
    twin = await scans.find_twin(second, "cd" * 32, Engines())
    assert twin is not None and (twin.file_id, twin.sha256) == (1, SHA256)
    assert await scans.find_twin(second, "ce" * 32, Engines()) is None
    for changed in (
        Engines(scanner="another"),
        Engines(rules="others"),
        Engines(has_antivirus=True, signatures="27500/x"),
    ):
        assert await scans.find_twin(second, "cd" * 32, changed) is None


@pytest.mark.parametrize(
    ("verdict", "changes", "is_taken"),
    [
        ("clean", {}, True),
        ("clean", {"name": "other.safetensors"}, True),
        ("clean", {"name": "other.ckpt"}, False),
        ("clean", {"type": "VAE"}, False),
        ("dangerous", {"name": "other.safetensors"}, False),
        ("dangerous", {"name": "1.safetensors"}, True),
        ("failed", {"name": "1.safetensors"}, False),
    ],
)
async def test_a_report_is_taken_over_only_where_it_would_be_the_same(
    uploads: Repository, scans: Scans, verdict: Verdict, changes: dict[str, Any], is_taken: bool
) -> None:
    await queue(uploads, 1, size_bytes=1000)
    await finish(scans, looked(verdict))
    await queue(uploads, 2, size_bytes=1000, **changes)
    assert (await scans.find_twin(await claim(scans), "cd" * 32, Engines()) is not None) == is_taken


# Rescans


async def test_a_rescan_takes_what_is_clean_and_waits_behind_fresh_uploads(
    uploads: Repository, scans: Scans, rescans: Rescans
) -> None:
    await queue(uploads, 1, 2)
    await finish(scans, looked())
    await finish(scans, looked("dangerous", sha256="cd" * 32))
    asked = await rescans.start(NewRescan(all=True), "root", LATER)
    assert (asked.files, asked.files_left, asked.size_bytes, asked.bytes_left) == (1, 1, 1000, 1000)
    assert (await scans.backlog_bytes(FRESH), await scans.backlog_bytes(AGAIN)) == (0, 1000)
    await queue(uploads, 3)
    assert [(await claim(scans, LATER)).file_id for _ in range(2)] == [3, 1]


async def test_a_rescan_takes_only_what_lacks_a_current_report_unless_more_is_asked_for(
    uploads: Repository, scans: Scans, rescans: Rescans
) -> None:
    await queue(uploads, 1, 2, 3)
    await finish(scans, looked())
    await finish(scans, looked(sha256="cd" * 32, rules_version="2020-01-01"))
    await scans.finish(await claim(scans), "a", looked("failed", sha256="ef" * 32), LATER + timedelta(hours=1))
    lacking = await rescans.start(NewRescan(), "root", LATER)
    assert lacking.files == 2  # the outdated one and the failed one, whose bytes are still there
    for _ in range(2):
        await finish(scans, looked(), LATER)
    assert (await rescans.start(NewRescan(), "root", LATER)).files == 0
    assert (await rescans.start(NewRescan(rules_older_than="2021"), "root", LATER)).files == 0
    assert (await rescans.start(NewRescan(sha256=[SHA256.upper()]), "root", LATER)).files == 3
    done = await rescans.get(lacking.id)
    assert (done.files, done.files_left) == (2, 0)


async def test_a_rescan_tells_how_far_it_is(uploads: Repository, scans: Scans, rescans: Rescans) -> None:
    await queue(uploads, 1, 2, 3)
    for number in range(3):
        await finish(scans, looked(sha256=f"{number}a" * 32))
    asked = await rescans.start(NewRescan(all=True), "root", LATER)
    await finish(scans, looked(sha256="0a" * 32), LATER)
    await scans.withdraw(await claim(scans, LATER), "a", looked("dangerous", sha256="1a" * 32), LATER)
    await claim(scans, LATER)
    now = await rescans.get(asked.id)
    assert (now.files, now.files_left, now.clean, now.refused, now.failed) == (3, 1, 1, 1, 0)
    await scans.give_up(3, "a", "The scanner stopped.")
    now = await rescans.get(asked.id)
    assert (now.files_left, now.failed) == (0, 1)
    assert [each.id for each in await rescans.list_newest(10)] == [asked.id]


async def test_a_rescan_without_a_result_leaves_the_verdict_of_before(
    mongo: Mongo, uploads: Repository, scans: Scans, rescans: Rescans
) -> None:
    await queue(uploads, 1)
    await finish(scans, looked())
    await rescans.start(NewRescan(all=True), "root", LATER)
    await claim(scans, LATER)
    await scans.give_up(1, "a", "The scanner stopped.")
    kept = await scans.get(1)
    assert (kept.verdict, kept.state, kept.trouble) == ("clean", "done", "The scanner stopped.")
    assert await verdicts_told(mongo) == [(1, "clean", False)]


async def test_a_file_in_a_rescan_takes_what_another_of_the_same_bytes_was_just_given(
    uploads: Repository, scans: Scans, rescans: Rescans
) -> None:
    await queue(uploads, 1, 2)
    for _ in range(2):
        await finish(scans, looked())
    await rescans.start(NewRescan(all=True), "root", LATER)
    assert await scans.find_scanned_since(await claim(scans, LATER), Engines()) is None
    await scans.finish(await scans.get(1), "a", looked(at=LATER), None)
    twin = await scans.find_scanned_since(await claim(scans, LATER), Engines())
    assert twin is not None and twin.file_id == 1


# Withdrawals


async def test_what_turns_dangerous_takes_down_every_file_of_the_same_bytes(
    mongo: Mongo, uploads: Repository, scans: Scans, rescans: Rescans
) -> None:
    await queue(uploads, 1)
    await queue(uploads, 2, name="other.ckpt", type="VAE", owner_id=8)
    await queue(uploads, 3)
    for sha256 in (SHA256, SHA256, "cd" * 32):
        await finish(scans, looked(sha256=sha256))
    await rescans.start(NewRescan(version_id=10), "root", LATER)
    assert await scans.withdraw(await claim(scans, LATER), "a", looked("dangerous", at=LATER), LATER)
    assert (await verdicts_told(mongo))[3:] == [(1, "dangerous", True), (2, "dangerous", True)]
    assert not await scans.is_clean(SHA256)
    assert await scans.list_to_withdraw() == [(1, SHA256)]
    other = await scans.get(2)
    assert (other.verdict, other.state, other.taken_from) == ("dangerous", "done", 1)
    assert [scan.owner_id for scan in await told(mongo) if isinstance(scan, FileScanned)][3:] == [7, 8]
    await scans.withdrawn(1)
    assert await scans.list_to_withdraw() == []


async def test_what_turns_invalid_takes_down_only_files_like_it(
    mongo: Mongo, uploads: Repository, scans: Scans, rescans: Rescans
) -> None:
    await queue(uploads, 1, 2)
    await queue(uploads, 3, type="VAE")
    for _ in range(3):
        await finish(scans, looked())
    await rescans.start(NewRescan(all=True), "root", LATER)
    await scans.withdraw(await claim(scans, LATER), "a", looked("invalid", at=LATER), LATER)
    assert [(file_id, verdict) for file_id, verdict, _ in (await verdicts_told(mongo))[3:]] == [
        (1, "invalid"), (2, "invalid"),
    ]  # fmt: skip
    assert await scans.is_clean(SHA256)


async def test_bytes_that_turned_dangerous_while_they_were_scanned_elsewhere_are_not_let_out(
    uploads: Repository, scans: Scans, rescans: Rescans
) -> None:
    await queue(uploads, 1)
    await finish(scans, looked())
    await queue(uploads, 2)
    slow = await claim(scans, scanner="slow")
    soon = START + timedelta(seconds=1)
    await rescans.start(NewRescan(all=True), "root", soon)
    condemned = await claim(scans, soon)
    assert (slow.file_id, condemned.file_id) == (2, 1)
    assert await scans.withdraw(condemned, "a", looked("dangerous", at=soon), LATER)
    assert await scans.finish(slow, "slow", looked(at=soon), None) == "contradicted"
    assert (await scans.get(2)).verdict is None


async def test_a_moderators_word_puts_a_refused_file_in_line_and_lets_it_pass(
    mongo: Mongo, uploads: Repository, scans: Scans
) -> None:
    await queue(uploads, 1, 2)
    await scans.finish(await claim(scans), "a", looked("dangerous"), LATER)
    await finish(scans, looked(sha256="cd" * 32))

    async def override(file_id: int) -> bool:
        return await mongo.transact(
            lambda transaction: scans.override(file_id, "A false alarm.", "mod", LATER, transaction)
        )

    assert not await override(2)
    assert await override(1)
    assert await scans.list_discardable(LATER + timedelta(days=30)) == []
    again = await claim(scans, LATER)
    assert again.override is not None and (again.verdict, again.override.moderator) == ("dangerous", "mod")
    assert await scans.finish(again, "a", looked("dangerous", at=LATER), None) == "kept"
    assert (await scans.get(1)).verdict == "clean"
    event = (await told(mongo))[-1]
    assert isinstance(event, FileScanned)
    assert (event.verdict, event.override) == ("clean", "A false alarm.")


async def test_rows_of_older_releases_get_what_they_lack(mongo: Mongo, scans: Scans) -> None:
    await mongo["scans"].insert_one(
        {
            "_id": 9, "version_id": 1, "upload_id": "u9", "name": "old.Safetensors", "type": "Model", "size_bytes": 5,
            "object_key": "u9", "state": "done", "due_at": NOON, "attempt": 1, "correlation": "",
            "report": {"verdict": "clean", "format": "safetensors", "sizeBytes": 5, "hashes": {"SHA256": "AB" * 32},
                       "findings": [], "imports": [], "facts": None, "scannerVersion": "1", "rulesVersion": "1"},
        }
    )  # fmt: skip
    await scans.complete_old_rows()
    old = await scans.get(9)
    assert (old.verdict, old.sha256, old.extension, old.scanned_at) == ("clean", SHA256, ".safetensors", None)
