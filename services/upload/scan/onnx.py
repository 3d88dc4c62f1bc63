"""Validates an ONNX file by walking its protobuf messages; tensors are passed over, nothing is built.

Format: onnx.proto (ModelProto) of https://github.com/onnx/onnx, IR versions up to 31.
"""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from services.upload.scan.entries import is_safe_name
from services.upload.scan.report import HeaderFacts, Refusal, printable

MAX_FIELDS = 5_000_000
MAX_DEPTH = 24
MAX_TEXT_BYTES = 1 << 20
WINDOW_BYTES = 1 << 20
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Messages by name: number of a field -> the message it holds, "text", "data" (passed over) or "number".
_TEXT, _DATA, _NUMBER = "text", "data", "number"
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {1: _NUMBER, 2: _TEXT, 3: _TEXT, 4: _TEXT, 5: _NUMBER, 6: _DATA, 7: "graph", 8: "opset", 14: "entry",
              20: "training", 25: "function", 26: _DATA},
    "opset": {1: _TEXT, 2: _NUMBER},
    "entry": {1: _DATA, 2: _DATA},
    "training": {1: "graph", 2: "graph", 3: "entry", 4: "entry"},
    "function": {1: _TEXT, 4: _TEXT, 5: _TEXT, 6: _TEXT, 7: "node", 8: _DATA, 9: "opset", 10: _TEXT, 11: "attribute",
                 12: _DATA, 13: _TEXT, 14: "entry"},
    "graph": {1: "node", 2: _TEXT, 5: "tensor", 10: _DATA, 11: _DATA, 12: _DATA, 13: _DATA, 14: _DATA, 15: "sparse",
              16: "entry"},
    "node": {1: _TEXT, 2: _TEXT, 3: _TEXT, 4: "op_type", 5: "attribute", 6: _DATA, 7: _TEXT, 8: _TEXT, 9: "entry",
             10: _DATA},
    "attribute": {1: _TEXT, 2: _NUMBER, 3: _NUMBER, 4: _DATA, 5: "tensor", 6: "graph", 7: _DATA, 8: _DATA, 9: _DATA,
                  10: "tensor", 11: "graph", 13: _DATA, 14: _DATA, 15: _DATA, 20: _NUMBER, 21: _TEXT, 22: "sparse",
                  23: "sparse"},
    "tensor": {1: "dims", 2: "data_type", 3: _DATA, 4: _DATA, 5: _DATA, 6: _DATA, 7: _DATA, 8: _TEXT, 9: "raw",
               10: _DATA, 11: _DATA, 12: _DATA, 13: "external", 14: "location", 16: "entry"},
    "sparse": {1: "tensor", 2: "tensor", 3: _DATA},
    "external": {1: "key", 2: "value"},
}  # fmt: skip
_REPEATED_NUMBERS = {("tensor", 4), ("tensor", 5), ("tensor", 7), ("tensor", 10), ("tensor", 11), ("attribute", 7),
                     ("attribute", 8), ("sparse", 3)}  # fmt: skip
_EXTERNAL = 1
_WIDTHS = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2,
           17: 1, 18: 1, 19: 1, 20: 1, 24: 1}  # fmt: skip
_TYPE_NAMES = {1: "F32", 2: "U8", 3: "I8", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16", 11: "F64", 16: "BF16",
               17: "F8_E4M3", 19: "F8_E5M2"}  # fmt: skip
_PROGRAMS = frozenset({"PyOp", "PythonOp", "PythonOpGrad", "PyFunc"})
"""Operators by which runtimes have called Python."""


def _refuse(code: str, at: int, message: str) -> NoReturn:
    raise Refusal(f"onnx.{code}", f"byte {at}", f"{message} Export the model again.")


@dataclass(slots=True)
class _Tensor:
    dims: list[int] = field(default_factory=list)
    data_type: int = 0
    raw_bytes: int | None = None
    is_external: bool = False
    external: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class OnnxModel:
    """What the walk has seen. `sidecars` are the paths of the files that hold tensors outside of this one."""

    producer: str = ""
    opsets: int = 0
    graphs: int = 0
    tensor_count: int = 0
    parameter_count: int = 0
    dtypes: Counter[str] = field(default_factory=Counter)
    sidecars: set[str] = field(default_factory=set)


def parse_onnx(file: BinaryIO, size_bytes: int) -> OnnxModel:
    """Walk a whole model.

    Raises:
        Refusal: it is malformed, reaches for files elsewhere, or calls programs.
    """
    walk = _Walk(file, size_bytes)
    walk.message("model", 0, size_bytes, 0)
    if not walk.model.graphs or not walk.model.opsets:
        _refuse("model", 0, "The model has no graph or no operator set.")
    return walk.model


def check_onnx_tensor(data: bytes) -> None:
    """A file of one tensor, as test data beside a model.

    Raises:
        Refusal: it is not exactly that.
    """
    walk = _Walk(io.BytesIO(data), len(data))
    walk.message("tensor", 0, len(data), 0)
    if walk.model.sidecars or not any(walk.model.dtypes.values()):
        _refuse("tensor", 0, "The tensor has no numbers of its own.")


def facts_of_onnx(model: OnnxModel) -> HeaderFacts:
    """The facts of a valid model."""
    dtypes = dict(model.dtypes.most_common())
    return HeaderFacts(
        kind="unknown",
        family=None,
        tensor_count=model.tensor_count,
        parameter_count=model.parameter_count,
        dtypes=dtypes,
        precision={"F16": "fp16", "BF16": "bf16", "F32": "fp32"}.get(next(iter(dtypes), "")),
        metadata={"producer_name": printable(model.producer, 200)} if model.producer else {},
    )


class _Walk:
    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file, self._size = file, size_bytes
        self._base, self._window = 0, b""
        self._fields = 0
        self.model = OnnxModel()

    def message(self, kind: str, at: int, end: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            _refuse("depth", at, "Graphs are nested too deeply.")
        tensor = _Tensor() if kind == "tensor" else None
        entry: dict[str, str] = {}
        for number, wire, start, stop in self._fields_of(at, end):
            held = _MESSAGES[kind].get(number)
            if held is None:
                _refuse("field", start, f"Field {number} of a {kind} is unknown.")
            is_number = held in (_NUMBER, "data_type", "location")
            if is_number == (wire == _BYTES) and held != "dims" and (kind, number) not in _REPEATED_NUMBERS:
                _refuse("field", start, f"Field {number} of a {kind} has a wrong type.")
            if held in _MESSAGES:
                self._inner(held, start, stop, depth, tensor)
            elif held in (_TEXT, "op_type", "key", "value"):
                text = self._text(start, stop)
                entry[held] = text
                self._note(kind, number, text, start)
            elif tensor is not None:
                self._tensor_field(tensor, held, wire, start, stop)
        if kind == "external" and "key" not in entry:
            _refuse("external", at, "An external datum has no key.")
        if kind == "external":
            self._external = entry
        if tensor is not None:
            self._check_tensor(tensor, at)

    def _inner(self, held: str, start: int, stop: int, depth: int, tensor: _Tensor | None) -> None:
        self.message(held, start, stop, depth + 1)
        if held == "graph":
            self.model.graphs += 1
        elif held == "opset":
            self.model.opsets += 1
        elif held == "external" and tensor is not None:
            key = self._external["key"]
            if key in tensor.external:
                _refuse("external", start, "A tensor has two places.")
            tensor.external[key] = self._external.get("value", "")

    def _note(self, kind: str, number: int, text: str, at: int) -> None:
        if kind == "model" and number == 2:
            self.model.producer = text
        if kind == "node" and number == 4 and text in _PROGRAMS:
            message = f"The graph calls Python by the operator {text}. Export it without."
            raise Refusal("onnx.program", f"byte {at}", message, is_dangerous=True)

    def _tensor_field(self, tensor: _Tensor, held: str, wire: int, start: int, stop: int) -> None:
        if held == "dims":
            at = start
            while at < stop:
                value, at = self._varint(at, stop)
                tensor.dims.append(value)
        elif held == "data_type":
            tensor.data_type, _ = self._varint(start, stop)
        elif held == "location":
            tensor.is_external = self._varint(start, stop)[0] == _EXTERNAL
        elif held == "raw":
            tensor.raw_bytes = stop - start

    def _check_tensor(self, tensor: _Tensor, at: int) -> None:
        elements = math.prod(tensor.dims)
        if len(tensor.dims) > 64 or any(side >= 1 << 63 for side in tensor.dims) or elements >= 1 << 63:
            _refuse("shape", at, "The shape of a tensor is negative or too large.")
        width = _WIDTHS.get(tensor.data_type)
        if tensor.raw_bytes is not None and not tensor.is_external and width and tensor.raw_bytes != elements * width:
            _refuse("size", at, "A tensor is not as long as its shape says.")
        if tensor.is_external or tensor.external:
            self._check_external(tensor, at)
        self.model.tensor_count += 1
        self.model.parameter_count += elements
        name = _TYPE_NAMES.get(tensor.data_type, str(tensor.data_type))
        self.model.dtypes[name] += elements * (width or 0)

    def _check_external(self, tensor: _Tensor, at: int) -> None:
        place = tensor.external.get("location", "")
        if not is_safe_name(place) or place.endswith("/"):
            message = f"A tensor lies in {printable(place, 100)!r}, which is no plain path beside the model."
            raise Refusal("onnx.external", f"byte {at}", message, is_dangerous=True)
        if not all(tensor.external.get(key, "0").isdecimal() for key in ("offset", "length")):
            _refuse("external", at, "The place of a tensor is no number.")
        self.model.sidecars.add(place)

    def _fields_of(self, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, wire type, and where the content of each field begins and ends."""
        while at < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                _refuse("too_large", at, f"The model has more than {MAX_FIELDS} parts.")
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            if wire == _BYTES:
                length, at = self._varint(at, end)
                stop = at + length
            elif wire == _VARINT:
                _, stop = self._varint(at, end)
            elif wire in (_FIXED32, _FIXED64):
                stop = at + (4 if wire == _FIXED32 else 8)
            else:
                _refuse("field", at, "A field has an unknown type.")
            if stop > end or not number:
                _refuse("truncated", at, "A part is longer than what holds it.")
            yield number, wire, at, stop
            at = stop

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        if not self._base <= at <= self._base + len(self._window) - 10:
            self._base = at
            self._file.seek(at)
            self._window = self._file.read(min(WINDOW_BYTES, self._size - at))
        value = shift = 0
        for index in range(at - self._base, min(at - self._base + 10, end - self._base, len(self._window))):
            byte = self._window[index]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & (1 << 64) - 1, self._base + index + 1
            shift += 7
        _refuse("truncated", at, "A number has no end.")

    def _text(self, start: int, stop: int) -> str:
        if stop - start > MAX_TEXT_BYTES:
            _refuse("too_large", start, "A text is too long.")
        self._file.seek(start)
        try:
            return self._file.read(stop - start).decode("utf-8")
        except UnicodeDecodeError:
            _refuse("text", start, "A text is not UTF-8.")
