"""Validates a GGUF file's header: key-value pairs, tensor table, and the layout of the tensors up to the end of file.

Format: GGUF v2 and v3, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; block sizes as in ggml.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import NoReturn

from services.upload.scan.report import Refusal, printable

MAX_HEADER_BYTES = 64 << 20
"""The header is read as a whole; vocabularies make some tens of MB."""
MAX_ENTRIES = 200_000
MAX_ARRAY = 4_000_000
MAX_NAME_BYTES = 1_024
MAX_DEPTH = 2
MAX_ALIGNMENT = 1 << 16
_MAX_64 = (1 << 64) - 1

_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9

TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    # Formats of the processor's own order, dropped in 2024.
    31: ("Q4_0_4_4", 32, 18), 32: ("Q4_0_4_8", 32, 18), 33: ("Q4_0_8_8", 32, 18), 36: ("IQ4_NL_4_4", 32, 18),
    37: ("IQ4_NL_4_8", 32, 18), 38: ("IQ4_NL_8_8", 32, 18),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip
"""ggml's tensor types: name, elements in a block, bytes in a block."""

# What a chat template needs to climb out of its sandbox: attributes with double underscores, or `attr` to spell them.
# Special tokens such as `<__media__>` are no attributes.
_TEMPLATE_ESCAPE = re.compile(
    r"(?:\.|['\"])\s*__\w+"
    r"|__(?:class|bases?|mro|subclasses|init|globals|builtins|import|getattribute|dict|code|self|reduce)(?:_ex)?__"
    r"|\|\s*attr\b|\battr\s*\(|\\x5f|\\u005f|\\137",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One entry of the tensor table; `offset` counts from the start of the tensor data."""

    type_name: str
    shape: tuple[int, ...]
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """A valid header. Of arrays only the length is kept."""

    values: dict[str, object]
    tensors: dict[str, GgufTensor]


def _refuse(code: str, location: str, message: str) -> NoReturn:
    raise Refusal(f"gguf.{code}", location, f"{message} Convert the model again.")


class _Cursor:
    """Reads values off the head of the file; every length is checked against what is left before it is used."""

    def __init__(self, data: bytes | bytearray, is_whole: bool) -> None:
        self.data = data
        self.at = 0
        self._is_whole = is_whole

    def take(self, count: int) -> bytes | bytearray:
        if count > len(self.data) - self.at:
            if self._is_whole:
                _refuse("truncated", f"byte {self.at}", "The file ends inside its header.")
            _refuse("too_large", f"byte {self.at}", f"The header is larger than {MAX_HEADER_BYTES} bytes.")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: str) -> int:
        (value,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(value)

    def text(self) -> str:
        at = self.at
        try:
            return self.take(self.number("<Q")).decode("utf-8")
        except UnicodeDecodeError:
            _refuse("text", f"byte {at}", "A text is not UTF-8.")

    def value(self, kind: int, depth: int = 0) -> object:
        if kind in _SCALARS:
            raw = self.take(struct.calcsize(_SCALARS[kind]))
            if kind == 7 and raw not in (b"\x00", b"\x01"):
                _refuse("value", f"byte {self.at}", "A truth value is neither 0 nor 1.")
            return struct.unpack(_SCALARS[kind], raw)[0]
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY or depth >= MAX_DEPTH:
            _refuse("value", f"byte {self.at}", f"The value type {kind} is unknown or nested too deeply.")
        item, count = self.number("<I"), self.number("<Q")
        if count > MAX_ARRAY:
            _refuse("too_large", f"byte {self.at}", f"An array has more than {MAX_ARRAY} items.")
        if item in _SCALARS:
            self.take(count * struct.calcsize(_SCALARS[item]))
        else:
            for _ in range(count):
                self.value(item, depth + 1)
        return count


def parse_gguf(head: bytes | bytearray, size_bytes: int) -> GgufHeader:
    """The header of a file of `size_bytes` that begins with `head` (the file, or its first MAX_HEADER_BYTES).

    Raises:
        Refusal: the header or the layout of the tensors is not exactly as the format says.
    """
    cursor = _Cursor(head, is_whole=len(head) >= size_bytes)
    if cursor.take(4) != b"GGUF" or (version := cursor.number("<I")) not in (2, 3):
        _refuse("version", "header", "Only GGUF versions 2 and 3 in little-endian order are taken.")
    del version
    tensor_count, value_count = cursor.number("<Q"), cursor.number("<Q")
    # A tensor's entry takes at least 24 bytes, a value 13.
    if max(tensor_count, value_count) > MAX_ENTRIES or tensor_count * 24 + value_count * 13 > size_bytes - cursor.at:
        _refuse("count", "header", f"{tensor_count} tensors and {value_count} values do not fit the file.")
    values = _read_values(cursor, value_count)
    alignment = values.get("general.alignment", 32)
    if type(alignment) is not int or not 8 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        _refuse("alignment", "general.alignment", "The alignment is not a power of two from 8 up.")
    tensors = _read_tensors(cursor, tensor_count)
    data_start = _aligned(cursor.at, alignment)
    if head[cursor.at : data_start].strip(b"\x00"):
        _refuse("layout", f"byte {cursor.at}", "The padding after the header is not empty.")
    _check_layout(tensors, alignment, size_bytes - data_start)
    return GgufHeader(values, tensors)


def _read_values(cursor: _Cursor, count: int) -> dict[str, object]:
    values: dict[str, object] = {}
    for _ in range(count):
        key = cursor.text()
        if not key or len(key) > MAX_NAME_BYTES or key in values:
            _refuse("key", key, "A key is empty, too long, or there twice.")
        start = cursor.at
        values[key] = cursor.value(cursor.number("<I"))
        text = cursor.data[start : cursor.at].decode("utf-8", "replace") if "chat_template" in key else ""
        if _TEMPLATE_ESCAPE.search(text):
            raise Refusal(
                "gguf.template",
                key,
                "The chat template reaches for Python's inner attributes. Remove it.",
                is_dangerous=True,
            )
    return values


def _read_tensors(cursor: _Cursor, count: int) -> dict[str, GgufTensor]:
    tensors: dict[str, GgufTensor] = {}
    for _ in range(count):
        name = cursor.text()
        if not name or len(name) > MAX_NAME_BYTES or name in tensors:
            _refuse("tensor", name, "A tensor's name is empty, too long, or there twice.")
        dimensions = cursor.number("<I")
        if not 1 <= dimensions <= 4:
            _refuse("tensor", name, f"A tensor has {dimensions} dimensions; 1 to 4 are possible.")
        shape = tuple(cursor.number("<Q") for _ in range(dimensions))
        kind, offset = cursor.number("<I"), cursor.number("<Q")
        if kind not in TYPES:
            _refuse("dtype", name, f"The tensor type {kind} is unknown.")
        type_name, block, width = TYPES[kind]
        elements = 1
        for side in shape:
            elements *= side
        if elements * width > _MAX_64 or shape[0] % block:
            _refuse("size", name, "The shape is too large, or its rows are no whole number of blocks.")
        tensors[name] = GgufTensor(type_name, shape, offset, elements // block * width)
    return tensors


def _check_layout(tensors: dict[str, GgufTensor], alignment: int, data_bytes: int) -> None:
    position = last_end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].offset, item[1].size_bytes)):
        if tensor.offset != position:
            _refuse("layout", name, "The tensor overlaps another or leaves a gap before it.")
        last_end = position + tensor.size_bytes
        position = _aligned(last_end, alignment)
    if data_bytes not in (last_end, position) and not (not tensors and -alignment < data_bytes <= 0):
        _refuse(
            "layout",
            "end of file",
            f"{data_bytes} bytes where the header tells of {printable(str(position))}.",
        )


def _aligned(offset: int, alignment: int) -> int:
    return (offset + alignment - 1) // alignment * alignment
