"""The bytes of a zip's members, as `zips` has found them: counted and checked while they are unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from isal.isal_zlib import crc32

from services.upload.scan.entries import CHUNK_BYTES, MAX_RATIO, RATIO_FREE_BYTES
from services.upload.scan.report import Refusal
from services.upload.scan.zips import DEFLATED, STORED, Member, refuse


def is_stored(member: Member) -> bool:
    """Whether its bytes lie in the archive as they are."""
    return member.method == STORED


def check_member(file: BinaryIO, member: Member, checksums: Mapping[tuple[int, int], int]) -> None:
    """Verify size and checksum of a member whose content is not looked at.

    Args:
        checksums: CRC32 of the archive's bytes by (offset, size), as far as they are known already.

    Raises:
        Refusal: like `read_member`.
    """
    known = checksums.get((member.data_offset, member.size_bytes)) if is_stored(member) else None
    if known is None:
        for _ in read_member(file, member):
            pass
    elif known != member.crc:
        raise refuse("checksum", member.name, "A member's content does not match its size or checksum.")


def read_member(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """The member's bytes in chunks of at most CHUNK_BYTES, counted and checked while they come.

    Raises:
        Refusal: size or checksum are not as declared, or it inflates without measure.
    """
    crc = size = 0
    for chunk in _inflate(file, member):
        size += len(chunk)
        if size > member.size_bytes:
            raise refuse("size", member.name, "A member is longer than it declares.")
        if size > RATIO_FREE_BYTES and size > MAX_RATIO * max(member.packed_bytes, 1):
            raise Refusal("zip.bomb", member.name, "A member inflates out of all proportion.")
        crc = crc32(chunk, crc)
        yield chunk
    if size != member.size_bytes or crc != member.crc:
        raise refuse("checksum", member.name, "A member's content does not match its size or checksum.")


def _inflate(file: BinaryIO, member: Member) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
    at, left = member.data_offset, member.packed_bytes
    while left:
        file.seek(at)  # others read the same file between chunks
        raw = file.read(min(CHUNK_BYTES, left))
        if not raw:
            raise refuse("layout", member.name, "A member is cut off.")
        at, left = at + len(raw), left - len(raw)
        if inflater is None:
            yield raw
            continue
        while raw:
            try:
                chunk = inflater.decompress(raw, CHUNK_BYTES)
            except zlib.error as error:
                raise refuse("checksum", member.name, f"A member cannot be unpacked ({error}).") from None
            if chunk:
                yield chunk
            raw = inflater.unconsumed_tail
            if inflater.unused_data or (inflater.eof and (raw or left)):
                raise refuse("layout", member.name, "There are bytes after a member's packed data.")
    if inflater is not None and not inflater.eof:
        raise refuse("checksum", member.name, "A member's packed data are cut off.")
