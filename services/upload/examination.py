"""One look at one file: its bytes pass once, through the antivirus, into the confined child that judges them.

Bytes that were judged before are not judged again: a file whose size and first MiB are known is only hashed, and takes
the report of the same bytes, if what scans has not changed since.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from msgspec.structs import replace

from services.upload.antivirus import Windows, new_clamd, patiently, watched, with_antivirus
from services.upload.clamd import ClamdFailed
from services.upload.scan.additions import rules_version
from services.upload.scan.child import scan_isolated
from services.upload.scan.report import Finding, ScanReport, failed_report
from services.upload.scans import Scans
from services.upload.settings import UploadSettings
from services.upload.shelf import Shelf
from services.upload.verdicts import Engines, Looked, Scan
from shared.clock import now
from shared.engines.s3 import NoSuchObject

Progress = Callable[[int], None]
"""Told the number of bytes that have passed."""


class Examiner:
    """Looks at files as the settings say."""

    def __init__(self, settings: UploadSettings, scans: Scans, shelf: Shelf) -> None:
        self._settings = settings
        self._scans = scans
        self._shelf = shelf
        self._clamd = new_clamd(settings)
        self._additions = settings.additions
        self._rules = rules_version(self._additions)

    async def engines(self) -> Engines:
        """What scans here at present."""
        if self._clamd is None:
            return Engines(rules=self._rules)
        try:
            version = await patiently(self._clamd.version)
        except ClamdFailed:
            return Engines(rules=self._rules, has_antivirus=True)  # the scan itself will say what is wrong
        return Engines(rules=self._rules, has_antivirus=True, antivirus=version.engine, signatures=version.signatures)

    async def examine(self, scan: Scan, progress: Progress) -> Looked:
        """Judge a file. The verdict "failed" means: try again. Raises what the engines raise when they are away."""
        if scan.attempt > self._settings.scan_attempts:
            return self._failed(scan, "scan.gave-up", f"{scan.attempt - 1} attempts ended without a result.")
        engines = await self.engines()
        if scan.verdict == "clean" and (twin := await self._scans.find_scanned_since(scan, engines)):
            return _taken(twin)
        try:
            return await self._read(scan, engines, progress)
        except NoSuchObject:
            return self._failed(scan, "scan.missing", "The file's bytes are not in the store. Upload it again.")

    async def _read(self, scan: Scan, engines: Engines, progress: Progress) -> Looked:
        async with aclosing(self._shelf.read(scan)) as blocks:  # type: ignore[type-var]
            first = await anext(blocks, b"")
            head = hashlib.sha256(first).hexdigest()
            twin = await self._scans.find_twin(scan, head, engines) if scan.verdict is None else None
            if twin is None:
                return await self._judge(scan, head, _chained(first, blocks), progress)
            if await _sha256(_chained(first, blocks), progress) == twin.sha256:
                return _taken(twin)
        async with aclosing(self._shelf.read(scan)) as blocks:  # type: ignore[type-var]
            return await self._judge(scan, head, blocks, progress)

    async def _judge(self, scan: Scan, head: str, blocks: AsyncIterator[bytes], progress: Progress) -> Looked:
        if self._clamd is None:
            report = await self._inspect(scan, blocks, progress)
        else:
            windows = Windows(
                self._clamd, scan.size_bytes, self._settings.spool_dir, archive_bytes=self._settings.clamd_archive_bytes
            )
            async with aclosing(windows):
                report = await self._inspect(scan, watched(blocks, windows), progress)
                report = with_antivirus(report, await windows.finish(), self._settings.antivirus_mode)
        return Looked(report=_as_recorded(scan, report), scanned_at=now(), head=head)

    async def _inspect(self, scan: Scan, blocks: AsyncIterator[bytes], progress: Progress) -> ScanReport:
        return await scan_isolated(
            blocks,
            scan.size_bytes,
            scan.name,
            scan.type,
            spool_dir=self._settings.spool_dir,
            timeout_seconds=self._settings.scan_seconds,
            progress=progress,
            additions=self._additions,
        )

    def _failed(self, scan: Scan, code: str, message: str) -> Looked:
        return Looked(report=failed_report(scan.size_bytes, code, message), scanned_at=now())


def _taken(twin: Scan) -> Looked:
    """Its report, as this file's."""
    assert twin.report is not None and twin.scanned_at is not None
    return Looked(
        report=twin.report, scanned_at=twin.scanned_at, head=twin.head, taken_from=twin.taken_from or twin.file_id
    )  # fmt: skip


def _as_recorded(scan: Scan, report: ScanReport) -> ScanReport:
    """Bytes that are served are those that were scanned; others under their name are not to be served."""
    found = report.hashes.get("SHA256", "").lower()
    if scan.verdict != "clean" or not found or found == scan.sha256:
        return report
    message = "The stored bytes are not those that were scanned before. Upload the file again."
    finding = Finding(code="file.replaced", message=message)
    return replace(report, verdict="invalid", findings=(finding, *report.findings))


async def _sha256(blocks: AsyncIterator[bytes], progress: Progress) -> str:
    digest = hashlib.sha256()
    done = 0
    async for block in blocks:
        digest.update(block)
        done += len(block)
        progress(done)
    return digest.hexdigest()


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block
