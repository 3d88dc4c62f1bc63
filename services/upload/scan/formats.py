"""Which format the bytes have, and whether name, declared type and content agree.

Detection looks at content alone; extension and declared type are only compared with its answer afterwards.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

from services.upload.scan.machine import walk_pickle
from services.upload.scan.report import Refusal

Format = Literal[
    "safetensors", "gguf", "torch_zip", "torch_legacy", "pickle", "zip", "numpy",
    "7z", "gzip", "bzip2", "xz", "zstd", "lz4", "zlib", "rar", "tar",
    "png", "jpeg", "webp", "gif", "pdf", "html", "script", "executable", "text", "empty", "unknown",
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
    (8, b"WEBP", "webp"),
    (257, b"ustar", "tar"),
    *((0, b"\x78" + level, "zlib") for level in (b"\x01", b"\x9c", b"\xda")),
)

_HTML = re.compile(rb"\s*<(?:!doctype|html|head|body|script|svg|\?xml|iframe|img|!--)", re.IGNORECASE)

_WEIGHTS = frozenset({"safetensors", "gguf", "torch_zip", "torch_legacy"})

EXTENSIONS: dict[str, frozenset[str]] = {
    ".safetensors": frozenset({"safetensors"}),
    ".sft": frozenset({"safetensors"}),
    ".gguf": frozenset({"gguf"}),
    **dict.fromkeys((".ckpt", ".pt", ".pth", ".bin"), frozenset({"torch_zip", "torch_legacy"})),
    ".zip": frozenset({"zip"}),
    **dict.fromkeys((".yaml", ".yml", ".json", ".txt", ".toml", ".csv"), frozenset({"text"})),
}
"""Extensions that the hub takes, with the contents each may have."""

DECLARED: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "Model", "Pruned Model", "Negative", "Text Encoder", "Vision Encoder", "VAE", "UNet", "Diffusion Model",
            "CLIPVision", "ControlNet", "Upscaler", "Enhancement LoRA",
        ),
        _WEIGHTS,
    ),
    "Archive": frozenset({"zip"}),
    "Config": frozenset({"text"}),
    "Training Data": frozenset({"zip", "text"}),
    "Workflow": frozenset({"zip", "text"}),
    "Other": _WEIGHTS | {"zip", "text"},
}  # fmt: skip
"""File types of the API, with the contents each may have."""

_TITLES = {
    "safetensors": "a safetensors file", "gguf": "a GGUF file", "torch_zip": "a PyTorch archive",
    "torch_legacy": "an old PyTorch file", "pickle": "a plain Python pickle", "zip": "a zip archive",
    "text": "plain text", "html": "a web page", "script": "a script", "executable": "a program",
    "empty": "empty", "unknown": "of no kind that the hub knows", "numpy": "a NumPy array",
}  # fmt: skip


def detect_format(head: bytes | memoryview, size_bytes: int) -> Format:
    """The format of a file by its first bytes and its size. Only the members of a zip tell torch's from others."""
    data = bytes(head[:HEAD_BYTES])
    if not data:
        return "empty"
    if is_safetensors_head(data, size_bytes):
        return "safetensors"
    found = next((found for at, magic, found in _MAGIC if data.startswith(magic, at)), None)
    return found or _detect_textual(data)


def _detect_textual(data: bytes) -> Format:
    """Protocols 0 and 1 have no magic and may be printable: such a pickle is known by a call that it really makes."""
    if _HTML.match(data.removeprefix(b"\xef\xbb\xbf")):
        return "html"
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


def extension_of(name: str) -> str:
    """The last extension of a file name in lower case, with its dot; "" without one."""
    return PurePosixPath(name).suffix.lower()


def check_agreement(name: str, declared_type: str | None, found: str) -> None:
    """Name, declared type (None: nobody declared one) and content must say the same.

    Raises:
        Refusal: they do not; the message says which to change.
    """
    title = _TITLES.get(found, f"a {found} file")
    if found == "empty":
        raise Refusal("file.empty", "", f"{name} has no bytes. Upload it again.")
    extension = extension_of(name)
    if extension not in EXTENSIONS:
        known = ", ".join(sorted(EXTENSIONS))
        raise Refusal("name.extension", "", f"{name} has no extension that the hub takes. Take one of {known}.")
    if found not in EXTENSIONS[extension]:
        raise Refusal(
            "content.mismatch", "",
            f"{name} is {title}, not what {extension} stands for. Upload the model itself, under the extension it has.",
        )  # fmt: skip
    if declared_type is None:
        return
    if declared_type not in DECLARED:
        raise Refusal(
            "type.unknown",
            "",
            f"The file type {declared_type!r} is unknown. Take one of {', '.join(DECLARED)}.",
        )
    if found not in DECLARED[declared_type]:
        raise Refusal(
            "type.mismatch", "",
            f"{name} is {title} and cannot be of the type {declared_type!r}. Change the type or the file.",
        )  # fmt: skip
