"""Finished renditions in a folder, the ones that were used last, up to a number of bytes."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import OrderedDict
from pathlib import Path

_LARGEST_PART = 8
"""An entry may take this part of the room at most, so that one does not push out all others."""


class DiskCache:
    """Names to bytes. Files of a former process are taken over; a file that has vanished is a miss."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0

    @property
    def total_bytes(self) -> int:
        """Bytes of all entries."""
        return self._total

    async def open(self) -> None:
        """Make the folder, or take over what it holds."""
        found = await asyncio.to_thread(self._scan)
        for name, size in found:
            self._note(name, size)
        await self._shrink()

    def _scan(self) -> list[tuple[str, int]]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        rows = []
        for entry in os.scandir(self._folder):
            if entry.name.startswith("."):
                Path(entry.path).unlink(missing_ok=True)  # half written when a process ended
            elif entry.is_file(follow_symlinks=False):
                facts = entry.stat(follow_symlinks=False)
                rows.append((facts.st_mtime, entry.name, facts.st_size))
        return [(name, size) for _, name, size in sorted(rows)]

    async def get(self, name: str) -> bytes | None:
        """The bytes of an entry, which counts as used now; None if there is none."""
        if name not in self._sizes:
            return None
        self._sizes.move_to_end(name)
        try:
            return await asyncio.to_thread(self._read, name)
        except FileNotFoundError:
            self._total -= self._sizes.pop(name, 0)
            return None

    def _read(self, name: str) -> bytes:
        path = self._folder / name
        os.utime(path)  # the order of use outlives the process
        return path.read_bytes()

    async def put(self, name: str, data: bytes) -> None:
        """Keep an entry, and let go of those that were not used for longest."""
        if len(data) > self._max_bytes // _LARGEST_PART:
            return
        await asyncio.to_thread(self._write, name, data)
        self._note(name, len(data))
        await self._shrink()

    def _write(self, name: str, data: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(prefix=".", dir=self._folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).replace(self._folder / name)

    def _note(self, name: str, size: int) -> None:
        self._total += size - self._sizes.pop(name, 0)
        self._sizes[name] = size

    async def _shrink(self) -> None:
        gone: list[str] = []
        while self._total > self._max_bytes:
            name, size = self._sizes.popitem(last=False)
            self._total -= size
            gone.append(name)
        if gone:
            await asyncio.to_thread(self._delete, gone)

    def _delete(self, names: list[str]) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)
