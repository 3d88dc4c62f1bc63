"""Which format the bytes have, by the bytes alone. Name and declared type are compared with it in `agreement`."""

from __future__ import annotations

import re
from typing import Literal

Format = Literal[
    "safetensors", "gguf", "torch_zip", "torch_legacy", "pickle", "zip", "numpy",
    "npz", "onnx", "7z", "gzip", "bzip2", "xz", "zstd", "lz4", "zlib", "rar", "tar", "hdf5",
    "png", "jpeg", "webp", "gif", "bmp", "pdf", "html", "script", "executable", "text", "empty", "unknown",
]  # fmt: skip

HEAD_BYTES = 4096
"""Detection never needs more than the first bytes of this number."""

SAFETENSORS_MAX_HEADER_BYTES = 100_000_000
"""Limit of the reference implementation of safetensors."""

# The literal integer with which torch's format before zip files begins, as protocol 2 writes it.
_TORCH_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

_MAGIC: tuple[tuple[int, bytes, Format], ...] = (
    (0, _TORCH_LEGACY_MAGIC, "torch_legacy"),
    *((0, b"\x80" + bytes([protocol]), "pickle") for protocol in range(6)),
    *((0, b"PK" + record, "zip") for record in (b"\x03\x04", b"\x05\x06", b"\x06\x06", b"\x01\x02")),
    (0, b"GGUF", "gguf"),
    (0, b"\x93NUMPY", "numpy"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF8", "gif"),
    (0, b"%PDF", "pdf"),
    (0, b"MZ", "executable"),
    (0, b"\x7fELF", "executable"),
    (0, b"\xcf\xfa\xed\xfe", "executable"),
    (0, b"\xce\xfa\xed\xfe", "executable"),
    (0, b"\xca\xfe\xba\xbe", "executable"),
    (0, b"#!", "script"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (257, b"ustar", "tar"),
    *((0, b"\x78" + level, "zlib") for level in (b"\x01", b"\x9c", b"\xda")),
)

# ModelProto: the version of the IR comes first, then another field of a model.
_ONNX = re.compile(rb"\x08[\x01-\x1f][\x12\x1a\x22\x28\x32\x3a\x42\x72]")
_HTML = re.compile(rb"\s*<(?:!doctype|html|head|body|script|svg|\?xml|iframe|img|!--)", re.IGNORECASE)


def detect_format(head: bytes | memoryview, size_bytes: int) -> Format:
    """The format of a file by its first bytes and its size. Only the members of a zip tell torch's from others."""
    data = bytes(head[:HEAD_BYTES])
    if not data:
        return "empty"
    if is_safetensors_head(data, size_bytes):
        return "safetensors"
    found = next((found for at, magic, found in _MAGIC if data.startswith(magic, at)), None)
    return found or _detect_binary(data, size_bytes) or _detect_textual(data)


def _detect_binary(data: bytes, size_bytes: int) -> Format | None:
    """Formats whose mark is short: some more of their first bytes must fit."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith(b"BM") and data[6:10] == bytes(4) and int.from_bytes(data[2:6], "little") == size_bytes:
        return "bmp"
    if _ONNX.match(data):
        return "onnx"
    return "tar" if is_tar_header(data[:512]) else None


def is_tar_header(block: bytes) -> bool:
    """Whether 512 bytes are a tar header: of the oldest kind too, which has a checksum but no magic."""
    if len(block) < 512 or not block[0]:
        return False
    digits = block[148:156].strip(b" \x00")
    if not digits or not re.fullmatch(rb"[0-7]+", digits):
        return False
    return int(digits, 8) == sum(block[:148]) + 8 * 32 + sum(block[156:])


def _detect_textual(data: bytes) -> Format:
    """Protocols 0 and 1 have no magic and may be printable: such a pickle is known by a call that it really makes."""
    if _HTML.match(data.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    from services.upload.scan.machine import walk_pickle  # most files have a mark, and do without it

    walk = walk_pickle(data)
    if walk.imports and (walk.has_called or walk.is_complete):
        return "pickle"
    return "text" if _is_text(data) else "unknown"


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 3 or len(data) < HEAD_BYTES:  # a character may be cut at the end of the head
            return False
        text = data[: error.start].decode("utf-8")
    return not re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text)


def safetensors_data_offset(head: bytes | memoryview) -> int:
    """Where the tensors begin: 8 bytes of little-endian header length, and the header."""
    return 8 + int.from_bytes(bytes(head[:8]), "little")


def is_safetensors_head(head: bytes | memoryview, size_bytes: int) -> bool:
    """Whether the first 9 bytes can begin a safetensors file of this size; the header itself is validated elsewhere."""
    if len(head) < 9 or head[8] != 0x7B:
        return False
    offset = safetensors_data_offset(head)
    return 10 <= offset <= 8 + SAFETENSORS_MAX_HEADER_BYTES and offset <= size_bytes
