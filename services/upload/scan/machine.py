"""Walks a pickle's opcodes with a symbolic stack and memo, like the real machine, but makes nothing.

What it does not know for certain is a fault. Imports found before a fault are kept: a stream that breaks off
after a call has already made that call.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field

from services.upload.scan.allowlist import SETTABLE, call_fault, is_allowed, state_fault, storage_of
from services.upload.scan.pickle_values import (
    Global,
    Items,
    Made,
    Mark,
    Slot,
    Stored,
    Tuple,
    Unknown,
    Value,
    is_plain,
    make_tuple,
)

MAX_OPCODES = 2_000_000
"""Four times what a checkpoint of 20,000 tensors needs."""

MAX_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a pickle is not acceptable. `position` is the byte offset of the opcode."""

    code: str
    position: int
    message: str
    is_dangerous: bool


class _BrokenError(Exception):
    """The stream cannot go on from here."""


@dataclass(slots=True)
class Walk:
    """What a walk has seen."""

    imports: list[tuple[Global, int]] = field(default_factory=list)
    storages: dict[str, Stored] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    has_called: bool = False
    is_complete: bool = False
    end: int = 0
    """Offset of the first byte after STOP."""
    result: Value = None


def walk_pickle(data: bytes, start: int = 0, *, in_torch: bool = False) -> Walk:
    """Walk one pickle from `start`. `in_torch` says that persistent ids name storages of a torch container."""
    machine = _Machine(data, in_torch)
    machine.run(start)
    return machine.walk


class _Machine:
    def __init__(self, data: bytes, in_torch: bool) -> None:
        self.walk = Walk()
        self._data = data
        self._in_torch = in_torch
        self._stack: list[Slot] = []
        self._memo: dict[int, Value] = {}
        self._position = 0

    def run(self, start: int) -> None:
        stream = io.BytesIO(self._data)
        stream.seek(start)
        try:
            for count, (opcode, argument, position) in enumerate(pickletools.genops(stream)):
                self._position = position or 0
                if count >= MAX_OPCODES:
                    raise _BrokenError(f"more than {MAX_OPCODES} opcodes; re-save as safetensors")
                self._step(opcode, argument)
        except _BrokenError as error:
            self._fault("pickle.malformed", str(error), is_dangerous=False)
        except (ValueError, UnicodeError, OverflowError, IndexError) as error:
            self._fault("pickle.malformed", f"the pickle cannot be read: {error}", is_dangerous=False)
        self.walk.end = stream.tell()

    def _step(self, opcode: pickletools.OpcodeInfo, argument: object) -> None:
        name = opcode.name
        if name in _CONSTANTS:
            self._push(_CONSTANTS[name])
        elif name in _LITERALS and isinstance(argument, (bool, int, float, str, bytes, bytearray)):
            self._push(bytes(argument) if isinstance(argument, bytearray) else argument)
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        else:
            self._fault("pickle.opcode", f"the operation {name} has no place in weights")
            if name in ("EXT1", "EXT2", "EXT4", "PERSID", "NEXT_BUFFER"):
                self._push(Unknown())

    def _fault(self, code: str, message: str, *, is_dangerous: bool = True) -> None:
        if len(self.walk.faults) < MAX_FAULTS or not any(fault.is_dangerous for fault in self.walk.faults):
            self.walk.faults.append(Fault(code, self._position, message, is_dangerous))

    def _push(self, value: Slot) -> None:
        self._stack.append(value)

    def _pop(self) -> Value:
        value = self._stack.pop() if self._stack else Mark()
        if isinstance(value, Mark):
            raise _BrokenError("an operation takes more from the stack than there is")
        return value

    def _top(self) -> Value:
        value = self._pop()
        self._stack.append(value)
        return value

    def _pop_to_mark(self) -> tuple[Value, ...]:
        items: list[Value] = []
        while self._stack:
            value = self._stack.pop()
            if isinstance(value, Mark):
                return tuple(reversed(items))
            items.append(value)
        raise _BrokenError("a mark is missing")

    # Actions, one for each kind of opcode.

    def proto(self, argument: object) -> None:
        if not isinstance(argument, int) or argument > 5:
            raise _BrokenError(f"pickle protocol {argument} is unknown")

    def frame(self, argument: object) -> None:
        if not isinstance(argument, int) or argument > len(self._data) - self._position - 9:
            raise _BrokenError("a frame is longer than the data")

    def stop(self, argument: object) -> None:
        self.walk.result = self._pop()
        if self._stack:
            raise _BrokenError("values are left on the stack at the end")
        self.walk.is_complete = True

    def pop(self, argument: object) -> None:
        if not self._stack:
            raise _BrokenError("an operation takes more from the stack than there is")
        self._stack.pop()  # a mark too, as the real machine does

    def pop_mark(self, argument: object) -> None:
        self._pop_to_mark()

    def put(self, argument: object) -> None:
        if not isinstance(argument, int) or not 0 <= argument <= MAX_OPCODES:  # the real machine allocates up to it
            raise _BrokenError("a memo index is no sensible number")
        self._memo[argument] = self._top()

    def memoize(self, argument: object) -> None:
        self._memo[len(self._memo)] = self._top()

    def get(self, argument: object) -> None:
        if not isinstance(argument, int) or argument not in self._memo:
            raise _BrokenError(f"memo entry {argument} does not exist")
        self._push(self._memo[argument])

    def tuple_of(self, count: int) -> None:
        self._push(make_tuple(tuple(reversed([self._pop() for _ in range(count)]))))

    def tuple_to_mark(self, argument: object) -> None:
        self._push(make_tuple(self._pop_to_mark()))

    def list_to_mark(self, argument: object) -> None:
        items = self._pop_to_mark()
        self._push(Items("list", all(map(is_plain, items)), items=list(items)))

    def frozenset_to_mark(self, argument: object) -> None:
        self._push(Items("frozenset", all(map(is_plain, self._pop_to_mark()))))

    def dict_to_mark(self, argument: object) -> None:
        items = self._pop_to_mark()
        made = Items("dict")
        self._set_items(made, items)
        self._push(made)

    def append(self, argument: object) -> None:
        value = self._pop()
        self._extend("list", (value,))

    def appends(self, argument: object) -> None:
        self._extend("list", self._pop_to_mark())

    def add_items(self, argument: object) -> None:
        self._extend("set", self._pop_to_mark())

    def _extend(self, kind: str, values: tuple[Value, ...]) -> None:
        target = self._top()
        if isinstance(target, Items) and target.kind == kind:
            target.is_plain = target.is_plain and all(map(is_plain, values))
            if kind == "list":
                target.items.extend(values)
        else:
            self._fault("pickle.target", f"something other than a {kind} is added to")

    def set_item(self, argument: object) -> None:
        value, key = self._pop(), self._pop()
        self._set_items(self._top(), (key, value))

    def set_items(self, argument: object) -> None:
        items = self._pop_to_mark()
        self._set_items(self._top(), items)

    def _set_items(self, target: Value, items: tuple[Value, ...]) -> None:
        if len(items) % 2:
            raise _BrokenError("a key has no value")
        if isinstance(target, Items) and target.kind == "dict":
            target.is_plain = target.is_plain and all(map(is_plain, items))
            if any(not isinstance(key, (str, int)) or _is_special(key) for key in items[::2]):
                target.has_special_key = True
        elif not (isinstance(target, Made) and (target.factory.module, target.factory.name) in SETTABLE):
            self._fault("pickle.target", "items are set in something other than a dictionary")

    def global_named(self, argument: object) -> None:
        module, _, name = str(argument).partition(" ")
        self._push(self._import(module, name))

    def stack_global(self, argument: object) -> None:
        name, module = self._pop(), self._pop()
        if isinstance(module, str) and isinstance(name, str):
            self._push(self._import(module, name))
        else:
            self._import("unknown", "unknown")
            self._push(Unknown())

    def _import(self, module: str, name: str) -> Value:
        found = Global(module, name)
        self.walk.imports.append((found, self._position))
        return found if is_allowed((module, name)) else Unknown()

    def reduce(self, argument: object) -> None:
        arguments, callee = self._pop(), self._pop()
        self._call(callee, arguments)

    def new_object_ex(self, argument: object) -> None:
        keywords, arguments, callee = self._pop(), self._pop(), self._pop()
        if not (isinstance(keywords, Items) and keywords.kind == "dict" and keywords.is_plain):
            self._fault("pickle.call", "a call has keyword arguments that are no plain dictionary")
        self._fault("pickle.call", "a call with keyword arguments has no place in weights")
        self._call(callee, arguments)

    def object_to_mark(self, argument: object) -> None:
        items = self._pop_to_mark()
        if not items:
            raise _BrokenError("a call has no callee")
        self._call(items[0], make_tuple(items[1:]))

    def inst(self, argument: object) -> None:
        items = self._pop_to_mark()
        module, _, name = str(argument).partition(" ")
        self._call(self._import(module, name), make_tuple(items))

    def _call(self, callee: Value, arguments: Value) -> None:
        self.walk.has_called = True
        if not isinstance(callee, Global):
            self._fault("pickle.call", "something other than an allowed function is called; re-save as safetensors")
            self._push(Unknown())
        elif not isinstance(arguments, Tuple):
            self._fault("pickle.call", f"{callee} is called with arguments that are no tuple")
            self._push(Unknown())
        else:
            fault = call_fault(callee, arguments.items)
            if fault is not None:
                self._fault("pickle.call", fault)
            self._push(Made(callee) if fault is None else Unknown())

    def build(self, argument: object) -> None:
        state = self._pop()
        target = self._top()
        self.walk.has_called = True
        if not isinstance(target, Made):
            self._fault("pickle.state", "a state is given to something that no allowed call has made")
        elif (fault := state_fault(target, state)) is not None:
            self._fault("pickle.state", fault)

    def persistent_id(self, argument: object) -> None:
        found = storage_of(self._pop())
        if not self._in_torch or found is None:
            self._fault("pickle.persistent_id", "a persistent id that is not a torch storage")
            self._push(Unknown())
            return
        known = self.walk.storages.setdefault(found.key, found)
        if known != found:
            self._fault("pickle.storage", f"storage {found.key!r} is described in two ways", is_dangerous=False)
        self._push(found)


def _is_special(key: Value) -> bool:
    return isinstance(key, str) and key.startswith("__")


_CONSTANTS: dict[str, Value] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "FLOAT", "BINFLOAT",
}  # fmt: skip
_ACTIONS: dict[str, Callable[[_Machine, object], None]] = {
    "PROTO": _Machine.proto,
    "FRAME": _Machine.frame,
    "STOP": _Machine.stop,
    "MARK": lambda machine, _: machine._push(Mark()),
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": lambda machine, _: machine._push(machine._top()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": _Machine.memoize,
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "EMPTY_LIST": lambda machine, _: machine._push(Items("list")),
    "EMPTY_DICT": lambda machine, _: machine._push(Items("dict")),
    "EMPTY_SET": lambda machine, _: machine._push(Items("set")),
    "EMPTY_TUPLE": lambda machine, _: machine.tuple_of(0),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "TUPLE": _Machine.tuple_to_mark,
    "LIST": _Machine.list_to_mark,
    "FROZENSET": _Machine.frozenset_to_mark,
    "DICT": _Machine.dict_to_mark,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.add_items,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.global_named,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.new_object_ex,
    "OBJ": _Machine.object_to_mark,
    "INST": _Machine.inst,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent_id,
}
