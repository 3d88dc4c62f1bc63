"""Validates NumPy's array files: the header, and that exactly the array's bytes follow it.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3.
"""

from __future__ import annotations

import ast
import re
from typing import BinaryIO, NoReturn

from services.upload.scan.array_rules import ITEM
from services.upload.scan.pickles import analyse_whole_pickle
from services.upload.scan.report import Analysis, Refusal, printable

MAX_HEADER_BYTES = 1 << 16
MAX_DEPTH = 16
_OLD_LONG = re.compile(r"(?<=[(,\s])(\d+)L(?=[,)])")
_MAX_64 = (1 << 64) - 1


def _refuse(code: str, message: str) -> NoReturn:
    raise Refusal(f"numpy.{code}", "header", f"{message} Save the array again.")


def check_numpy(analysis: Analysis, file: BinaryIO, size_bytes: int) -> None:
    """Judge an `.npy` file; of one that holds objects, and so a pickle, the imports are told.

    Raises:
        Refusal: the header is malformed, or the array is not as long as it says.
    """
    file.seek(0)
    head = file.read(12)
    if len(head) < 12 or head[6] not in (1, 2, 3) or head[7]:
        _refuse("version", "The version is unknown.")
    wide = 2 if head[6] == 1 else 4
    length = int.from_bytes(head[8 : 8 + wide], "little")
    start = 8 + wide + length
    if length > MAX_HEADER_BYTES or start > size_bytes:
        _refuse("length", f"The header length {length} is impossible.")
    file.seek(8 + wide)
    raw = file.read(length)
    try:
        text = raw.decode("utf-8" if head[6] == 3 else "latin-1")
    except UnicodeDecodeError:
        _refuse("text", "The header is not UTF-8.")
    width, elements = _array(text, head[6])
    if width is None:
        analyse_whole_pickle(analysis, file, size_bytes, "objects", start)
        raise Refusal(
            "numpy.objects", "header", "The array holds Python objects, which are a pickle. Save it as numbers.",
            is_dangerous=True,
        )  # fmt: skip
    if elements * width != size_bytes - start:
        _refuse("size", f"{size_bytes - start} bytes follow the header, which tells of {elements * width}.")


def _array(text: str, version: int) -> tuple[int | None, int]:
    """Bytes of an item (None: objects) and number of items."""
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        _refuse("depth", "The header is nested too deeply.")
    text = text.removesuffix("\n").strip(" ")
    if not text.isprintable():
        _refuse("text", "The header holds control characters.")
    try:
        # Python 2 wrote long integers with an L.
        header = ast.literal_eval(_OLD_LONG.sub(r"\1", text) if version < 3 else text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        _refuse("text", "The header is no plain Python dictionary.")
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        _refuse("keys", "The header does not have exactly descr, fortran_order and shape.")
    shape = header["shape"]
    if type(header["fortran_order"]) is not bool or not isinstance(shape, tuple) or len(shape) > 64:
        _refuse("shape", "The order or the shape is not one.")
    return _width(header["descr"]), _product(shape)


def _product(shape: object) -> int:
    product = 1
    for side in shape if isinstance(shape, tuple) else (shape,):
        if type(side) is not int or not 0 <= side <= _MAX_64:
            _refuse("shape", "A side of the shape is not a whole number from 0 up.")
        product *= side
        if product > _MAX_64:
            _refuse("shape", "The shape has more elements than 64 bits can count.")
    return product


def _width(descr: object) -> int | None:
    """Bytes of one item; None if there is a Python object in it."""
    if isinstance(descr, str):
        return _simple_width(descr)
    if isinstance(descr, tuple) and len(descr) == 2:  # a base and its shape
        inner = _width(descr[0])
        return None if inner is None else inner * _product(descr[1])
    if not isinstance(descr, list) or not descr:
        _refuse("dtype", "The dtype is not one.")
    total = 0
    names: set[str] = set()
    for field in descr:
        if not isinstance(field, tuple) or not 2 <= len(field) <= 3:
            _refuse("dtype", "A field of the dtype is not one.")
        name = field[0][-1] if isinstance(field[0], tuple) and field[0] else field[0]
        if not isinstance(name, str) or (name and name in names):
            _refuse("dtype", "A field of the dtype has no name of its own.")
        names.add(name)
        inner = _width(field[1])
        if inner is None:
            return None
        total += inner * (_product(field[2]) if len(field) == 3 else 1)
    return total


def _simple_width(descr: str) -> int | None:
    if "O" in descr:
        return None
    if not ITEM.match(descr) or len(descr) < 2:
        _refuse("dtype", f"The dtype {printable(descr, 40)} is unknown.")
    code = descr.lstrip("<>=|")
    if code[0] in "mM":
        return 8
    if not code[1:].isdecimal():
        _refuse("dtype", f"The dtype {printable(descr, 40)} is unknown.")
    return int(code[1:]) * (4 if code[0] == "U" else 1)
