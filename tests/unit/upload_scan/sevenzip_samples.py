"""Writes small 7z files, by the format's description."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Mapping

COPY, LZMA, LZMA2, DEFLATE, BZIP2, X86, AES = (
    b"\x00", b"\x03\x01\x01", b"\x21", b"\x04\x01\x08", b"\x04\x02\x02", b"\x03\x03\x01\x03", b"\x06\xf1\x07\x01",
)  # fmt: skip
_DICTIONARY = 1 << 16


def number(value: int) -> bytes:
    """Seven bits in one byte, else eight bytes behind a mark."""
    return bytes([value]) if value < 0x80 else b"\xff" + struct.pack("<Q", value)


def packed(method: bytes, data: bytes) -> tuple[bytes, bytes]:
    """The packed bytes and the method's properties."""
    if method == DEFLATE:
        deflater = zlib.compressobj(wbits=-15)
        return deflater.compress(data) + deflater.flush(), b""
    if method == BZIP2:
        return bz2.compress(data), b""
    if method == LZMA2:
        filters: list[dict[str, int]] = [{"id": lzma.FILTER_LZMA2, "dict_size": _DICTIONARY}]
        return lzma.compress(data, lzma.FORMAT_RAW, filters=filters), bytes([10])
    if method == LZMA:
        filters = [{"id": lzma.FILTER_LZMA1, "dict_size": _DICTIONARY, "lc": 3, "lp": 0, "pb": 2}]
        return lzma.compress(data, lzma.FORMAT_RAW, filters=filters), b"\x5d" + struct.pack("<L", _DICTIONARY)
    return data, b""


def coder(method: bytes, properties: bytes = b"") -> bytes:
    flags = len(method) | (0x20 if properties else 0)
    return bytes([flags]) + method + (number(len(properties)) + properties if properties else b"")


def part(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + number(len(data)) + data


def seven_zip(
    members: Mapping[str, bytes],
    method: bytes = LZMA2,
    *,
    is_header_packed: bool = False,
    attributes: int = 0x20,
    checksum_change: int = 0,
    folder: bytes | None = None,
    between: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """One solid stream of all members that have content; names that end in a slash are folders."""
    full = [data for data in members.values() if data]
    content = b"".join(full)
    raw, properties = packed(method, content)
    streams = _streams(raw, 0, len(content), folder or b"\x01" + coder(method, properties))
    sizes = b"".join(number(len(data)) for data in full[:-1])
    checksums = b"".join(struct.pack("<L", zlib.crc32(data) ^ checksum_change) for data in full)
    parts = b"\x08\x0d" + number(len(full)) + (b"\x09" + sizes if sizes else b"") + b"\x0a\x01" + checksums + b"\x00"
    main = b"\x04" + streams + parts + b"\x00" if full else b""
    names = b"".join(name.removesuffix("/").encode("utf-16-le") + b"\0\0" for name in members)
    empty = [not data for data in members.values()]
    files = number(len(members))
    if any(empty):
        files += part(0x0E, _bits(empty))
        files += part(0x0F, _bits([not name.endswith("/") for name, data in members.items() if not data]))
    files += part(0x11, b"\x00" + names) + part(0x15, b"\x01\x00" + struct.pack("<L", attributes) * len(members)) + more
    header = b"\x01" + main + b"\x05" + files + b"\x00\x00"
    body = (raw if full else b"") + between
    if is_header_packed:
        small, properties = packed(LZMA, header)
        body, header = (
            body + small,
            b"\x17"
            + _streams(small, len(body), len(header), b"\x01" + coder(LZMA, properties), zlib.crc32(header))
            + b"\x00",
        )
    start = struct.pack("<QQL", len(body), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<L", zlib.crc32(start)) + start + body + header


def _streams(raw: bytes, at: int, size: int, folder: bytes, checksum: int | None = None) -> bytes:
    counted = number(size) * (2 if folder[:1] == b"\x02" else 1)
    own = b"" if checksum is None else b"\x0a\x01" + struct.pack("<L", checksum)
    return (
        b"\x06" + number(at) + b"\x01\x09" + number(len(raw)) + b"\x00"
        + b"\x07\x0b\x01\x00" + folder + b"\x0c" + counted + own + b"\x00"
    )  # fmt: skip


def _bits(flags: list[bool]) -> bytes:
    out = bytearray((len(flags) + 7) // 8)
    for index, flag in enumerate(flags):
        out[index // 8] |= 0x80 >> index % 8 if flag else 0
    return bytes(out)
