"""The tensor list of a model file from its first bytes: safetensors and GGUF.

Files here passed the scan, which checks far more; this reads names, types and shapes for `tensor-metadata`.
Formats: https://huggingface.co/docs/safetensors, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (v2, v3).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Literal

import msgspec

from shared.api.v1 import DtypeCount, Tensor, TensorMetadata

Format = Literal["SafeTensor", "GGUF"]
MAX_HEADER_BYTES = 32 << 20
"""Headers are read into memory; 20,000 tensors take about 3 MB."""
_SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
_MAX_DEPTH = 2
_GGML_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
}  # fmt: skip
"""ggml's tensor types: name, elements in a block, bytes in a block."""


class Unreadable(Exception):
    """The header is not what the format says."""


class NeedsMore(Exception):
    """The header goes on past the bytes at hand; `size_bytes` of it at least are needed."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"the header has {size_bytes} bytes or more")
        self.size_bytes = size_bytes


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_tensors(kind: Format, head: bytes, size_bytes: int) -> list[Tensor]:
    """The tensors of a file of `size_bytes` that begins with `head`. Raises Unreadable, or NeedsMore than `head`."""
    reader: Callable[[bytes, int], list[Tensor]] = _safetensors if kind == "SafeTensor" else _gguf
    return reader(head, size_bytes)


def _safetensors(head: bytes, size_bytes: int) -> list[Tensor]:
    if len(head) < 8:
        raise NeedsMore(8)
    length = int.from_bytes(head[:8], "little")
    if not 2 <= length <= size_bytes - 8:
        raise Unreadable(f"The header length {length} is impossible for {size_bytes} bytes.")
    if len(head) < 8 + length:
        raise NeedsMore(8 + length)
    data_bytes = size_bytes - 8 - length
    try:
        entries = msgspec.json.decode(head[8 : 8 + length], type=dict[str, msgspec.Raw])
        entries.pop("__metadata__", None)
        tensors = {name: msgspec.json.decode(raw, type=_Entry) for name, raw in entries.items()}
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"The header is not that of a safetensors file: {error}") from None
    return [_of_entry(name, entry, data_bytes) for name, entry in tensors.items()]


def _of_entry(name: str, entry: _Entry, data_bytes: int) -> Tensor:
    begin, end = entry.data_offsets
    if not 0 <= begin <= end <= data_bytes or any(side < 0 for side in entry.shape):
        raise Unreadable(f"The tensor {name[:200]!r} lies outside of the file.")
    return Tensor(name=name, shape=entry.shape, dtype=entry.dtype, size_bytes=end - begin)


class _Cursor:
    """Reads values off the head of a GGUF file."""

    def __init__(self, head: bytes, size_bytes: int) -> None:
        self._head = head
        self._size_bytes = size_bytes
        self._at = 0

    def take(self, count: int) -> bytes:
        self._at += count
        if self._at > self._size_bytes:
            raise Unreadable("The file ends inside its header.")
        if self._at > len(self._head):
            raise NeedsMore(self._at)
        return self._head[self._at - count : self._at]

    def u32(self) -> int:
        return int(struct.unpack("<I", self.take(4))[0])

    def u64(self) -> int:
        return int(struct.unpack("<Q", self.take(8))[0])

    def text(self) -> str:
        return self.take(self.u64()).decode("utf-8", "replace")

    def skip_value(self, kind: int, depth: int = 0) -> None:
        if kind in _SCALAR_BYTES:
            self.take(_SCALAR_BYTES[kind])
        elif kind == _STRING:
            self.take(self.u64())
        elif kind == _ARRAY and depth < _MAX_DEPTH:
            item, count = self.u32(), self.u64()
            if item in _SCALAR_BYTES:
                self.take(count * _SCALAR_BYTES[item])
            else:
                for _ in range(count):
                    self.skip_value(item, depth + 1)
        else:
            raise Unreadable(f"The header has a value of an unknown type {kind}.")


def _gguf(head: bytes, size_bytes: int) -> list[Tensor]:
    cursor = _Cursor(head, size_bytes)
    if cursor.take(4) != b"GGUF" or cursor.u32() not in (2, 3):
        raise Unreadable("The file is not a GGUF file of version 2 or 3.")
    tensor_count, value_count = cursor.u64(), cursor.u64()
    for _ in range(value_count):
        cursor.take(cursor.u64())
        cursor.skip_value(cursor.u32())
    return [_gguf_tensor(cursor) for _ in range(tensor_count)]


def _gguf_tensor(cursor: _Cursor) -> Tensor:
    name, sides = cursor.text(), cursor.u32()
    if sides > 8:
        raise Unreadable(f"The tensor {name[:200]!r} has {sides} dimensions.")
    shape = [cursor.u64() for _ in range(sides)]
    kind = cursor.u32()
    cursor.take(8)
    if kind not in _GGML_TYPES:
        raise Unreadable(f"The tensor {name[:200]!r} is of an unknown type {kind}.")
    dtype, block, block_bytes = _GGML_TYPES[kind]
    return Tensor(name=name, shape=shape, dtype=dtype, size_bytes=math.prod(shape) // block * block_bytes)


def summarise(kind: Format, tensors: list[Tensor], *, with_tensors: bool) -> TensorMetadata:
    """What `tensor-metadata` answers; the kinds of numbers with the most bytes first."""
    by_dtype: dict[str, list[int]] = {}
    for tensor in tensors:
        by_dtype.setdefault(tensor.dtype, []).append(tensor.size_bytes)
    counts = [DtypeCount(dtype=name, count=len(sizes), bytes=sum(sizes)) for name, sizes in by_dtype.items()]
    return TensorMetadata(
        format=kind,
        tensor_count=len(tensors),
        total_tensor_bytes=sum(tensor.size_bytes for tensor in tensors),
        dtype_counts=sorted(counts, key=lambda count: -count.bytes),
        largest_tensor=max(tensors, key=lambda tensor: tensor.size_bytes, default=None),
        tensors=tensors if with_tensors else msgspec.UNSET,
    )
