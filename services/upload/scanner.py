"""The scanner: takes files that lack a verdict, reads each once, and moves only clean ones to where they can be read.

A file is claimed by a lease, so a killed scanner's file is taken by the next; attempts are counted before they start,
so a file that kills its scanner ends with the verdict `failed` instead of going round for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import structlog
from litestar import Litestar
from prometheus_client import Counter, Histogram

from services.upload.antivirus import new_clamd_state
from services.upload.confined import Confined
from services.upload.consumers import ScannerConsumers
from services.upload.examination import Examiner
from services.upload.rescans import Rescans
from services.upload.scans import Scans
from services.upload.settings import UploadSettings
from services.upload.shelf import Shelf, take_in
from services.upload.verdicts import Looked, Scan, verdict_with
from shared.clock import new_id, now
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.engines.s3 import Store
from shared.lag import LagProbe
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service
from shared.telemetry import begin_correlation, logger

log = logger(__name__)
SCANS = Counter("easel_scans_total", "Finished scans by verdict.", ["verdict"])
SCAN_SECONDS = Histogram(
    "easel_scan_seconds",
    "Time of one scan, from claim to verdict.",
    buckets=(0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000),
)
_LEASE = timedelta(seconds=20)
_RENEW_SECONDS = 5.0
_POLL_SECONDS = 3.0
_ENGINES_SECONDS = 60.0


class LeaseLost(Exception):
    """Another scanner has taken the file; what this one found is dropped."""


class Scanner:
    """Claims, scans, settles; one file at a time."""

    def __init__(
        self, settings: UploadSettings, scans: Scans, shelf: Shelf, examiner: Examiner, wake: asyncio.Event
    ) -> None:
        self._settings = settings
        self._scans = scans
        self._shelf = shelf
        self._examiner = examiner
        self._wake = wake
        self._owner = new_id()
        self._quarantine = timedelta(hours=settings.quarantine_hours)

    async def run(self) -> None:
        """Scan everything that waits, then wait for more."""
        while True:
            self._wake.clear()
            scan = await self._scans.claim(self._owner, now(), _LEASE)
            if scan is not None:
                await self._one(scan)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)

    async def _one(self, scan: Scan) -> None:
        structlog.contextvars.clear_contextvars()
        begin_correlation(scan.correlation)
        structlog.contextvars.bind_contextvars(file_id=scan.file_id)
        started = asyncio.get_running_loop().time()
        try:
            looked = await self._look_with_lease(scan)
        except LeaseLost:
            log.warning("another scanner has taken the file")
            return
        except BaseException:
            # An engine is away, or we are being stopped: no fault of the file's.
            await asyncio.shield(self._scans.hand_back(scan.file_id, self._owner, now()))
            raise
        await self._settle(scan, looked)
        seconds = asyncio.get_running_loop().time() - started
        SCAN_SECONDS.observe(seconds)
        log.info(
            "scanned", name=scan.name, verdict=looked.report.verdict, seconds=round(seconds, 3), attempt=scan.attempt,
            again=scan.verdict is not None, taken_from=looked.taken_from,
        )  # fmt: skip

    async def _look_with_lease(self, scan: Scan) -> Looked:
        """Look at the file while keeping the lease; raises LeaseLost when it is gone."""
        progress = {"bytes": 0}
        work = asyncio.create_task(self._examiner.examine(scan, lambda done: progress.__setitem__("bytes", done)))
        try:
            while True:
                done, _ = await asyncio.wait({work}, timeout=_RENEW_SECONDS)
                if done:
                    return work.result()
                if not await self._scans.renew(scan.file_id, self._owner, now() + _LEASE, progress["bytes"]):
                    raise LeaseLost
        finally:
            work.cancel()

    async def _settle(self, scan: Scan, looked: Looked) -> None:
        verdict = verdict_with(looked.report, scan.override)
        if verdict == "failed" and scan.attempt < self._settings.scan_attempts:
            pause = timedelta(seconds=min(60, 2**scan.attempt))
            log.warning("scan failed, trying again", attempt=scan.attempt, finding=looked.report.findings[0].message)
            await self._scans.retry(scan.file_id, self._owner, now() + pause)
        elif verdict == "failed" and scan.verdict == "clean":
            # A rescan without a result changes nothing: the verdict of before stands until there is another.
            await self._scans.give_up(scan.file_id, self._owner, looked.report.findings[0].message)
        elif verdict == "clean":
            await self._let_out(scan, looked)
        elif scan.verdict == "clean":
            await self._take_in(scan, looked)
        elif await self._scans.finish(scan, self._owner, looked, now() + self._quarantine) == "kept":
            SCANS.labels(verdict).inc()

    async def _let_out(self, scan: Scan, looked: Looked) -> None:
        assert looked.sha256 is not None
        await self._shelf.publish(scan, looked.sha256)
        is_first = scan.verdict != "clean"
        kept = await self._scans.finish(scan, self._owner, looked, now() if is_first else None)
        if kept == "kept":
            SCANS.labels("clean").inc()
            if is_first:
                await self._shelf.clear(scan)
                await self._scans.discarded(scan.file_id)
        elif kept == "contradicted":
            log.warning("the same bytes were found to be dangerous meanwhile; scanning again")
            await self._shelf.withdraw(looked.sha256)
            await self._scans.retry(scan.file_id, self._owner, now())

    async def _take_in(self, scan: Scan, looked: Looked) -> None:
        """First nobody is sent to the bytes any more, then they go: what breaks off here is finished by `upload`."""
        if await self._scans.withdraw(scan, self._owner, looked, now() + self._quarantine):
            SCANS.labels(looked.report.verdict).inc()
            log.warning("withdrawn", name=scan.name, finding=looked.report.findings[0].message)
            await take_in(self._scans, self._shelf, scan.file_id)


def create_app() -> Litestar:
    """The scanner's application: health, metrics and the loop."""
    settings = UploadSettings()
    settings.spool_dir.mkdir(parents=True, exist_ok=True)
    mongo = Mongo(settings, "upload")
    kafka = Kafka(settings)
    store = Store(settings)
    scans = Scans(mongo, Outbox(mongo, "upload"))
    rescans = Rescans(mongo)
    shelf = Shelf(store, scans)
    examiner = Examiner(settings, scans, shelf)
    wake = asyncio.Event()
    consumer = Consumer(mongo, kafka, "scanner")
    clamd_state = new_clamd_state(settings)
    ScannerConsumers(wake, scans).register(consumer)
    scanners = [Scanner(settings, scans, shelf, examiner, wake) for _ in range(settings.scans_at_once)]

    async def tell_engines() -> None:
        await scans.complete_old_rows()
        while True:
            await rescans.save_engines(await examiner.engines())
            await asyncio.sleep(_ENGINES_SECONDS)

    return create_service(
        "scanner",
        settings,
        components=[
            Confined(settings.spool_dir),
            *([clamd_state] if clamd_state else []),
            mongo,
            store,
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("engines", tell_engines),
            *(Loop(f"scan {number}", scanner.run) for number, scanner in enumerate(scanners, 1)),
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
    )
