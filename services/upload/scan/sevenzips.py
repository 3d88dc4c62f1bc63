"""A strict reader of 7z files: what is packed by one of LZMA, LZMA2, deflate and bzip2, or not at all.

Format: 7zFormat.txt of the LZMA SDK. Chains of filters (made for programs), encryption and PPMd are not taken.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from services.upload.scan.entries import MAX_RATIO, RATIO_FREE_BYTES, Entry, is_safe_name, repeated_name
from services.upload.scan.report import Refusal
from services.upload.scan.sevenzip_header import Folder, SevenZipHeader, broken, parse_header
from services.upload.scan.sevenzip_inflate import inflate

MAX_HEADER_BYTES = 16 << 20
_START = struct.Struct("<6s2BL2QL")
_MODES = (0, 0x8000, 0x4000)
"""Of what Unix knows, plain files and folders."""


def read_entries(file: BinaryIO, size_bytes: int) -> list[Entry]:
    """All members, in the order in which they must be read.

    Raises:
        Refusal: the archive is malformed, has bytes that belong to nothing, or cannot be inspected.
    """
    file.seek(0)
    start = file.read(_START.size)
    if len(start) < _START.size:
        raise broken("The archive is cut off.")
    _, major, _, checksum, offset, length, header_checksum = _START.unpack(start)
    if major or zlib.crc32(start[12:]) != checksum or _START.size + offset + length != size_bytes:
        raise broken("The archive does not begin or end as it says.")
    if not length:
        return []
    if length > MAX_HEADER_BYTES:
        raise broken("The archive's header is too large.")
    file.seek(_START.size + offset)
    raw = file.read(length)
    if zlib.crc32(raw) != header_checksum:
        raise broken("The archive's header is damaged.")
    header = parse_header(raw)
    packed_end = offset
    if header.is_packed:
        packed_end = header.packed_at
        if len(header.folders) != 1 or packed_end + header.packed_bytes != offset:
            raise broken("The archive's header is not where it must be.")
        header = parse_header(_unpack(file, header.folders[0], _START.size + packed_end))
    if header.is_packed or header.packed_at or header.packed_bytes != packed_end:
        raise broken("There are bytes in the archive that belong to no member.")
    return _entries(file, header)


def _entries(file: BinaryIO, header: SevenZipHeader) -> list[Entry]:
    entries: list[Entry] = []
    streams = _streams(file, header)
    for member in header.members:
        name = member.name + "/" if member.is_folder else member.name
        if not is_safe_name(name):
            raise Refusal("7z.name", name, "A member's name is a path that leads elsewhere, or has odd characters.")
        mode = member.attributes >> 16 & 0xF000 if member.attributes & 0x8000 else 0
        if mode not in _MODES or member.attributes & 0x400:
            raise Refusal("7z.mode", name, "A member is a link or a device. Pack it again without.")
        if member.has_content:
            solid, size, checksum = next(streams, (None, 0, 0))
            if solid is None or checksum is None:
                raise broken("A member has no content, or no checksum.")
            entries.append(Entry(name, size, partial(_read_content, solid, size, checksum)))
        else:
            entries.append(Entry(name, 0, lambda: iter(()), member.is_folder))
    if next(streams, None) is not None:
        raise broken("A content belongs to no member.")
    if (repeated := repeated_name([entry.name for entry in entries])) is not None:
        raise Refusal("7z.name", repeated, "Two members have the same name. Pack them again.")
    return entries


def _streams(file: BinaryIO, header: SevenZipHeader) -> Iterator[tuple[_Solid, int, int | None]]:
    at = _START.size
    for folder in header.folders:
        solid = _Solid(file, folder, at)
        at += folder.packed_bytes
        for size, checksum in folder.contents:
            yield solid, size, checksum


class _Solid:
    """Several contents packed as one; they can be read in their order alone."""

    def __init__(self, file: BinaryIO, folder: Folder, at: int) -> None:
        self._chunks = inflate(file, folder, at)
        self._rest = b""
        self._folder, self._given = folder, 0

    def read(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes."""
        while size:
            if not self._rest:
                self._rest = next(self._chunks, b"")
            if not self._rest:
                raise broken("A member is shorter than it says.")
            chunk, self._rest = self._rest[:size], self._rest[size:]
            size -= len(chunk)
            self._given += len(chunk)
            if self._given > RATIO_FREE_BYTES and self._given > MAX_RATIO * max(self._folder.packed_bytes, 1):
                raise Refusal("archive.bomb", "", "The archive inflates out of all proportion.")
            yield chunk


def _read_content(solid: _Solid, size: int, checksum: int | None) -> Iterator[bytes]:
    crc = 0
    for chunk in solid.read(size):
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if checksum is not None and crc != checksum:
        raise broken("A member's content does not match its checksum.")


def _unpack(file: BinaryIO, folder: Folder, at: int) -> bytes:
    if folder.size > MAX_HEADER_BYTES or len(folder.contents) != 1:
        raise broken("The archive's header is too large.")
    size, checksum = folder.contents[0]
    return b"".join(_read_content(_Solid(file, folder, at), size, checksum))
