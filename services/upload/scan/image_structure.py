"""The structure of pictures, to the last byte of the file: parts, checksums, size, and nothing after the end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import NoReturn

from services.upload.scan.report import Refusal

MAX_PIXELS = 80_000_000
"""8,944 squared; about 320 MB while it is decoded."""
MAX_WEBP_PIXELS = MAX_PIXELS // 2
"""Its decoder holds the canvas more often than others do."""
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _refuse(message: str) -> NoReturn:
    raise Refusal("image.malformed", "", f"{message} Save the picture again.")


def _check_pixels(width: int, height: int, most: int = MAX_PIXELS) -> None:
    if not 0 < width * height <= most:
        _refuse(f"The picture of {width}×{height} pixels is empty or too large.")


def _check_png(data: bytes) -> None:
    at = 8
    is_first = True
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        end = at + 12 + length
        if end > len(data) or zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            _refuse("A chunk of the PNG is cut off or damaged.")
        if is_first != (kind == b"IHDR") or (is_first and length != 13):
            _refuse("The PNG does not begin with its header.")
        if is_first:
            width, height = struct.unpack_from(">2L", data, at + 8)
            _check_pixels(width, height)
        if kind == b"IEND":
            if end != len(data):
                _refuse("There are bytes after the end of the PNG.")
            return
        at, is_first = end, False
    _refuse("The PNG has no end.")


def _check_jpeg(data: bytes) -> None:
    at = 2
    has_frame = False
    while at + 2 <= len(data):
        if data[at] != 0xFF:
            _refuse("A marker of the JPEG is missing.")
        marker = data[at + 1]
        if marker == 0xFF:  # filler
            at += 1
            continue
        if marker == 0xD9:
            if at + 2 != len(data) or not has_frame:
                _refuse("There are bytes after the end of the JPEG, or it has no picture.")
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            _refuse("A segment of the JPEG is cut off.")
        if marker in _FRAME_MARKERS and length >= 8:
            height, width = struct.unpack_from(">2H", data, at + 5)
            _check_pixels(width, height)
            has_frame = True
        at += 2 + length
        if marker == 0xDA:
            at = _end_of_scan(data, at)
    _refuse("The JPEG has no end.")


def _end_of_scan(data: bytes, at: int) -> int:
    """Offset of the first marker after entropy-coded data: not a stuffed zero, not a restart mark."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
    return len(data)


def _check_webp(data: bytes) -> None:
    if int.from_bytes(data[4:8], "little") + 8 != len(data):
        _refuse("The WebP does not end where it says.")
    if not _check_webp_parts(data, 12, len(data)):
        _refuse("The WebP has no picture.")


def _check_webp_parts(data: bytes, at: int, end: int, *, is_frame: bool = False) -> bool:
    """Whether there is a picture among the parts that must fill this place; a frame has parts of its own."""
    has_picture = False
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sL", data, at)
        at += 8
        after = at + length + length % 2
        if after > end:
            break
        if (size := _webp_size(kind, data[at : at + min(length, 16)])) is not None:
            _check_pixels(*size, most=MAX_WEBP_PIXELS)
        if kind == b"ANMF" and not is_frame:
            has_picture = _check_webp_parts(data, at + 16, after, is_frame=True) or has_picture
        has_picture = has_picture or kind in (b"VP8 ", b"VP8L")
        at = after
    if at != end:
        _refuse("A part of the WebP is cut off.")
    return has_picture


def _webp_size(kind: bytes, part: bytes) -> tuple[int, int] | None:
    """Width and height that the beginning of a part declares; None if it declares none.

    Source: RFC 9649 (canvas, frame, lossless), RFC 6386 section 9.1 (lossy).
    """
    width_at = {b"VP8X": 4, b"ANMF": 6, b"VP8 ": 6, b"VP8L": 1}.get(kind)
    if width_at is None:
        return None
    if len(part) < width_at + (6 if kind in (b"VP8X", b"ANMF") else 4):
        _refuse("A part of the WebP is too short.")
    if kind in (b"VP8X", b"ANMF"):
        width, height = (int.from_bytes(part[at : at + 3], "little") + 1 for at in (width_at, width_at + 3))
        return width, height
    packed = int.from_bytes(part[width_at : width_at + 4], "little")
    if kind == b"VP8 ":
        return packed & 0x3FFF, packed >> 16 & 0x3FFF
    return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1


def _check_gif(data: bytes) -> None:
    """GIF89a: header, then blocks, each of them chains of parts with their lengths, up to the trailer."""
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 14:
        _refuse("The GIF does not begin with its header.")
    _check_pixels(int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))
    at = 13 + _gif_colours(data[10])
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            if at + 1 != len(data):
                _refuse("There are bytes after the end of the GIF.")
            return
        if kind == 0x21:
            at += 2
        elif kind == 0x2C and at + 10 <= len(data):
            width, height = struct.unpack_from("<2H", data, at + 5)
            _check_pixels(width, height)
            at += 11 + _gif_colours(data[at + 9])
        else:
            _refuse("A block of the GIF is unknown or cut off.")
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    _refuse("The GIF has no end.")


def _gif_colours(flags: int) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _check_bmp(data: bytes) -> None:
    if len(data) < 30 or int.from_bytes(data[2:6], "little") != len(data):
        _refuse("The BMP does not end where it says.")
    offset, header, width, height, _, bits, packing = struct.unpack_from("<2L2l2HL", data, 10)
    if header not in (40, 52, 56, 108, 124) or packing not in (0, 3) or bits not in (1, 4, 8, 16, 24, 32):
        _refuse("The BMP is of an unusual kind.")
    _check_pixels(width, abs(height))
    if offset + (width * bits + 31) // 32 * 4 * abs(height) not in range(len(data) - 3, len(data) + 1):
        _refuse("There are bytes after the picture in the BMP.")


CHECKS: dict[str, Callable[[bytes], None]] = {
    "png": _check_png,
    "jpeg": _check_jpeg,
    "webp": _check_webp,
    "gif": _check_gif,
    "bmp": _check_bmp,
}
