"""Builders of ONNX files, field by field."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def part(field: int, data: bytes | str) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def onnx_tensor(
    shape: Sequence[int] = (2,), data: bytes | None = None, external: Mapping[str, str] | None = None
) -> bytes:
    """A tensor of floats; its data default to the right number of zeros."""
    out = b"".join(number(1, side) for side in shape) + number(2, 1) + part(8, "w")
    if external is not None:
        entries = b"".join(part(13, part(1, key) + part(2, value)) for key, value in external.items())
        return out + entries + number(14, 1)
    size = 4
    for side in shape:
        size *= side
    return out + part(9, bytes(size) if data is None else data)


def onnx_node(operator: str = "Add", attributes: bytes = b"") -> bytes:
    return part(1, "x") + part(1, "w") + part(2, "y") + part(4, operator) + attributes


def onnx_model(
    tensors: Sequence[bytes] | None = None, nodes: Sequence[bytes] | None = None, more: bytes = b""
) -> bytes:
    """A model of one graph, with what its writers put around it."""
    value = part(1, "x") + part(2, part(1, number(1, 1) + part(2, part(1, number(1, 2)))))
    graph = (
        b"".join(part(1, node) for node in (nodes if nodes is not None else [onnx_node()]))
        + part(2, "graph")
        + b"".join(part(5, tensor) for tensor in (tensors if tensors is not None else [onnx_tensor()]))
        + part(11, value)
        + part(12, value)
    )
    opset = part(1, "") + number(2, 17)
    metadata = part(14, part(1, "note") + part(2, "os.system"))
    return number(1, 8) + part(2, "pytorch") + part(3, "2.0") + part(7, graph) + part(8, opset) + metadata + more


def attribute_of_graph(graph: bytes) -> bytes:
    """An attribute that holds a graph, as loops and branches have."""
    return part(5, part(1, "body") + part(6, graph) + number(20, 5))


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)
