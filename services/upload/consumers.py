"""Events the scanner listens to."""

from __future__ import annotations

import asyncio

from services.upload.scans import Scans
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.moderation import FileOverridden
from shared.events.uploads import FileUploaded


class ScannerConsumers:
    """Wakes the scan loop. The file itself waits in the database, so a lost wake-up costs seconds and no file."""

    def __init__(self, wake: asyncio.Event, scans: Scans) -> None:
        self._wake = wake
        self._scans = scans

    def register(self, consumer: Consumer) -> None:
        """Subscribe."""
        consumer.on(FileUploaded, self.on_file_uploaded)
        consumer.on(FileOverridden, self.on_file_overridden)
        consumer.subscribe(("easel.uploads", "easel.moderation"))

    async def on_file_uploaded(self, _event: Event[FileUploaded], _session: Session) -> None:
        """There is something to scan."""
        self._wake.set()

    async def on_file_overridden(self, event: Event[FileOverridden], session: Session) -> None:
        """A moderator lets a refused file pass: it is looked at once more, and what was found before counts no more."""
        data = event.data
        await self._scans.override(data.subject_id, data.reason, data.actor, event.time, session)
        self._wake.set()
