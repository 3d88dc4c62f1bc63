"""Where a file's bytes are: in a bucket that nobody can read until they are clean, then in the readable one.

Every move is a copy first and a removal after it, and may be done twice or broken off anywhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from services.upload.scans import Scans
from services.upload.verdicts import Scan
from shared.engines.s3 import NoSuchObject, Store

Place = tuple[str, str]
"""Bucket and key."""


class Shelf:
    """The bytes of scans."""

    def __init__(self, store: Store, scans: Scans) -> None:
        self._store = store
        self._scans = scans

    async def read(self, scan: Scan) -> AsyncIterator[bytes]:
        """The bytes of a file, wherever it stands. Raises NoSuchObject, before the first, if it has none any more."""
        bucket, key = await self._find(scan)
        async with aclosing(self._store.read(bucket, key)) as blocks:  # type: ignore[type-var]
            async for block in blocks:
                yield block

    async def publish(self, scan: Scan, sha256: str) -> None:
        """Make clean bytes readable under their hash; the same bytes may be there already. Raises NoSuchObject."""
        if await self._size_of(self._readable(sha256)) == scan.size_bytes:
            return
        await self._copy(await self._find(scan), self._readable(sha256))

    async def clear(self, scan: Scan) -> None:
        """Delete what is kept of a file where nobody can read it."""
        for bucket, key in self._hidden(scan):
            await self._store.delete(bucket, key)

    async def withdraw(self, sha256: str) -> None:
        """Take bytes out of the readable bucket, unless a clean file has them: every address of them ends here."""
        if await self._scans.is_clean(sha256):
            return
        readable = self._readable(sha256)
        try:
            await self._copy(readable, self._withdrawn(sha256))
        except NoSuchObject:
            return  # taken out already
        await self._store.delete(*readable)
        if await self._scans.is_clean(sha256):  # a moderator's word came in between
            await self._copy(self._withdrawn(sha256), readable)

    async def _copy(self, source: Place, target: Place) -> None:
        await self._store.copy(*source, *target)

    async def _size_of(self, place: Place) -> int | None:
        try:
            return (await self._store.stat(*place)).size_bytes
        except NoSuchObject:
            return None

    async def _find(self, scan: Scan) -> Place:
        readable = [self._readable(scan.sha256)] if scan.verdict == "clean" and scan.sha256 else []
        for place in (*readable, *self._hidden(scan)):
            if await self._size_of(place) is not None:
                return place
        raise NoSuchObject(f"the bytes of file {scan.file_id}")

    def _readable(self, sha256: str) -> Place:
        return self._store.models, sha256

    def _withdrawn(self, sha256: str) -> Place:
        return self._store.incoming, f"withdrawn-{sha256}"

    def _hidden(self, scan: Scan) -> list[Place]:
        places = [(self._store.incoming, scan.object_key)]
        return [*places, self._withdrawn(scan.sha256)] if scan.sha256 else places


async def take_in(scans: Scans, shelf: Shelf, file_id: int | None = None) -> None:
    """Finish what a withdrawal has begun: of one file, or of all where something broke off."""
    for withdrawn, sha256 in await scans.list_to_withdraw(file_id):
        await shelf.withdraw(sha256)
        await scans.withdrawn(withdrawn)
