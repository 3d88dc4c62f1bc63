"""The scanner: takes files that lack a verdict, reads each once, and moves only clean ones to where they can be read.

A file is claimed by a lease, so a killed scanner's file is taken by the next; attempts are counted before they start,
so a file that kills its scanner ends with the verdict `failed` instead of going round for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from litestar import Litestar
from prometheus_client import Counter, Histogram

from services.upload.antivirus import Windows, new_clamd, watched, with_antivirus
from services.upload.confined import Confined
from services.upload.consumers import ScannerConsumers
from services.upload.domain import Scan
from services.upload.repository import Repository
from services.upload.scan.child import scan_isolated
from services.upload.scan.report import Finding, ScanReport
from services.upload.settings import UploadSettings
from shared.clock import new_id, now
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.engines.s3 import NoSuchObject, Store
from shared.events import uploads as contract
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


class LeaseLost(Exception):
    """Another scanner has taken the file; what this one found is dropped."""


class Scanner:
    """Claims, scans, settles; one file at a time."""

    def __init__(self, settings: UploadSettings, uploads: Repository, store: Store, wake: asyncio.Event) -> None:
        self._settings = settings
        self._uploads = uploads
        self._store = store
        self._wake = wake
        self._owner = new_id()
        self._clamd = new_clamd(settings)

    async def run(self) -> None:
        """Scan everything that waits, then wait for more."""
        while True:
            self._wake.clear()
            scan = await self._uploads.claim_scan(self._owner, now(), _LEASE)
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
            report = await self._scan_with_lease(scan)
        except LeaseLost:
            log.warning("another scanner has taken the file")
            return
        except BaseException:
            # An engine is away, or we are being stopped: no fault of the file's.
            await asyncio.shield(self._uploads.hand_back_scan(scan.file_id, self._owner, now()))
            raise
        await self._settle(scan, report)
        seconds = asyncio.get_running_loop().time() - started
        SCAN_SECONDS.observe(seconds)
        log.info("scanned", name=scan.name, verdict=report.verdict, seconds=round(seconds, 3), attempt=scan.attempt)

    async def _scan_with_lease(self, scan: Scan) -> ScanReport:
        """Scan while keeping the lease; raises LeaseLost when it is gone."""
        progress = {"bytes": 0}
        work = asyncio.create_task(self._scan(scan, progress))
        try:
            while True:
                done, _ = await asyncio.wait({work}, timeout=_RENEW_SECONDS)
                if done:
                    return work.result()
                if not await self._uploads.renew_scan(scan.file_id, self._owner, now() + _LEASE, progress["bytes"]):
                    raise LeaseLost
        finally:
            work.cancel()

    async def _scan(self, scan: Scan, progress: dict[str, int]) -> ScanReport:
        if scan.attempt > self._settings.scan_attempts:
            return _failed(scan, "scan.gave-up", f"{scan.attempt - 1} attempts ended without a result.")
        chunks = self._store.read(self._store.incoming, scan.object_key)
        try:
            if self._clamd is None:
                return await self._inspect(scan, chunks, progress)
            windows = Windows(
                self._clamd, scan.size_bytes, self._settings.spool_dir, archive_bytes=self._settings.clamd_archive_bytes
            )
            async with contextlib.aclosing(windows):
                report = await self._inspect(scan, watched(chunks, windows), progress)
                return with_antivirus(report, await windows.finish(), self._settings.antivirus_mode)
        except NoSuchObject:
            return _failed(scan, "scan.missing", "The uploaded bytes are not in the store. Upload the file again.")

    async def _inspect(self, scan: Scan, chunks: AsyncIterator[bytes], progress: dict[str, int]) -> ScanReport:
        return await scan_isolated(
            chunks,
            scan.size_bytes,
            scan.name,
            scan.type,
            spool_dir=self._settings.spool_dir,
            timeout_seconds=self._settings.scan_seconds,
            progress=lambda done: progress.__setitem__("bytes", done),
        )

    async def _settle(self, scan: Scan, report: ScanReport) -> None:
        if report.verdict == "failed" and scan.attempt < self._settings.scan_attempts:
            pause = timedelta(seconds=min(60, 2**scan.attempt))
            log.warning("scan failed, trying again", attempt=scan.attempt, finding=report.findings[0].message)
            await self._uploads.retry_scan(scan.file_id, self._owner, now() + pause)
            return
        if report.verdict == "clean":
            await self._move(scan, report)
        keep = timedelta(hours=0 if report.verdict == "clean" else self._settings.quarantine_hours)
        event = _event(scan, report)
        stored: dict[str, Any] = msgspec.to_builtins(report)
        if await self._uploads.finish_scan(scan.file_id, self._owner, stored, [event], now() + keep):
            SCANS.labels(report.verdict).inc()
            if report.verdict == "clean":
                await self._store.delete(self._store.incoming, scan.object_key)
                await self._uploads.discarded(scan.file_id)

    async def _move(self, scan: Scan, report: ScanReport) -> None:
        """Copy the bytes to the readable bucket under their hash; the same bytes may be there already."""
        key = report.hashes["SHA256"].lower()
        try:
            if (await self._store.stat(self._store.models, key)).size_bytes == scan.size_bytes:
                return
        except NoSuchObject:
            pass
        await self._store.copy(self._store.incoming, scan.object_key, self._store.models, key)


def _failed(scan: Scan, code: str, message: str) -> ScanReport:
    return ScanReport(
        verdict="failed", format="unknown", size_bytes=scan.size_bytes, hashes={}, imports=(), facts=None,
        findings=(Finding(code=code, message=message),),
    )  # fmt: skip


def _event(scan: Scan, report: ScanReport) -> contract.FileScanned:
    return contract.FileScanned(
        file_id=scan.file_id,
        version_id=scan.version_id,
        name=scan.name,
        verdict=report.verdict,
        format=report.format,
        size_bytes=report.size_bytes,
        sha256=report.hashes.get("SHA256", "").lower(),
        hashes=report.hashes,
        findings=[contract.Finding(code=f.code, location=f.location, message=f.message) for f in report.findings],
        imports=[found.qualified_name for found in report.imports],
        facts=msgspec.to_builtins(report.facts) if report.facts else None,
        scanned_at=now(),
        scanner_version=report.scanner_version,
        rules_version=report.rules_version,
        antivirus=msgspec.convert(msgspec.to_builtins(report.antivirus), contract.Antivirus | None),
    )


def create_app() -> Litestar:
    """The scanner's application: health, metrics and the loop."""
    settings = UploadSettings()
    settings.spool_dir.mkdir(parents=True, exist_ok=True)
    mongo = Mongo(settings, "upload")
    kafka = Kafka(settings)
    store = Store(settings)
    uploads = Repository(mongo, Outbox(mongo, "upload"))
    wake = asyncio.Event()
    consumer = Consumer(mongo, kafka, "scanner")
    ScannerConsumers(wake).register(consumer)
    scanners = [Scanner(settings, uploads, store, wake) for _ in range(settings.scans_at_once)]
    return create_service(
        "scanner",
        settings,
        components=[
            Confined(settings.spool_dir),
            mongo,
            store,
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            *(Loop(f"scan {number}", scanner.run) for number, scanner in enumerate(scanners, 1)),
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
    )
