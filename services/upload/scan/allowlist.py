"""The only globals that a pickle may name, and what a call of each may be given.

Default deny by exact (module, name): weights need few globals, and every list of forbidden ones has been passed by.
A new entry is an exact name with its own rule for arguments, never a pattern.
"""

from __future__ import annotations

import _compat_pickle

from services.upload.scan import array_rules
from services.upload.scan.array_rules import ARRAY, DTYPE, ENCODE, RECONSTRUCT, Name, Rule, is_ints, is_made_by
from services.upload.scan.pickle_values import Global, Items, Made, Stored, Tuple, Value, is_bytes, is_plain, is_text

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
_DEFAULT_DICT: Name = ("collections", "defaultdict")
_BYTES: Name = ("builtins", "bytes")
"""Called without anything: how old protocols write no bytes at all."""
_FACTORIES: frozenset[Name] = frozenset(("builtins", name) for name in ("list", "dict", "int", "float"))
"""Only named, as what a `defaultdict` makes of a missing key."""

SETTABLE: frozenset[Name] = frozenset({ORDERED_DICT, _COUNTER, _DEFAULT_DICT})
"""Objects that may be given items (`d[key] = value`)."""

APPENDABLE: frozenset[Name] = frozenset({("collections", "deque")})
"""Objects that may be appended to."""

BUILDABLE: frozenset[Name] = _TENSORS | _REBUILDERS | RECONSTRUCT | {ORDERED_DICT, _PARAMETER_DICT, DTYPE, ARRAY}
"""Objects that may be given a state."""


def mapped(name: Name) -> Name:
    """The name that Python 3's unpickler looks up for one written by Python 2."""
    if name in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[name]
    return _compat_pickle.IMPORT_MAPPING.get(name[0], name[0]), name[1]


def is_allowed(name: Name, additions: frozenset[Name] = frozenset()) -> bool:
    """Whether a pickle may name this global at all. A dotted name never is. `additions`: those of the hub."""
    return name in STORAGES or name in _DTYPES or name in _CALLS or mapped(name) in _CALLS or name in additions


def call_fault(callee: Global, arguments: tuple[Value, ...], additions: frozenset[Name] = frozenset()) -> str | None:
    """Why the call of an allowed global with these arguments is not allowed; None if it is."""
    name = (callee.module, callee.name)
    rule = _CALLS.get(name) or _CALLS.get(mapped(name)) or (_plain if name in additions else None)
    if rule is None:
        return f"{callee} is not something that weights call"
    return None if rule(arguments) else f"{callee} is called with arguments that weights never give it"


def made_by(callee: Global, arguments: tuple[Value, ...]) -> Made | bytes:
    """What the allowed call of a global gives."""
    if mapped((callee.module, callee.name)) == _BYTES:
        return b""
    if (callee.module, callee.name) in _REBUILDERS and len(arguments) >= 3:
        stored, shape = arguments[0], arguments[2]
        if isinstance(stored, Made):  # a parameter is made of a tensor
            return Made(callee, stored.stored, stored.shape)
        if isinstance(stored, Stored) and isinstance(shape, Tuple):
            return Made(callee, stored, tuple(side for side in shape.items if isinstance(side, int)))
    return Made(callee)


def storage_of(value: Value) -> Stored | None:
    """torch's persistent id: ("storage", class, key, device, count[, view]).

    The view is None in files of today; once it was (key, offset, count) of a part of the storage.
    """
    if not isinstance(value, Tuple) or not 5 <= len(value.items) <= 6:
        return None
    tag, storage, key, device, count, *views = value.items
    if any(view is not None and not _is_view(view) for view in views):
        return None
    if tag != "storage" or not isinstance(storage, Global) or (storage.module, storage.name) not in STORAGES:
        return None
    if not isinstance(key, str) or not isinstance(device, str) or type(count) is not int or count < 0:
        return None
    return Stored(storage, key, count)


def _is_view(value: Value) -> bool:
    if not isinstance(value, Tuple) or len(value.items) != 3:
        return False
    key, offset, count = value.items
    return isinstance(key, str) and type(offset) is int and type(count) is int and offset >= 0 and count >= 0


def module_of(value: Value) -> Global | None:
    """The old format's persistent id of a container class: ("module", class, file, source); gives the class."""
    if not isinstance(value, Tuple) or len(value.items) != 4 or value.items[0] != "module":
        return None
    found, *texts = value.items[1:]
    if not isinstance(found, Global) or (found.module, found.name) != _PARAMETER_DICT:
        return None
    return found if all(text is None or is_text(text) for text in texts) else None


def state_fault(made: Made, state: Value, additions: frozenset[Name] = frozenset()) -> str | None:
    """Why an object may not be given this state; None if it may."""
    if (made.factory.module, made.factory.name) in additions - BUILDABLE:
        is_harmless = isinstance(state, Items) and state.kind == "dict" and state.is_plain and not state.has_special_key
        return None if is_harmless else f"the state for {made.factory} is not a dictionary of plain data"
    if (made.factory.module, made.factory.name) not in BUILDABLE:
        return f"an object of {made.factory} is given a state, which weights never do"
    if isinstance(state, Items) and state.kind == "dict":
        return f"the state for {made.factory} sets special attributes" if state.has_special_key else None
    if isinstance(state, Tuple):
        is_wrong = array_rules.state_fault((made.factory.module, made.factory.name), state)
        if is_wrong is not None:
            return f"the state for {made.factory} is not that of an array of numbers or text" if is_wrong else None
        return None if all(map(_is_state_part, state.items)) else f"the state for {made.factory} holds what it must not"
    return f"the state for {made.factory} has a wrong form"


def _is_state_part(value: Value) -> bool:
    if isinstance(value, Items):
        return value.kind == "dict" and value.is_plain and not value.has_special_key
    if isinstance(value, Tuple):
        return value.is_plain
    return is_made_by(value, {ORDERED_DICT}) or value is None or isinstance(value, (bool, int, str, bytes))


def _plain(arguments: tuple[Value, ...]) -> bool:
    return all(map(is_plain, arguments))


def _mapping(arguments: tuple[Value, ...]) -> bool:
    """Nothing, or one container: an old OrderedDict carries its pairs, tensors among them, as a list."""
    return not arguments or (len(arguments) == 1 and isinstance(arguments[0], (Items, Tuple)))


def _text_as_bytes(arguments: tuple[Value, ...]) -> bool:
    return len(arguments) == 2 and is_text(arguments[0]) and arguments[1] in ("latin1", "latin-1")


def _bytearray(arguments: tuple[Value, ...]) -> bool:
    if not arguments or _text_as_bytes(arguments):
        return True
    return len(arguments) == 1 and (is_bytes(arguments[0]) or is_made_by(arguments[0], {ENCODE}))


def _default_dict(arguments: tuple[Value, ...]) -> bool:
    if not arguments or arguments[0] is None:
        return len(arguments) <= 1
    factory = arguments[0]
    is_known = isinstance(factory, Global) and mapped((factory.module, factory.name)) in _FACTORIES
    return is_known and len(arguments) == 1


def _numbers(least: int, most: int) -> Rule:
    return lambda arguments: least <= len(arguments) <= most and all(type(item) is int for item in arguments)


def _time(*lengths: int) -> Rule:
    """`datetime` packs its values into so many bytes; a time zone may follow."""

    def check(arguments: tuple[Value, ...]) -> bool:
        if not 1 <= len(arguments) <= 2:
            return False
        packed, *zone = arguments
        is_packed = (isinstance(packed, (bytes, str)) and len(packed) in lengths) or is_made_by(packed, {ENCODE})
        return is_packed and all(is_made_by(item, {("datetime", "timezone")}) for item in zone)

    return check


def _tensor_argument(value: Value) -> bool:
    if isinstance(value, Global):
        return (value.module, value.name) in _DTYPES
    if isinstance(value, Items) and value.has_special_key:
        return False
    return isinstance(value, (Made, Stored)) or is_plain(value)


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


def _is_index(value: Value) -> bool:
    return value is None or type(value) is int


def _never(arguments: tuple[Value, ...]) -> bool:
    return False


_CALLS: dict[Name, Rule] = {
    ORDERED_DICT: _mapping,
    _COUNTER: lambda arguments: _mapping(arguments) and _plain(arguments),
    _DEFAULT_DICT: _default_dict,
    **dict.fromkeys(_FACTORIES, _never),
    _BYTES: lambda arguments: not arguments,
    **dict.fromkeys(
        (("builtins", "set"), ("builtins", "frozenset"), ("collections", "deque")),
        lambda arguments: (
            _plain(arguments) and _mapping(arguments[:1]) and all(type(most) is int for most in arguments[1:])
        ),
    ),
    ("builtins", "slice"): lambda arguments: len(arguments) == 3 and all(map(_is_index, arguments)),
    ("datetime", "datetime"): _time(10),
    ("datetime", "date"): _time(4),
    ("datetime", "time"): _time(6),
    ("datetime", "timedelta"): _numbers(1, 3),
    ("datetime", "timezone"): lambda arguments: (
        1 <= len(arguments) <= 2
        and is_made_by(arguments[0], {("datetime", "timedelta")})
        and all(isinstance(name, str) for name in arguments[1:])
    ),
    ("builtins", "bytearray"): _bytearray,
    ("builtins", "complex"): lambda arguments: len(arguments) == 2 and all(type(part) is float for part in arguments),
    ("torch", "Size"): lambda arguments: len(arguments) == 1 and is_ints(arguments[0]),
    ("torch", "device"): lambda arguments: 1 <= len(arguments) <= 2 and isinstance(arguments[0], str),
    **dict.fromkeys(_REBUILDERS, _tensor),
    ("torch._tensor", "_rebuild_from_type_v2"): _typed_rebuild,
    ("torch.nn.parameter", "Parameter"): _tensor,
    ("torch", "Tensor"): _tensor,
    _PARAMETER_DICT: lambda arguments: not arguments,
    **array_rules.CALLS,
    ENCODE: _text_as_bytes,
}
