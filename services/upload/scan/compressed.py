"""Single compressed files: gzip, bzip2 and xz. The whole file must be the one stream, or for bzip2 several in a row."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from services.upload.scan.entries import CHUNK_BYTES, MAX_RATIO, RATIO_FREE_BYTES, Entry
from services.upload.scan.report import Refusal

MEMORY_BYTES = 192 << 20
"""Most an xz decoder may take; the highest usual setting takes 65 MB."""
_SUFFIXES = re.compile(r"\.(?:(t)gz|(t)bz2?|(t)xz|gz|bz2|xz)\Z", re.IGNORECASE)
_EXTRA, _NAME, _COMMENT, _KNOWN = 4, 8, 16, 0x1F


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class _Gzip:
    """zlib's decompressor in the form that those of bz2 and lzma have: it keeps what it could not use yet."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=31)  # a gzip header and its checksum, which it verifies

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        return self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)

    @property
    def needs_input(self) -> bool:
        return not self._inflater.unconsumed_tail


def entry_of_compressed(file: BinaryIO, size_bytes: int, kind: str, name: str) -> Entry:
    """The one file inside; its name is that of the archive without the last extension (".tgz" holds a ".tar")."""
    if kind == "gzip":
        _check_gzip_header(file)
    makers: dict[str, Callable[[], _Inflater]] = {"gzip": _Gzip, "bzip2": bz2.BZ2Decompressor, "xz": _xz}
    make = makers[kind]
    found = _SUFFIXES.search(name)
    inner = name[: found.start()] + (".tar" if any(found.groups()) else "") if found else name
    return Entry(inner or "content", None, lambda: _inflate(file, size_bytes, make, allows_more=kind == "bzip2"))


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY_BYTES)


def _refuse(message: str) -> Refusal:
    return Refusal("archive.malformed", "", f"{message} Pack it again.")


def _check_gzip_header(file: BinaryIO) -> None:
    """RFC 1952: of what may stand before the data, only a name and a comment of plain text are taken."""
    file.seek(0)
    head = file.read(10 + 2 * 1024)
    if len(head) < 18 or head[2] != 8 or head[3] & ~_KNOWN or head[3] & _EXTRA:
        raise _refuse("The gzip header is not an ordinary one.")
    at = 10
    for flag in (_NAME, _COMMENT):
        if head[3] & flag:
            end = head.find(b"\x00", at)
            if end < 0 or end - at > 1024 or any(char < 32 for char in head[at:end]):
                raise _refuse("A text in the gzip header has no end or odd characters.")
            at = end + 1


def _inflate(file: BinaryIO, size_bytes: int, make: Callable[[], _Inflater], *, allows_more: bool) -> Iterator[bytes]:
    inflater, at, total = make(), 0, 0
    rest = b""
    while True:
        if not rest and getattr(inflater, "needs_input", True):
            file.seek(at)
            rest = file.read(min(CHUNK_BYTES, size_bytes - at))
            at += len(rest)
            if not rest:
                raise _refuse("The packed data are cut off.")
        try:
            chunk = inflater.decompress(rest, CHUNK_BYTES)
        except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
            raise _refuse(f"The packed data cannot be unpacked ({error}).") from None
        rest = b""
        total += len(chunk)
        if total > RATIO_FREE_BYTES and total > MAX_RATIO * max(at, 1):
            raise Refusal("archive.bomb", "", "The packed data inflate out of all proportion.")
        if chunk:
            yield chunk
        if inflater.eof:
            rest = inflater.unused_data
            if not rest and at == size_bytes:
                return
            if not allows_more:
                raise _refuse("There are bytes after the packed data.")
            inflater = make()
