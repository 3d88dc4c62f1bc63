"""The antivirus step of a scan: the bytes pass by in overlapping windows, each given to clamd on its own.

A clamd takes 2 GB at most at once and 100 MB unless told otherwise, so a window is smaller than both. A sample that
lies across a border is whole in the next window, as long as it is shorter than the overlap. An archive must be seen
as a whole to be unpacked: one that clamd can take is a single window.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from services.upload.clamd import Clamd, ClamdFailed, ClamdLimits
from services.upload.clamd_state import ClamdState
from services.upload.scan.report import Antivirus, Finding, ScanReport
from services.upload.settings import AntivirusMode, UploadSettings

T = TypeVar("T")
WINDOW_BYTES: Final = 64 << 20
OVERLAP_BYTES: Final = 1 << 20
_ATTEMPTS = 3
_ZIP = b"PK\x03\x04"
_SCANNED_AT_ONCE = 2
_STATE_SECONDS = 15.0
"""How long a busy clamd may take to say its version."""


class Windows:
    """One file on its way past clamd. Feed it all bytes in order, then `finish`; `aclose` in any case."""

    def __init__(
        self, clamd: Clamd, size_bytes: int, spool_dir: Path, *, archive_bytes: int, window_bytes: int = WINDOW_BYTES,
        overlap_bytes: int = OVERLAP_BYTES,
    ) -> None:  # fmt: skip
        self._clamd = clamd
        self._size_bytes = size_bytes
        self._spool_dir = spool_dir
        self._archive_bytes = archive_bytes
        self._window_bytes = window_bytes
        self._overlap_bytes = overlap_bytes
        self._fed_bytes = 0
        self._window = -1
        self._filled_bytes = 0
        self._count = 0
        self._scans: set[asyncio.Task[str | None]] = set()
        self._outcome = Antivirus(status="clean")

    async def feed(self, block: bytes) -> None:
        """Take the next bytes; waits while clamd has enough to do. Does nothing more once the outcome is known."""
        if not self._fed_bytes and block.startswith(_ZIP) and self._size_bytes <= self._archive_bytes:
            self._window_bytes = max(self._window_bytes, self._size_bytes)
        self._fed_bytes += len(block)
        view = memoryview(block)
        while view and self._outcome.status == "clean":
            if self._window < 0:
                self._window = self._open()
            view = view[os.write(self._window, view[: self._window_bytes - self._filled_bytes]) :]
            self._filled_bytes = os.lseek(self._window, 0, os.SEEK_CUR)
            if self._filled_bytes == self._window_bytes and self._fed_bytes - len(view) < self._size_bytes:
                await self._hand_over()

    async def finish(self) -> Antivirus:
        """The outcome: clean only if every byte was in a window that clamd called clean."""
        if self._window >= 0 and self._outcome.status == "clean":
            await self._hand_over(is_last=True)
        while self._scans:
            await self._collect()
        outcome = self._outcome
        if outcome.status == "clean" and self._fed_bytes != self._size_bytes:
            outcome = replace(outcome, status="not-scanned", message="the file was not read to its end")
        return replace(outcome, windows=self._count)

    async def aclose(self) -> None:
        """Give up what still runs."""
        for scan in self._scans:
            scan.cancel()
        await asyncio.gather(*self._scans, return_exceptions=True)
        if self._window >= 0:
            os.close(self._window)
            self._window = -1

    def _open(self) -> int:
        if self._window_bytes <= WINDOW_BYTES:
            return os.memfd_create("easel-window")
        with tempfile.TemporaryFile(dir=self._spool_dir) as file:
            return os.dup(file.fileno())

    async def _hand_over(self, *, is_last: bool = False) -> None:
        """Give the window to clamd; the next one begins with this one's end."""
        if not self._count and not await self._note_version():
            return
        window, filled = self._window, self._filled_bytes
        self._window, self._filled_bytes = -1, 0
        if not is_last:
            self._window = self._open()
            overlap = os.pread(window, self._overlap_bytes, filled - self._overlap_bytes)
            self._filled_bytes = os.write(self._window, overlap)
        self._count += 1
        self._scans.add(asyncio.create_task(self._scan(window, filled)))
        if len(self._scans) >= _SCANNED_AT_ONCE:
            await self._collect()

    async def _note_version(self) -> bool:
        """Keep the versions from before the first window: if they change meanwhile, a rescan is seen to be due."""
        try:
            version = await patiently(self._clamd.version)
        except ClamdFailed as error:
            self._outcome = Antivirus(status="not-scanned", message=_reason(error))
            return False
        self._outcome = replace(self._outcome, engine=version.engine, signatures=version.signatures)
        return True

    async def _scan(self, window: int, size_bytes: int) -> str | None:
        try:
            return await patiently(lambda: self._clamd.scan(window, size_bytes))
        finally:
            os.close(window)

    async def _collect(self) -> None:
        """Wait for one window and note what became of it. What was found counts more than what failed elsewhere."""
        done, self._scans = await asyncio.wait(self._scans, return_when=asyncio.FIRST_COMPLETED)
        for scan in done:
            try:
                found = scan.result()
            except ClamdFailed as error:
                if self._outcome.status == "clean":
                    self._outcome = replace(self._outcome, status="not-scanned", message=_reason(error))
                continue
            if found is not None:
                self._outcome = replace(self._outcome, status="infected", found=found, message=None)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask clamd, and again if it gave no verdict for a reason that may pass. Raises ClamdFailed."""
    async for attempt in AsyncRetrying(
        stop=stop_after_attempt(_ATTEMPTS), wait=wait_exponential_jitter(0.3, max=3), reraise=True,
        retry=retry_if_exception(lambda error: isinstance(error, ClamdFailed) and not isinstance(error, ClamdLimits)),
    ):  # fmt: skip
        with attempt:
            return await ask()
    raise AssertionError("tenacity returns or raises")


async def watched(chunks: AsyncIterator[bytes], windows: Windows) -> AsyncIterator[bytes]:
    """The same chunks, each shown to the antivirus on its way."""
    async with contextlib.aclosing(chunks) as source:  # type: ignore[type-var]  # every source here is a generator
        async for chunk in source:
            await windows.feed(chunk)
            yield chunk


def new_clamd(settings: UploadSettings) -> Clamd | None:
    """The antivirus of this hub; None where it is off."""
    if settings.clamd_url is None or settings.antivirus_mode == "off":
        return None
    return Clamd(settings.clamd_url, reply_seconds=settings.clamd_seconds)


def new_clamd_state(settings: UploadSettings) -> ClamdState | None:
    """What watches this hub's antivirus; None where it is off."""
    if settings.clamd_url is None or settings.antivirus_mode == "off":
        return None
    return ClamdState(Clamd(settings.clamd_url, reply_seconds=_STATE_SECONDS), settings.antivirus_mode)


def with_antivirus(report: ScanReport, outcome: Antivirus, mode: AntivirusMode) -> ScanReport:
    """The report with what the antivirus says: a hit is dangerous; no answer is a failed scan where one is required."""
    report = replace(report, antivirus=outcome)
    if outcome.status == "infected":
        finding = Finding(code="antivirus.found", message=f"{outcome.engine or 'The antivirus'} finds {outcome.found}.")
        return replace(report, verdict="dangerous", findings=(finding, *report.findings))
    if outcome.status == "not-scanned" and mode == "required" and report.verdict == "clean":
        message = f"The antivirus, which this hub requires, has not scanned the file: {outcome.message}."
        finding = Finding(code="antivirus.not-scanned", message=message)
        return replace(report, verdict="failed", findings=(finding, *report.findings))
    return report


def _reason(error: ClamdFailed) -> str:
    if isinstance(error, ClamdLimits):
        return f"the file is over a limit of clamd ({error})"
    return f"clamd gave no verdict: {error}"
