"""The only globals that a pickle may name, and what a call of each may be given.

Default deny by exact (module, name): weights need few globals, and every list of forbidden ones has been passed by.
A new entry is an exact name with its own rule for arguments, never a pattern.
"""

from __future__ import annotations

import _compat_pickle
import re
from collections.abc import Callable
from typing import Literal

from services.upload.scan.pickle_values import Global, Items, Made, Stored, Tuple, Value, is_plain

Name = tuple[str, str]

STORAGE_WIDTHS: dict[str, int] = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "ComplexDoubleStorage": 16,
    "ComplexFloatStorage": 8, "QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4, "QUInt4x2Storage": 1,
    "QUInt2x4Storage": 1,
}  # fmt: skip
"""Bytes per element of torch's typed storages; an untyped storage counts bytes."""

STORAGES: frozenset[Name] = frozenset({("torch", name) for name in STORAGE_WIDTHS}) | {
    ("torch.storage", "UntypedStorage"),
    ("torch.storage", "TypedStorage"),
}

_DTYPES: frozenset[Name] = frozenset(
    ("torch", name)
    for name in (
        "float16", "bfloat16", "float32", "float64", "half", "float", "double", "float8_e4m3fn", "float8_e5m2",
        "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2", "uint8", "uint16", "uint32",
        "uint64", "int8", "int16", "int32", "int64", "short", "int", "long", "bool", "complex32", "complex64",
        "complex128", "qint8", "quint8", "qint32", "quint4x2", "quint2x4",
    )
)  # fmt: skip

_REBUILDERS: frozenset[Name] = frozenset(
    ("torch._utils", name)
    for name in (
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
        "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_device_tensor_from_numpy",
        "_rebuild_meta_tensor_no_storage",
    )
)  # fmt: skip

ORDERED_DICT: Name = ("collections", "OrderedDict")
_COUNTER: Name = ("collections", "Counter")
_PARAMETER_DICT: Name = ("torch.nn.modules.container", "ParameterDict")
_TENSORS: frozenset[Name] = frozenset({("torch.nn.parameter", "Parameter"), ("torch", "Tensor")})
_ENCODE: Name = ("_codecs", "encode")
_NUMPY_DTYPE: Name = ("numpy", "dtype")
_NUMPY_ARRAY: Name = ("numpy", "ndarray")
_MULTIARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
_RECONSTRUCT: frozenset[Name] = frozenset((module, "_reconstruct") for module in _MULTIARRAYS)
_SCALAR: frozenset[Name] = frozenset((module, "scalar") for module in _MULTIARRAYS)

# Kinds of items a NumPy array may hold: numbers and text, never objects, never structures.
_NUMPY_ITEM = re.compile(r"[<>=|]?(?:[?bBhHiIlLqQefdgFDG]|[biufcSUV]\d{1,9})\Z")

SETTABLE: frozenset[Name] = frozenset({ORDERED_DICT, _COUNTER})
"""Objects that may be given items (`d[key] = value`)."""

BUILDABLE: frozenset[Name] = (
    _TENSORS | _REBUILDERS | _RECONSTRUCT | {ORDERED_DICT, _PARAMETER_DICT, _NUMPY_DTYPE, _NUMPY_ARRAY}
)
"""Objects that may be given a state."""


def mapped(name: Name) -> Name:
    """The name that Python 3's unpickler looks up for one written by Python 2."""
    if name in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[name]
    return _compat_pickle.IMPORT_MAPPING.get(name[0], name[0]), name[1]


def is_allowed(name: Name) -> bool:
    """Whether a pickle may name this global at all. A dotted name never is."""
    return name in STORAGES or name in _DTYPES or name in _CALLS or mapped(name) in _CALLS


def call_fault(callee: Global, arguments: tuple[Value, ...]) -> str | None:
    """Why the call of an allowed global with these arguments is not allowed; None if it is."""
    name = (callee.module, callee.name)
    rule = _CALLS.get(name) or _CALLS.get(mapped(name))
    if rule is None:
        return f"{callee} is not something that weights call"
    return None if rule(arguments) else f"{callee} is called with arguments that weights never give it"


def storage_of(value: Value) -> Stored | None:
    """torch's persistent id: ("storage", class, key, device, count[, view]); the view is None in files of today."""
    if not isinstance(value, Tuple) or not 5 <= len(value.items) <= 6:
        return None
    tag, storage, key, device, count = value.items[:5]
    if len(value.items) == 6 and value.items[5] is not None:
        return None
    if tag != "storage" or not isinstance(storage, Global) or (storage.module, storage.name) not in STORAGES:
        return None
    if not isinstance(key, str) or not isinstance(device, str) or type(count) is not int or count < 0:
        return None
    return Stored(storage, key, count)


def module_of(value: Value) -> Global | None:
    """The old format's persistent id of a container class: ("module", class, file, source); gives the class."""
    if not isinstance(value, Tuple) or len(value.items) != 4 or value.items[0] != "module":
        return None
    found, *texts = value.items[1:]
    if not isinstance(found, Global) or (found.module, found.name) != _PARAMETER_DICT:
        return None
    return found if all(text is None or isinstance(text, str) for text in texts) else None


def state_fault(made: Made, state: Value) -> str | None:
    """Why an object may not be given this state; None if it may."""
    if (made.factory.module, made.factory.name) not in BUILDABLE:
        return f"an object of {made.factory} is given a state, which weights never do"
    if isinstance(state, Items) and state.kind == "dict":
        return f"the state for {made.factory} sets special attributes" if state.has_special_key else None
    if isinstance(state, Tuple):
        return None if all(map(_is_state_part, state.items)) else f"the state for {made.factory} holds what it must not"
    return f"the state for {made.factory} has a wrong form"


def _is_state_part(value: Value) -> bool:
    if isinstance(value, Made):
        return (value.factory.module, value.factory.name) in {
            _NUMPY_DTYPE,
            ("_codecs", "encode"),
            ORDERED_DICT,
        }
    if isinstance(value, Items):
        return value.kind == "dict" and value.is_plain and not value.has_special_key
    return value is None or isinstance(value, (bool, int, str, bytes)) or (isinstance(value, Tuple) and value.is_plain)


def _plain(arguments: tuple[Value, ...]) -> bool:
    return all(map(is_plain, arguments))


def _mapping(arguments: tuple[Value, ...]) -> bool:
    """Nothing, or one container: an old OrderedDict carries its pairs, tensors among them, as a list."""
    return not arguments or (len(arguments) == 1 and isinstance(arguments[0], (Items, Tuple)))


def _text_as_bytes(arguments: tuple[Value, ...]) -> bool:
    return len(arguments) == 2 and isinstance(arguments[0], str) and arguments[1] in ("latin1", "latin-1")


def _bytearray(arguments: tuple[Value, ...]) -> bool:
    return not arguments or _text_as_bytes(arguments) or (len(arguments) == 1 and isinstance(arguments[0], bytes))


def _ints(value: Value) -> bool:
    return isinstance(value, Tuple) and all(type(item) is int for item in value.items)


def _tensor_argument(value: Value) -> bool:
    if isinstance(value, Global):
        return (value.module, value.name) in _DTYPES
    if isinstance(value, Made):
        return True
    return isinstance(value, Stored) or is_plain(value)


def _tensor(arguments: tuple[Value, ...]) -> bool:
    return bool(arguments) and all(map(_tensor_argument, arguments))


def _typed_rebuild(arguments: tuple[Value, ...]) -> bool:
    """`_rebuild_from_type_v2(function, type, arguments, state)` calls `function`: that must be a rebuilder too."""
    if len(arguments) != 4:
        return False
    function, kind, inner, state = arguments
    return (
        isinstance(function, Global)
        and (function.module, function.name) in _REBUILDERS
        and isinstance(kind, Global)
        and (kind.module, kind.name) in _TENSORS
        and isinstance(inner, Tuple)
        and _tensor(inner.items)
        and (is_plain(state) or isinstance(state, (Items, Tuple)))
        and not (isinstance(state, Items) and state.has_special_key)
    )


def _numpy_dtype(arguments: tuple[Value, ...]) -> bool:
    return (
        1 <= len(arguments) <= 3
        and isinstance(arguments[0], str)
        and _NUMPY_ITEM.match(arguments[0]) is not None
        and all(type(flag) in (int, bool) for flag in arguments[1:])
    )


def _reconstruct(arguments: tuple[Value, ...]) -> bool:
    if len(arguments) != 3:
        return False
    kind, shape, code = arguments
    is_array = isinstance(kind, Global) and (kind.module, kind.name) == _NUMPY_ARRAY
    # Protocols 0 to 2 spell bytes as a call of `_codecs.encode`.
    return is_array and _ints(shape) and (code in (b"b", "b") or _made_by(code, {_ENCODE}))


def _scalar(arguments: tuple[Value, ...]) -> bool:
    return (
        len(arguments) == 2
        and _made_by(arguments[0], {_NUMPY_DTYPE})
        and (isinstance(arguments[1], (bytes, str)) or _made_by(arguments[1], {_ENCODE}))
    )


def _made_by(value: Value, names: set[Name]) -> bool:
    return isinstance(value, Made) and (value.factory.module, value.factory.name) in names


def _never(arguments: tuple[Value, ...]) -> Literal[False]:
    return False


_CALLS: dict[Name, Callable[[tuple[Value, ...]], bool]] = {
    ORDERED_DICT: _mapping,
    _COUNTER: lambda arguments: _mapping(arguments) and _plain(arguments),
    ("builtins", "set"): lambda arguments: _mapping(arguments) and _plain(arguments),
    ("builtins", "bytearray"): _bytearray,
    ("builtins", "complex"): lambda arguments: len(arguments) == 2 and all(type(part) is float for part in arguments),
    ("torch", "Size"): lambda arguments: len(arguments) == 1 and _ints(arguments[0]),
    ("torch", "device"): lambda arguments: 1 <= len(arguments) <= 2 and isinstance(arguments[0], str),
    **dict.fromkeys(_REBUILDERS, _tensor),
    ("torch._tensor", "_rebuild_from_type_v2"): _typed_rebuild,
    ("torch.nn.parameter", "Parameter"): _tensor,
    ("torch", "Tensor"): _tensor,
    _PARAMETER_DICT: lambda arguments: not arguments,
    _NUMPY_DTYPE: _numpy_dtype,
    _NUMPY_ARRAY: _never,  # only named, as the first argument of _reconstruct
    **dict.fromkeys(_RECONSTRUCT, _reconstruct),
    **dict.fromkeys(_SCALAR, _scalar),
    _ENCODE: _text_as_bytes,
}
