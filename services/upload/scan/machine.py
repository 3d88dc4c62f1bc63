"""Walks a pickle's opcodes with a symbolic stack and memo, like the real machine, but makes nothing.

What it does not know for certain is a fault. Imports found before a fault are kept: a stream that breaks off
after a call has already made that call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from services.upload.scan.array_rules import Name
from services.upload.scan.pickle_calls import CallingStack
from services.upload.scan.pickle_reader import WINDOW_BYTES, BrokenPickleError, PickleReader
from services.upload.scan.pickle_stack import MAX_OPCODES, Walk
from services.upload.scan.pickle_values import Blob, Items, Value, make_tuple

MAX_HIDDEN_DEPTH = 3
"""How deep pickles inside constants of pickles are followed."""


def walk_pickle(
    source: bytes | BinaryIO,
    start: int = 0,
    end: int | None = None,
    *,
    in_torch: bool = False,
    max_opcodes: int = 0,
    additions: frozenset[Name] = frozenset(),
) -> Walk:
    """Walk one pickle from `start`, at most up to `end` (which a file needs). Positions count from the source's start.

    Args:
        in_torch: persistent ids name storages of a torch container.
        max_opcodes: a smaller budget than MAX_OPCODES.
        additions: imports that the hub allows besides.
    """
    machine = _Machine(PickleReader(source, start, end), source, in_torch, additions)
    machine.run(max_opcodes or MAX_OPCODES)
    return machine.walk


class _Machine(CallingStack):
    """One walk. A method for each kind of opcode reads what follows it and acts."""

    def __init__(
        self, reader: PickleReader, source: bytes | BinaryIO, in_torch: bool, additions: frozenset[Name], depth: int = 0
    ) -> None:
        super().__init__(in_torch=in_torch, additions=additions)
        self._reader = reader
        self._source = source
        self._depth = depth

    def run(self, max_opcodes: int = MAX_OPCODES) -> None:
        """Walk up to STOP, the first thing that cannot be read, or the end of the budget."""
        reader, stop = self._reader, _Machine.stop
        try:
            for _ in range(max_opcodes):
                self._position = reader.base + reader.at
                action = ACTIONS[reader.byte()]
                action(self)
                if action is stop:
                    break
            else:
                raise BrokenPickleError(f"more than {max_opcodes} operations; re-save as safetensors")
        except BrokenPickleError as error:
            self._fault("pickle.malformed", str(error), is_dangerous=False)
        except KeyError:
            self._fault("pickle.malformed", "an operation is unknown", is_dangerous=False)
        except (ValueError, UnicodeError, OverflowError) as error:
            self._fault("pickle.malformed", f"the pickle cannot be read: {error}", is_dangerous=False)
        self.walk.end = reader.position
        for _, position in self._hidden.values():
            self._position = position
            self._fault("pickle.hidden", "a constant is itself a pickle that imports what weights never need")

    def proto(self) -> None:
        if (version := self._reader.byte()) > 5:
            raise BrokenPickleError(f"pickle protocol {version} is unknown")

    def frame(self) -> None:
        if self._reader.u8() > self._reader.left:
            raise BrokenPickleError("a frame is longer than the data")

    def stop(self) -> None:
        self.walk.result = self._pop()
        if self._stack:
            raise BrokenPickleError("values are left on the stack at the end")
        self.walk.is_complete = True

    # Constants.

    def _old_text(self, data: bytes | Blob) -> None:
        """Text of Python 2, which may hold any bytes."""
        self._sniff(data)
        self._push(Blob("text", data.position, data.size_bytes) if isinstance(data, Blob) else data.decode("latin-1"))

    def _bytes(self, data: bytes | Blob) -> None:
        self._sniff(data)
        self._push(data)

    def _sniff(self, data: bytes | Blob, made: Value = None) -> None:
        """Note a constant (or what was made of it) that is a pickle with imports outside the list.

        A loader might be given it.
        """
        size = data.size_bytes if isinstance(data, Blob) else len(data)
        if size < 8 or self._depth >= MAX_HIDDEN_DEPTH:
            return
        if isinstance(data, Blob):
            reader = PickleReader(self._source, data.position, data.position + size)
            inner = _Machine(reader, self._source, False, self._additions, self._depth + 1)
        else:
            inner = _Machine(PickleReader(data), data, False, self._additions, self._depth + 1)
        inner.run(MAX_OPCODES // 10)
        walk = inner.walk
        is_run = walk.has_called or walk.is_complete
        if is_run and (inner._hidden or not all(map(self._is_allowed, walk.imports))):
            held = data if made is None else made
            self._hidden[id(held)] = (held, self._position)

    def _sniff_text(self, value: Value, made: Value) -> None:
        """Bytes that an old protocol spells as a text; of a long one the first part must do."""
        if isinstance(value, Blob):
            reader = PickleReader(self._source, value.position, value.position + value.size_bytes)
            value = reader.take(min(value.size_bytes, WINDOW_BYTES)).decode("utf-8", "ignore")
        if isinstance(value, str):
            self._sniff(value.encode("latin-1", "ignore"), made)

    # Globals and calls.

    def global_line(self) -> None:
        self._push(self._import(*self._name_lines()))

    def _name_lines(self) -> tuple[str, str]:
        module, name = (self._reader.line().decode("utf-8", "backslashreplace") for _ in range(2))
        return module, name

    def inst(self) -> None:
        module, name = self._name_lines()
        items = self._pop_to_mark()
        self._call(self._import(module, name), make_tuple(items))

    def persistent_line(self) -> None:
        self._reader.line()
        self._forbidden("PERSID")


def _extension(size: int) -> Callable[[_Machine], None]:
    def act(machine: _Machine) -> None:
        machine._reader.take(size)
        machine._forbidden(f"EXT{size}")

    return act


ACTIONS: dict[int, Callable[[_Machine], None]] = {
    ord(code): action
    for code, action in {
        "\x80": _Machine.proto,
        "\x95": _Machine.frame,
        ".": _Machine.stop,
        "(": _Machine.mark,
        "0": _Machine.pop,
        "1": _Machine.pop_mark,
        "2": lambda machine: machine._push(machine._top()),
        "p": lambda machine: machine.put(int(machine._reader.line().decode("ascii"))),
        "q": lambda machine: machine.put(machine._reader.byte()),
        "r": lambda machine: machine.put(machine._reader.u4()),
        "\x94": _Machine.memoize,
        "g": lambda machine: machine.get(int(machine._reader.line().decode("ascii"))),
        "h": lambda machine: machine.get(machine._reader.byte()),
        "j": lambda machine: machine.get(machine._reader.u4()),
        "N": lambda machine: machine._push(None),
        "\x88": lambda machine: machine._push(True),
        "\x89": lambda machine: machine._push(False),
        "I": lambda machine: machine._push(machine._reader.int_line()),
        "L": lambda machine: machine._push(machine._reader.long_line()),
        "F": lambda machine: machine._push(machine._reader.float_line()),
        "K": lambda machine: machine._push(machine._reader.byte()),
        "M": lambda machine: machine._push(machine._reader.u2()),
        "J": lambda machine: machine._push(machine._reader.i4()),
        "\x8a": lambda machine: machine._push(machine._reader.integer(machine._reader.byte())),
        "\x8b": lambda machine: machine._push(machine._reader.integer(machine._reader.i4())),
        "G": lambda machine: machine._push(machine._reader.f8()),
        "S": lambda machine: machine._old_text(machine._reader.quoted_line()),
        "V": lambda machine: machine._push(machine._reader.line().decode("raw-unicode-escape")),
        "T": lambda machine: machine._old_text(machine._reader.data(machine._reader.i4())),
        "U": lambda machine: machine._old_text(machine._reader.data(machine._reader.byte())),
        "C": lambda machine: machine._bytes(machine._reader.data(machine._reader.byte())),
        "B": lambda machine: machine._bytes(machine._reader.data(machine._reader.u4())),
        "\x8e": lambda machine: machine._bytes(machine._reader.data(machine._reader.u8())),
        "\x96": lambda machine: machine._bytes(machine._reader.data(machine._reader.u8())),
        "\x8c": lambda machine: machine._push(machine._reader.text(machine._reader.byte())),
        "X": lambda machine: machine._push(machine._reader.text(machine._reader.u4())),
        "\x8d": lambda machine: machine._push(machine._reader.text(machine._reader.u8())),
        "]": lambda machine: machine._push(Items("list")),
        "}": lambda machine: machine._push(Items("dict")),
        "\x8f": lambda machine: machine._push(Items("set")),
        ")": lambda machine: machine.tuple_of(0),
        "\x85": lambda machine: machine.tuple_of(1),
        "\x86": lambda machine: machine.tuple_of(2),
        "\x87": lambda machine: machine.tuple_of(3),
        "t": _Machine.tuple_to_mark,
        "l": _Machine.list_to_mark,
        "d": _Machine.dict_to_mark,
        "\x91": _Machine.frozenset_to_mark,
        "a": _Machine.append,
        "e": _Machine.appends,
        "\x90": _Machine.add_items,
        "s": _Machine.set_item,
        "u": _Machine.set_items,
        "c": _Machine.global_line,
        "\x93": _Machine.stack_global,
        "R": _Machine.reduce,
        "\x81": _Machine.reduce,
        "\x92": _Machine.new_object_ex,
        "o": _Machine.object_to_mark,
        "i": _Machine.inst,
        "b": _Machine.build,
        "Q": _Machine.persistent_id,
        "P": _Machine.persistent_line,
        "\x82": _extension(1),
        "\x83": _extension(2),
        "\x84": _extension(4),
        "\x97": lambda machine: machine._forbidden("NEXT_BUFFER"),
        "\x98": lambda machine: machine._forbidden("READONLY_BUFFER"),
    }.items()
}
