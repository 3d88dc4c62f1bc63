"""Tensor lists from the first bytes of files."""

from __future__ import annotations

import json
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.tensor_header import NeedsMore, Unreadable, read_tensors, summarise
from shared.api.v1 import Tensor

WHOLE = 1 << 20


def safetensors(header: object) -> bytes:
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


GOOD = safetensors(
    {
        "__metadata__": {"format": "pt"},
        "a": entry("F16", [2, 3], 0, 12),
        "b": entry("F32", [], 12, 16),
        "c": entry("F16", [1], 16, 18),
    }
)


def gguf(*tensors: tuple[str, tuple[int, ...], int], values: bytes = b"", count: int = 0) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), count) + values
    for name, shape, kind in tensors:
        head += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", side) for side in shape) + struct.pack("<IQ", kind, 0)
    return head


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def test_safetensors() -> None:
    assert read_tensors("SafeTensor", GOOD, WHOLE) == [
        Tensor(name="a", shape=[2, 3], dtype="F16", size_bytes=12),
        Tensor(name="b", shape=[], dtype="F32", size_bytes=4),
        Tensor(name="c", shape=[1], dtype="F16", size_bytes=2),
    ]


def test_gguf_with_values_of_every_kind() -> None:
    values = text("name") + struct.pack("<I", 8) + text("model")
    values += text("words") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("bc")
    values += text("ids") + struct.pack("<IIQ", 9, 4, 3) + b"\0" * 12
    values += text("eps") + struct.pack("<If", 6, 0.5)
    head = gguf(("w", (64, 2), 8), ("bias", (3,), 0), values=values, count=4)
    assert read_tensors("GGUF", head, WHOLE) == [
        Tensor(name="w", shape=[64, 2], dtype="Q8_0", size_bytes=136),
        Tensor(name="bias", shape=[3], dtype="F32", size_bytes=12),
    ]


@pytest.mark.parametrize(("kind", "head"), [("SafeTensor", GOOD), ("GGUF", gguf(("w", (4,), 1)))])
def test_a_part_of_a_header_needs_more(kind: str, head: bytes) -> None:
    for length in range(len(head)):
        with pytest.raises(NeedsMore) as missing:
            read_tensors("SafeTensor" if kind == "SafeTensor" else "GGUF", head[:length], WHOLE)
        assert length < missing.value.size_bytes <= len(head)


@pytest.mark.parametrize(
    "head",
    [
        struct.pack("<Q", 1) + b"{",
        struct.pack("<Q", 2**63),
        safetensors([]),
        safetensors({"a": 5}),
        safetensors({"a": entry("F16", [1], 2, 0)}),
        safetensors({"a": entry("F16", [-1], 0, 2)}),
        safetensors({"a": entry("F16", [1], 0, WHOLE)}),
        safetensors({"a": {**entry("F16", [1], 0, 2), "code": "x"}}),
        struct.pack("<Q", 4) + b"nope",
    ],
)
def test_what_is_no_safetensors_header_is_refused(head: bytes) -> None:
    with pytest.raises(Unreadable):
        read_tensors("SafeTensor", head, WHOLE)


@pytest.mark.parametrize(
    "head",
    [
        b"GGUX" + b"\0" * 20,
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        gguf(("w", (1,) * 9, 0)),
        gguf(("w", (2,), 99)),
        gguf(values=text("k") + struct.pack("<I", 77), count=1),
        gguf(values=text("k") + struct.pack("<IIQ", 9, 4, 2**60), count=1),
    ],
)
def test_what_is_no_gguf_header_is_refused(head: bytes) -> None:
    with pytest.raises(Unreadable):
        read_tensors("GGUF", head, WHOLE)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for head in (data, GOOD[:8] + data, b"GGUF\x03\0\0\0" + data):
        for kind in ("SafeTensor", "GGUF"):
            try:
                read_tensors("SafeTensor" if kind == "SafeTensor" else "GGUF", head, WHOLE)
            except (Unreadable, NeedsMore):
                continue


def test_the_summary_leaves_the_list_out() -> None:
    tensors = read_tensors("SafeTensor", GOOD, WHOLE)
    whole = msgspec.to_builtins(summarise("SafeTensor", tensors, with_tensors=True))
    short = msgspec.to_builtins(summarise("SafeTensor", tensors, with_tensors=False))
    assert len(whole.pop("tensors")) == 3
    assert whole == short
    assert short == {
        "format": "SafeTensor", "tensorCount": 3, "totalTensorBytes": 18, "detectedModelType": None,
        "vramEstimate": None, "largestTensor": {"name": "a", "shape": [2, 3], "dtype": "F16", "sizeBytes": 12},
        "dtypeCounts": [{"dtype": "F16", "count": 2, "bytes": 14}, {"dtype": "F32", "count": 1, "bytes": 4}],
    }  # fmt: skip
    assert summarise("GGUF", [], with_tensors=False).largest_tensor is None
