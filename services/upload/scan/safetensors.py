"""Validates the whole header of a safetensors file, so that nothing can hide outside a declared tensor.

Format: https://huggingface.co/docs/safetensors: 8 bytes of little-endian header length, a JSON object, the tensors.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NoReturn

from services.upload.scan.formats import SAFETENSORS_MAX_HEADER_BYTES
from services.upload.scan.report import Refusal, printable

DTYPE_BITS: dict[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "I64": 64, "U64": 64,
    "F64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip

MAX_DEPTH = 3
"""The file's object, a tensor's object, a list of numbers."""
MAX_TOKENS = 3_000_000
"""Bounds the memory that a hostile header can make a parser take; 20,000 tensors have 240,000."""
_MAX_64 = (1 << 64) - 1

# Strings are skipped, also one without an end, so that this takes linear time on any input.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry of the header; `begin` and `end` count from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        product = 1
        for side in self.shape:
            product *= side
        return product


@dataclass(frozen=True, slots=True)
class Header:
    """A valid header."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def _refuse(code: str, location: str, message: str) -> NoReturn:
    raise Refusal(f"safetensors.{code}", location, f"{message} Save the file again with the safetensors library.")


def parse_header(head: bytes | bytearray | memoryview, size_bytes: int) -> Header:
    """The header of a file of `size_bytes` whose first bytes (all of the header at least) are `head`.

    Raises:
        Refusal: anything about the header or the layout of the tensors is not exactly as the format says.
    """
    length = int.from_bytes(bytes(head[:8]), "little")
    if size_bytes < 10 or not 2 <= length <= SAFETENSORS_MAX_HEADER_BYTES or 8 + length > size_bytes:
        _refuse("length", "header", f"The header length {length} is impossible for {size_bytes} bytes.")
    raw = bytes(head[8 : 8 + length])
    if len(raw) < length:
        _refuse("truncated", "header", "The file ends inside its header.")
    _check_shape_of_json(raw)
    tensors, metadata = _split(_load(raw))
    _check_layout(tensors, size_bytes - 8 - length)
    return Header(tensors, metadata)


def _check_shape_of_json(raw: bytes) -> None:
    """Depth and number of tokens, before a recursive parser sees the text."""
    if not raw.startswith(b"{"):
        _refuse("json", "header", "The header does not begin with an object.")
    depth = 0
    for count, token in enumerate(_TOKEN.finditer(raw)):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
        elif first in b"]}":
            depth -= 1
        if depth > MAX_DEPTH:
            _refuse("json", "header", "The header is nested too deeply.")
        if count > MAX_TOKENS:
            _refuse("too_large", "header", f"The header has more than {MAX_TOKENS} parts.")


def _load(raw: bytes) -> dict[str, object]:
    try:
        text = raw.decode("utf-8")
        decoder = json.JSONDecoder(
            object_pairs_hook=_unique, parse_float=_no_number, parse_constant=_no_number, parse_int=_integer
        )
        found, end = decoder.raw_decode(text)
    except (ValueError, RecursionError) as error:
        _refuse("json", "header", f"The header is not strict JSON in UTF-8 ({printable(str(error), 200)}).")
    if text[end:].strip(" "):
        _refuse("json", "header", "There is something other than spaces after the header's object.")
    if not isinstance(found, dict):
        _refuse("json", "header", "The header is not an object.")
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"the number {text[:40]} is not a whole number")


def _integer(text: str) -> int:
    if len(text) > 20:
        raise ValueError("a number has too many digits")
    return int(text)


def _split(found: dict[str, object]) -> tuple[dict[str, Tensor], dict[str, str]]:
    metadata = found.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _refuse("metadata", "__metadata__", "The metadata is not a map of text to text.")
    try:
        # JSON escapes can make half a character, which other readers refuse.
        "".join((*found, *metadata, *metadata.values())).encode("utf-8")
    except UnicodeEncodeError:
        _refuse("json", "header", "A text in the header holds half a character.")
    return {name: _tensor(name, entry) for name, entry in found.items()}, metadata


def _tensor(name: str, entry: object) -> Tensor:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        _refuse("tensor", name, "A tensor's entry does not have exactly dtype, shape and data_offsets.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        _refuse("dtype", name, f"The dtype {printable(str(dtype), 40)} is unknown.")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        _refuse("tensor", name, "Shape or data_offsets are not lists of whole numbers from 0 up.")
    tensor = Tensor(dtype, tuple(shape), offsets[0], offsets[1])
    elements = 1
    for side in tensor.shape:
        elements *= side
        if elements > _MAX_64:
            _refuse("overflow", name, "The shape has more elements than 64 bits can count.")
    bits = elements * DTYPE_BITS[dtype]
    if bits > _MAX_64 or bits % 8 or tensor.begin > tensor.end or bits // 8 != tensor.end - tensor.begin:
        _refuse("size", name, "Shape and dtype do not give the size that data_offsets say.")
    return tensor


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value <= _MAX_64 for value in values)


def _check_layout(tensors: dict[str, Tensor], data_bytes: int) -> None:
    position = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != position:
            word = "overlaps another" if tensor.begin < position else "leaves a gap before it"
            _refuse("layout", name, f"The tensor {word}.")
        position = tensor.end
    if position != data_bytes:
        word = "The file is cut off" if position > data_bytes else "There are bytes after the last tensor"
        _refuse("layout", "end of file", f"{word}: {data_bytes} bytes where the header tells of {position}.")
