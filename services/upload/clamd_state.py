"""Watches whether clamd answers and how old its signatures are: for `/health/ready`, `easel doctor` and the metrics."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from prometheus_client import Gauge

from services.upload.clamd import Clamd, ClamdFailed, ClamdVersion
from services.upload.settings import AntivirusMode
from shared.clock import now
from shared.service import Loop
from shared.telemetry import logger

log = logger(__name__)
UP = Gauge("easel_clamd_up", "Whether clamd answered when it was last asked.")
SIGNED = Gauge(
    "easel_clamd_signatures_timestamp_seconds", "When clamd's signatures were made; 0 where they have no date."
)
OLD_DAYS = 7
_EVERY_SECONDS = 15.0


def signatures_made(signatures: str) -> datetime | None:
    """When signatures were made, of `27500/Tue Mar  3 09:00:00 2026`; None for those without a date."""
    try:
        return datetime.strptime(signatures.partition("/")[2], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def state_text(version: ClamdVersion, at: datetime) -> str:
    """`ClamAV 1.4.3, signatures 27500, 2 days old`, and what to do if they are too old."""
    number = version.signatures.partition("/")[0]
    made = signatures_made(version.signatures)
    if not number or made is None:
        return f"{version.engine}, with signatures of one's own alone: they have no version"
    days = max((at - made).days, 0)
    text = f"{version.engine}, signatures {number}, {days} {'day' if days == 1 else 'days'} old"
    return f"{text}: freshclam does not fetch newer ones" if days > OLD_DAYS else text


class ClamdState:
    """A component that asks clamd every 15 seconds; missing while a required clamd is away."""

    name = "clamav"

    def __init__(self, clamd: Clamd, mode: AntivirusMode) -> None:
        self._clamd = clamd
        self._mode = mode
        self._away: str | None = "not asked yet"
        self._loop = Loop(self.name, self._watch)
        self.note = ""
        """Its versions, or why it is away."""

    async def start(self) -> None:
        """Ask, and go on asking; a clamd that is away does not keep the process from starting."""
        await self.ask()
        await self._loop.start()

    async def check(self) -> None:
        """Raises ClamdFailed while a required clamd is away."""
        if self._away is not None and self._mode == "required":
            raise ClamdFailed(self._away)

    async def stop(self) -> None:
        """Ask no more."""
        await self._loop.stop()

    async def ask(self) -> None:
        """Ask once, and note the answer."""
        try:
            version = await self._clamd.version()
        except ClamdFailed as error:
            if self._away is None:
                log.warning("clamd is away", url=self._clamd.url, error=str(error))
            self._away = f"no answer from {self._clamd.url}: {error}"
            self.note = "" if self._mode == "required" else f"{self._away}; files are served without it"
            UP.set(0)
            return
        self._away = None
        self.note = state_text(version, now())
        UP.set(1)
        made = signatures_made(version.signatures)
        SIGNED.set(made.timestamp() if made else 0)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.ask()
