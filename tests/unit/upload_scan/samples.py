"""Builders of small files: valid ones, and hostile ones whose payload does nothing if it ever ran."""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.upload.scan.report import ScanReport
from services.upload.scan.scan import scan_stream

DEMO_MODELS = Path(__file__).resolve().parents[3] / "demo" / "models"

WIDTHS = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8, "I64": 8, "U8": 1, "F8_E4M3": 1, "BOOL": 1}


def scan(data: bytes, name: str, spool_dir: Path, declared_type: str = "Model") -> ScanReport:
    """Scan bytes as a stream of one chunk."""
    return scan_stream([data], len(data), name, declared_type, spool_dir)


def scan_own(data: bytes, name: str, spool_dir: Path) -> ScanReport:
    """Scan bytes as one's own file, which nobody uploads."""
    return scan_stream([data], len(data), name, None, spool_dir)


def codes(report: ScanReport) -> set[str]:
    return {finding.code for finding in report.findings}


def header_of(
    tensors: Mapping[str, tuple[str, Sequence[int]]], metadata: Mapping[str, str] | None = None
) -> dict[str, object]:
    """A correct safetensors header for tensors of (dtype, shape)."""
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    at = 0
    for name, (dtype, shape) in tensors.items():
        size = WIDTHS[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return header


def pack(header: object, data: bytes) -> bytes:
    """A safetensors file of a header (any JSON value, or raw bytes) and the bytes after it."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def safetensors(
    tensors: Mapping[str, tuple[str, Sequence[int]]] | None = None, metadata: Mapping[str, str] | None = None
) -> bytes:
    """A valid safetensors file whose tensors are all zero."""
    header = header_of(tensors if tensors is not None else {"weight": ("F16", (4, 8))}, metadata)
    ends = [
        entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__" and isinstance(entry, dict)
    ]
    return pack(header, bytes(max(ends, default=0)))


class Payload:
    """Pickles as a call of `function(*arguments)`; unpickling it would only make a harmless value."""

    def __init__(self, function: object, *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self._call


def hostile_pickle(protocol: int) -> bytes:
    """A pickle that calls `os.getcwd()`."""
    import os

    return pickle.dumps(Payload(os.getcwd), protocol=protocol)


def state_dict_pickle() -> bytes:
    """The pickle of a state dict with one tensor of 12 floats, as torch writes it (protocol 2)."""
    return (
        b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00aq\x02ctorch._utils\n_rebuild_tensor_v2\nq\x03"
        b"((X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\x03\x00\x00\x00cpuq\x07K\x0ct"
        b"q\x08QK\x00K\x03K\x04\x86q\tK\x04K\x01\x86q\n\x89h\x00)Rq\x0btq\x0cRq\rs."
    )


def torch_zip(
    data_pickle: bytes | None = None, members: Mapping[str, bytes] | None = None, top: str = "model"
) -> bytes:
    """A torch archive; `members` adds to or replaces (with a path below `top`) those of a valid one."""
    content = {
        "data.pkl": data_pickle if data_pickle is not None else state_dict_pickle(),
        "byteorder": b"little",
        "data/0": bytes(48),
        "version": b"3\n",
        **(members or {}),
    }
    return zipped({f"{top}/{name}": data for name, data in content.items()})


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An ordinary zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return buffer.getvalue()


def torch_legacy(saved: bytes | None = None, keys: object = ("0",), storages: bytes | None = None) -> bytes:
    """A file in torch's old format: five pickles, then the storages."""
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    return (
        pickle.dumps(0x1950A86A20F9469CFC6C, 2)
        + pickle.dumps(1001, 2)
        + pickle.dumps(info, 2)
        + (saved if saved is not None else state_dict_pickle())
        + pickle.dumps(list(keys) if isinstance(keys, tuple) else keys, 2)
        + (storages if storages is not None else (12).to_bytes(8, "little") + bytes(48))
    )


def plain_state(value: object) -> bytes:
    """A pickle of protocol 2 of an OrderedDict around `value`."""
    return pickletools.optimize(pickle.dumps(OrderedDict(a=value), 2))


def gguf_text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(
    values: Sequence[bytes] = (),
    tensors: Sequence[bytes] = (),
    data: bytes = b"",
    *,
    version: int = 3,
    alignment: int = 32,
) -> bytes:
    """A GGUF file of encoded values and tensor entries."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values)) + b"".join(values) + b"".join(tensors)
    return head + bytes(-len(head) % alignment) + data


def gguf_string(key: str, value: str) -> bytes:
    return gguf_text(key) + struct.pack("<I", 8) + gguf_text(value)


def gguf_tensor(name: str, shape: Sequence[int], kind: int = 0, offset: int = 0) -> bytes:
    return gguf_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
