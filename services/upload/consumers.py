"""Events the scanner listens to."""

from __future__ import annotations

import asyncio

from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.uploads import FileUploaded


class ScannerConsumers:
    """Wakes the scan loop. The file itself waits in the database, so a lost wake-up costs seconds and no file."""

    def __init__(self, wake: asyncio.Event) -> None:
        self._wake = wake

    def register(self, consumer: Consumer) -> None:
        """Subscribe."""
        consumer.on(FileUploaded, self.on_file_uploaded)
        consumer.subscribe(("easel.uploads",))

    async def on_file_uploaded(self, _event: Event[FileUploaded], _session: Session) -> None:
        """There is something to scan."""
        self._wake.set()
