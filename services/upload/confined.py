"""Says in the log and in `/health/ready` what this machine cannot keep the scanning process from."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.upload.scan.check import missing_confinement
from shared.telemetry import logger

log = logger(__name__)


class Confined:
    """A component that is never missing: where the kernel cannot confine in full, files are scanned all the same."""

    name = "confinement"

    def __init__(self, spool_dir: Path) -> None:
        self._spool_dir = spool_dir
        self.note = ""
        """What is lacking; "" if nothing is."""

    async def start(self) -> None:
        """Try it out in a process like a scan's."""
        lacks = await asyncio.to_thread(missing_confinement, self._spool_dir)
        self.note = "; ".join(lacks)
        if lacks:
            log.warning("scans are not confined in full on this machine", lacks=lacks)

    async def check(self) -> None:
        """Nothing to check again: a kernel does not change while it runs."""

    async def stop(self) -> None:
        """Nothing to let go."""
