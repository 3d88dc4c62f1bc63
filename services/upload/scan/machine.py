"""Walks a pickle's opcodes with a symbolic stack and memo, like the real machine, but makes nothing.

What it does not know for certain is a fault. Imports found before a fault are kept: a stream that breaks off
after a call has already made that call.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable

from services.upload.scan.allowlist import call_fault, is_allowed, module_of, state_fault, storage_of
from services.upload.scan.pickle_stack import MAX_OPCODES, BrokenPickleError, SymbolicStack, Walk
from services.upload.scan.pickle_values import Global, Items, Made, Mark, Tuple, Unknown, Value, make_tuple


def walk_pickle(data: bytes, start: int = 0, *, in_torch: bool = False) -> Walk:
    """Walk one pickle from `start`. `in_torch` says that persistent ids name storages of a torch container."""
    machine = _Machine(data, in_torch)
    machine.run(start)
    return machine.walk


class _Machine(SymbolicStack):
    def __init__(self, data: bytes, in_torch: bool) -> None:
        super().__init__()
        self._data = data
        self._in_torch = in_torch

    def run(self, start: int) -> None:
        stream = io.BytesIO(self._data)
        stream.seek(start)
        try:
            for _ in range(MAX_OPCODES):
                self._position = stream.tell()
                opcode = _OPCODES.get(stream.read(1))
                if opcode is None:
                    raise BrokenPickleError("the data end before STOP, or an operation is unknown")
                self._step(opcode.name, _read_argument(opcode, stream))
                if self.walk.is_complete:
                    break
            else:
                raise BrokenPickleError(f"more than {MAX_OPCODES} operations; re-save as safetensors")
        except BrokenPickleError as error:
            self._fault("pickle.malformed", str(error), is_dangerous=False)
        except (ValueError, UnicodeError, OverflowError, IndexError) as error:
            self._fault("pickle.malformed", f"the pickle cannot be read: {error}", is_dangerous=False)
        self.walk.end = stream.tell()

    def _step(self, name: str, argument: object) -> None:
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

    # Actions, one for each kind of opcode.

    def proto(self, argument: object) -> None:
        if not isinstance(argument, int) or argument > 5:
            raise BrokenPickleError(f"pickle protocol {argument} is unknown")

    def frame(self, argument: object) -> None:
        if not isinstance(argument, int) or argument > len(self._data) - self._position - 9:
            raise BrokenPickleError("a frame is longer than the data")

    def stop(self, argument: object) -> None:
        self.walk.result = self._pop()
        if self._stack:
            raise BrokenPickleError("values are left on the stack at the end")
        self.walk.is_complete = True

    def global_named(self, argument: object) -> None:
        self._push(self._import(*_global_name(argument)))

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
            raise BrokenPickleError("a call has no callee")
        self._call(items[0], make_tuple(items[1:]))

    def inst(self, argument: object) -> None:
        items = self._pop_to_mark()
        self._call(self._import(*_global_name(argument)), make_tuple(items))

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
        value = self._pop()
        if self._in_torch and (module := module_of(value)) is not None:
            self._push(module)
            return
        found = storage_of(value)
        if not self._in_torch or found is None:
            self._fault("pickle.persistent_id", "a persistent id that is not a torch storage")
            self._push(Unknown())
            return
        known = self.walk.storages.setdefault(found.key, found)
        if known != found:
            self._fault("pickle.storage", f"storage {found.key!r} is described in two ways", is_dangerous=False)
        self._push(found)


def _read_argument(opcode: pickletools.OpcodeInfo, stream: io.BytesIO) -> object:
    """What follows an opcode. Globals are UTF-8, as the real machine reads them; pickletools takes ASCII alone."""
    if opcode.name in ("GLOBAL", "INST"):
        lines = stream.readline(), stream.readline()
        if not all(line.endswith(b"\n") for line in lines):
            raise BrokenPickleError("the name of a global has no end")
        return tuple(line[:-1].decode("utf-8", "backslashreplace") for line in lines)
    return None if opcode.arg is None else opcode.arg.reader(stream)


def _global_name(argument: object) -> tuple[str, str]:
    if isinstance(argument, tuple):
        module, name = argument
        return str(module), str(name)
    raise BrokenPickleError("a global has no name")


def _is_special(key: Value) -> bool:
    return isinstance(key, str) and key.startswith("__")


_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
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
