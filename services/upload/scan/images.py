"""Checks the pictures in an archive by their structure, to the last byte of the file; no pixel is decoded."""

from __future__ import annotations

import struct
import zlib
from typing import NoReturn

from services.upload.scan.report import Refusal

MAX_IMAGE_BYTES = 64 << 20
MAX_PIXELS = 200_000_000
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _refuse(name: str, message: str) -> NoReturn:
    raise Refusal("image.malformed", name, f"{message} Save the picture again.")


def check_image(data: bytes, kind: str, name: str) -> None:
    """Check a picture of kind "png", "jpeg" or "webp".

    Raises:
        Refusal: a part is malformed, bytes follow the end mark, or it is too large.
    """
    {"png": _check_png, "jpeg": _check_jpeg, "webp": _check_webp}[kind](data, name)


def _check_pixels(width: int, height: int, name: str) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        _refuse(name, f"The picture of {width}×{height} pixels is empty or too large.")


def _check_png(data: bytes, name: str) -> None:
    at = 8
    is_first = True
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        end = at + 12 + length
        if end > len(data) or zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            _refuse(name, "A chunk of the PNG is cut off or damaged.")
        if is_first != (kind == b"IHDR") or (is_first and length != 13):
            _refuse(name, "The PNG does not begin with its header.")
        if is_first:
            width, height = struct.unpack_from(">2L", data, at + 8)
            _check_pixels(width, height, name)
        if kind == b"IEND":
            if end != len(data):
                _refuse(name, "There are bytes after the end of the PNG.")
            return
        at, is_first = end, False
    _refuse(name, "The PNG has no end.")


def _check_jpeg(data: bytes, name: str) -> None:
    at = 2
    has_frame = False
    while at + 2 <= len(data):
        if data[at] != 0xFF:
            _refuse(name, "A marker of the JPEG is missing.")
        marker = data[at + 1]
        if marker == 0xFF:  # filler
            at += 1
            continue
        if marker == 0xD9:
            if at + 2 != len(data) or not has_frame:
                _refuse(name, "There are bytes after the end of the JPEG, or it has no picture.")
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            _refuse(name, "A segment of the JPEG is cut off.")
        if marker in _FRAME_MARKERS and length >= 8:
            height, width = struct.unpack_from(">2H", data, at + 5)
            _check_pixels(width, height, name)
            has_frame = True
        at += 2 + length
        if marker == 0xDA:
            at = _end_of_scan(data, at)
    _refuse(name, "The JPEG has no end.")


def _end_of_scan(data: bytes, at: int) -> int:
    """Offset of the first marker after entropy-coded data: not a stuffed zero, not a restart mark."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
    return len(data)


def _check_webp(data: bytes, name: str) -> None:
    if int.from_bytes(data[4:8], "little") + 8 != len(data):
        _refuse(name, "The WebP does not end where it says.")
    at = 12
    has_picture = False
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sL", data, at)
        has_picture = has_picture or kind in (b"VP8 ", b"VP8L", b"ANMF")
        at += 8 + length + length % 2
    if at != len(data) or not has_picture:
        _refuse(name, "A part of the WebP is cut off or missing.")
