"""Unpacks the packed streams of 7z files, in constant memory."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from services.upload.scan.entries import CHUNK_BYTES
from services.upload.scan.sevenzip_header import BZIP2, COPY, DEFLATE, LZMA, LZMA2, Folder, broken

MAX_DICTIONARY_BYTES = 256 << 20
_MIN_DICTIONARY_BYTES = 4096
_MAX_END_BYTES = 16
"""End marks and checksums that follow the last unpacked byte."""


class _Inflater(Protocol):
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class _Deflate:
    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        return self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)


def inflate(file: BinaryIO, folder: Folder, at: int) -> Iterator[bytes]:
    """The unpacked bytes of a folder whose packed ones begin at `at`: exactly as many as it says.

    Raises:
        Refusal: they are not what they say.
    """
    inflater = _inflater(folder)
    left, missing = folder.packed_bytes, folder.size
    while missing:
        file.seek(at)
        raw = file.read(min(CHUNK_BYTES, left))
        at, left = at + len(raw), left - len(raw)
        is_last = not raw
        while missing:
            try:
                chunk = inflater.decompress(raw, min(CHUNK_BYTES, missing)) if inflater else raw[:missing]
            except (lzma.LZMAError, zlib.error, OSError, EOFError, ValueError) as error:
                raise broken(f"A member cannot be unpacked ({error}).") from None
            raw = b""
            missing -= len(chunk)
            if chunk:
                yield chunk
            if not chunk or inflater is None:
                break
        if is_last and missing:
            raise broken("A member is cut off.")
    if left > _MAX_END_BYTES:
        raise broken("There are bytes behind a member's packed data.")


def _inflater(folder: Folder) -> _Inflater | None:
    method, properties = folder.method, folder.properties
    if method == COPY:
        return None
    if method == DEFLATE:
        return _Deflate()
    if method == BZIP2:
        return bz2.BZ2Decompressor()
    if method == LZMA2 and len(properties) == 1 and properties[0] <= 40:
        bits = properties[0]
        options = {"id": lzma.FILTER_LZMA2}
        return _raw_lzma(options, (2 | bits & 1) << (bits // 2 + 11), folder.size, is_filtered=folder.is_filtered)
    if method == LZMA and len(properties) == 5 and properties[0] < 9 * 5 * 5:
        lc, rest = properties[0] % 9, properties[0] // 9
        options = {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": rest % 5, "pb": rest // 5}
        return _raw_lzma(options, int.from_bytes(properties[1:], "little"), folder.size)
    raise broken("A member is packed in a way that cannot be inspected.")


def _raw_lzma(options: dict[str, int], dictionary: int, size: int, *, is_filtered: bool = False) -> _Inflater:
    """No match reaches back further than there are bytes, so the dictionary need not be larger than the content."""
    needed = min(dictionary, size)
    if needed > MAX_DICTIONARY_BYTES:
        raise broken("The archive needs too much memory to unpack.")
    try:
        filters = [{"id": lzma.FILTER_X86}] if is_filtered else []
        filters.append({**options, "dict_size": max(needed, _MIN_DICTIONARY_BYTES)})
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    except (lzma.LZMAError, ValueError) as error:
        raise broken(f"A member cannot be unpacked ({error}).") from None
