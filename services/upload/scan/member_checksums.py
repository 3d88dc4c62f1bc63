"""CRC32 of the members of a zip that are stored as they are, taken while the whole file passes by."""

from __future__ import annotations

from collections.abc import Iterable

from isal.isal_zlib import crc32

from services.upload.scan.zip_content import is_stored
from services.upload.scan.zips import Member


class MemberChecksums:
    """Fed with all blocks of the archive in order; `found` then holds the checksum by (offset, size) of the data."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.found: dict[tuple[int, int], int] = {}
        waiting = [(member.data_offset, member.size_bytes) for member in members if is_stored(member)]
        self._waiting = sorted(waiting, reverse=True)
        self._position = 0
        self._crc = 0

    def update(self, block: memoryview) -> None:
        """Take the next block; it is read here and not kept."""
        begin, end = self._position, self._position + len(block)
        self._position = end
        while self._waiting and self._waiting[-1][0] < end:
            start, size = self._waiting[-1]
            self._crc = crc32(block[max(start - begin, 0) : start + size - begin], self._crc)
            if start + size > end:
                break  # goes on in the next block
            self.found[self._waiting.pop()] = self._crc
            self._crc = 0
