"""What a pickle may tell NumPy: arrays and scalars of numbers, text and times, never of objects."""

from __future__ import annotations

import re
from collections.abc import Callable

from services.upload.scan.pickle_values import Global, Items, Made, Tuple, Value, is_bytes, is_plain, is_text

Name = tuple[str, str]
Rule = Callable[[tuple[Value, ...]], bool]

ENCODE: Name = ("_codecs", "encode")
DTYPE: Name = ("numpy", "dtype")
ARRAY: Name = ("numpy", "ndarray")
_MULTIARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
RECONSTRUCT: frozenset[Name] = frozenset((module, "_reconstruct") for module in _MULTIARRAYS)
_SCALAR: frozenset[Name] = frozenset((module, "scalar") for module in _MULTIARRAYS)
_FROM_BUFFER: frozenset[Name] = frozenset(
    (module, "_frombuffer") for module in ("numpy.core.numeric", "numpy._core.numeric")
)

# Kinds of items an array may hold: numbers, text, times, and structures (V) whose fields are judged one by one.
ITEM = re.compile(
    r"[<>=|]?(?:[?bBhHiIlLqQefdgFDG]|b1|[iu][1248]|f(?:2|4|8|16)|c(?:8|16|32)|[SUV]\d{1,9}"
    r"|[mM]8(?:\[(?:[1-9]\d{0,8})?(?:[YMWDhms]|[munpfa]s)\])?)\Z"
)


def state_fault(factory: Name, state: Tuple) -> bool | None:
    """Whether a state is not what NumPy gives its own objects; None for objects of others."""
    if factory == DTYPE:
        return not _is_dtype_state(state.items)
    if factory in RECONSTRUCT or factory == ARRAY:
        return not _is_array_state(state.items)
    return None


def _is_array_state(items: tuple[Value, ...]) -> bool:
    """(version, shape, dtype, whether the columns come first, the bytes); objects would come as a list."""
    if len(items) != 5:
        return False
    version, shape, dtype, order, data = items
    return (
        type(version) is int and is_ints(shape) and is_made_by(dtype, {DTYPE}) and type(order) in (int, bool)
        and (is_bytes(data) or is_text(data) or is_made_by(data, {ENCODE}))
    )  # fmt: skip


def _is_dtype_state(items: tuple[Value, ...]) -> bool:
    """(version, byte order, base and shape, names, fields, item size, alignment, flags[, metadata of times])."""
    if not 8 <= len(items) <= 9:
        return False
    version, order, base, names, fields, *numbers = items
    return (
        type(version) is int
        and isinstance(order, (str, bytes))
        and (base is None or _is_base(base))
        and (
            names is None or (isinstance(names, Tuple) and all(isinstance(name, (str, bytes)) for name in names.items))
        )
        and (fields is None or _are_fields(fields))
        and all(type(number) is int for number in numbers[:3])
        and (len(items) == 8 or _is_data(items[8]))
    )


def _is_base(value: Value) -> bool:
    return isinstance(value, Tuple) and len(value.items) == 2 and is_made_by(value.items[0], {DTYPE}) and (
        type(value.items[1]) is int or is_ints(value.items[1])
    )  # fmt: skip


def _are_fields(value: Value) -> bool:
    if not isinstance(value, Items) or value.kind != "dict" or value.has_special_key:
        return False
    return value.holds <= {Global(*DTYPE)}


def _is_data(value: Value) -> bool:
    """Data alone, but for bytes that an old protocol had to spell as a call."""
    if isinstance(value, Tuple):
        return all(map(_is_data, value.items))
    return is_plain(value) or is_made_by(value, {ENCODE})


def data_of_array(factory: Global, items: tuple[Value, ...]) -> tuple[Value, ...]:
    """The constants among arguments or state that are an array's numbers, which may look like anything."""
    name = (factory.module, factory.name)
    if name in RECONSTRUCT and len(items) == 5:
        return items[4:]
    if name in _FROM_BUFFER:
        return items[:1]
    return items[1:2] if name in _SCALAR else ()


def is_ints(value: Value) -> bool:
    """Whether a value is a tuple of whole numbers."""
    return isinstance(value, Tuple) and all(type(item) is int for item in value.items)


def is_made_by(value: Value, names: set[Name]) -> bool:
    """Whether a value came of a call of one of these."""
    return isinstance(value, Made) and (value.factory.module, value.factory.name) in names


def _dtype(arguments: tuple[Value, ...]) -> bool:
    return (
        1 <= len(arguments) <= 3
        and isinstance(arguments[0], str)
        and ITEM.match(arguments[0]) is not None
        and all(type(flag) in (int, bool) for flag in arguments[1:])
    )


def _reconstruct(arguments: tuple[Value, ...]) -> bool:
    if len(arguments) != 3:
        return False
    kind, shape, code = arguments
    is_array = isinstance(kind, Global) and (kind.module, kind.name) == ARRAY
    # Protocols 0 to 2 spell bytes as a call of `_codecs.encode`.
    return is_array and is_ints(shape) and (code in (b"b", "b") or is_made_by(code, {ENCODE}))


def _scalar(arguments: tuple[Value, ...]) -> bool:
    return (
        len(arguments) == 2
        and is_made_by(arguments[0], {DTYPE})
        and (is_bytes(arguments[1]) or is_text(arguments[1]) or is_made_by(arguments[1], {ENCODE}))
    )


def _from_buffer(arguments: tuple[Value, ...]) -> bool:
    """`_frombuffer(bytes, dtype, shape, order[, axes])`: how protocol 5 writes an array within the stream."""
    if not 4 <= len(arguments) <= 5:
        return False
    data, dtype, shape, order, *axes = arguments
    return (
        is_bytes(data) and is_made_by(dtype, {DTYPE}) and is_ints(shape) and order in ("C", "F", "K", "A")
        and all(axis is None or is_ints(axis) for axis in axes)
    )  # fmt: skip


CALLS: dict[Name, Rule] = {
    DTYPE: _dtype,
    ARRAY: lambda arguments: False,  # only named, as the first argument of _reconstruct
    **dict.fromkeys(RECONSTRUCT, _reconstruct),
    **dict.fromkeys(_SCALAR, _scalar),
    **dict.fromkeys(_FROM_BUFFER, _from_buffer),
}
"""NumPy's part of the allow-list."""
