"""The symbolic stack and memo of a pickle, and the operations that only move values or fill containers."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.upload.scan.allowlist import APPENDABLE, SETTABLE
from services.upload.scan.pickle_reader import BrokenPickleError
from services.upload.scan.pickle_values import (
    Global,
    Items,
    Made,
    Mark,
    Slot,
    Stored,
    Tuple,
    Value,
    is_plain,
    make_tuple,
)

MAX_OPCODES = 10_000_000
"""Twenty times what a checkpoint of 20,000 tensors needs; some seconds of work."""
MAX_VALUES = 2_000_000
"""Most on the stack, and most in the memo."""
MAX_MARKS = 10_000
"""Honest savers give up at a depth of about 500."""
MAX_FAULTS = 100
MAX_TENSORS = 200_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a pickle is not acceptable. `position` is the byte offset of the opcode."""

    code: str
    position: int
    message: str
    is_dangerous: bool


@dataclass(slots=True)
class Walk:
    """What a walk has seen."""

    imports: list[tuple[Global, int]] = field(default_factory=list)
    """Each global where it is named first."""
    tensors: dict[str, Made] = field(default_factory=dict)
    """Tensors by the last key under which they are put into a dictionary."""
    storages: dict[str, Stored] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    has_called: bool = False
    is_complete: bool = False
    end: int = 0
    """Offset of the first byte after STOP."""
    result: Value = None


class SymbolicStack:
    """Stack, memo and what the walk has seen. Each public method is an operation of the pickle machine."""

    def __init__(self) -> None:
        self.walk = Walk()
        self._stack: list[Slot] = []
        self._memo: dict[int, Value] = {}
        self._marks = 0
        self._position = 0

    def _fault(self, code: str, message: str, *, is_dangerous: bool = True) -> None:
        if len(self.walk.faults) < MAX_FAULTS or not any(fault.is_dangerous for fault in self.walk.faults):
            self.walk.faults.append(Fault(code, self._position, message, is_dangerous))

    def _push(self, value: Slot) -> None:
        if len(self._stack) >= MAX_VALUES:
            raise BrokenPickleError(f"more than {MAX_VALUES} values on the stack")
        self._stack.append(value)

    def mark(self) -> None:
        """MARK."""
        self._marks += 1
        if self._marks > MAX_MARKS:
            raise BrokenPickleError("values are nested too deeply")
        self._push(Mark())

    def _pop(self) -> Value:
        value = self._stack.pop() if self._stack else Mark()
        if isinstance(value, Mark):
            raise BrokenPickleError("an operation takes more from the stack than there is")
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
                self._marks -= 1
                items.reverse()
                return tuple(items)
            items.append(value)
        raise BrokenPickleError("a mark is missing")

    def pop(self) -> None:
        """POP: drop the top, be it a mark."""
        if not self._stack:
            raise BrokenPickleError("an operation takes more from the stack than there is")
        if isinstance(self._stack.pop(), Mark):  # the real machine drops it too
            self._marks -= 1

    def pop_mark(self) -> None:
        """POP_MARK: drop everything down to the mark."""
        self._pop_to_mark()

    def put(self, index: int) -> None:
        """PUT, BINPUT, LONG_BINPUT: keep the top under a number."""
        if not 0 <= index <= MAX_OPCODES:  # the real machine allocates up to it
            raise BrokenPickleError("a memo index is no sensible number")
        if len(self._memo) >= MAX_VALUES:
            raise BrokenPickleError(f"more than {MAX_VALUES} values in the memo")
        self._memo[index] = self._top()

    def memoize(self) -> None:
        """MEMOIZE: keep the top under the next number."""
        self.put(len(self._memo))

    def get(self, index: int) -> None:
        """GET, BINGET, LONG_BINGET: push what is kept."""
        if index not in self._memo:
            raise BrokenPickleError(f"memo entry {index} does not exist")
        self._push(self._memo[index])

    def tuple_of(self, count: int) -> None:
        """EMPTY_TUPLE, TUPLE1 to TUPLE3."""
        self._push(make_tuple(tuple(reversed([self._pop() for _ in range(count)]))))

    def tuple_to_mark(self) -> None:
        """TUPLE."""
        self._push(make_tuple(self._pop_to_mark()))

    def list_to_mark(self) -> None:
        """LIST."""
        items = self._pop_to_mark()
        self._push(Items("list", all(map(is_plain, items)), items=list(items)))

    def frozenset_to_mark(self) -> None:
        """FROZENSET."""
        self._push(Items("frozenset", all(map(is_plain, self._pop_to_mark()))))

    def dict_to_mark(self) -> None:
        """DICT."""
        items = self._pop_to_mark()
        made = Items("dict")
        self._set_items(made, items)
        self._push(made)

    def append(self) -> None:
        """APPEND."""
        value = self._pop()
        self._extend("list", (value,))

    def appends(self) -> None:
        """APPENDS."""
        self._extend("list", self._pop_to_mark())

    def add_items(self) -> None:
        """ADDITEMS."""
        self._extend("set", self._pop_to_mark())

    def _extend(self, kind: str, values: tuple[Value, ...]) -> None:
        target = self._top()
        if isinstance(target, Items) and target.kind == kind:
            target.is_plain = target.is_plain and all(map(is_plain, values))
            if kind == "list":
                target.items.extend(values)
        elif not (kind == "list" and isinstance(target, Made) and _is_one_of(target, APPENDABLE)):
            self._fault("pickle.target", f"something other than a {kind} is added to")

    def set_item(self) -> None:
        """SETITEM."""
        value, key = self._pop(), self._pop()
        self._set_items(self._top(), (key, value))

    def set_items(self) -> None:
        """SETITEMS."""
        items = self._pop_to_mark()
        self._set_items(self._top(), items)

    def _set_items(self, target: Value, items: tuple[Value, ...]) -> None:
        if len(items) % 2:
            raise BrokenPickleError("a key has no value")
        self._note_tensors(items)
        if isinstance(target, Items) and target.kind == "dict":
            target.is_plain = target.is_plain and all(map(is_plain, items))
            if any(not isinstance(key, (str, int)) or _is_special(key) for key in items[::2]):
                target.has_special_key = True
            if not target.is_plain:
                target.holds.update(map(_maker, items[1::2]))
        elif not (isinstance(target, Made) and _is_one_of(target, SETTABLE)):
            self._fault("pickle.target", "items are set in something other than a dictionary")

    def _note_tensors(self, items: tuple[Value, ...]) -> None:
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(value, Made) or value.stored is None or not isinstance(key, str):
                continue
            if len(self.walk.tensors) < MAX_TENSORS:
                self.walk.tensors[key] = value


def _is_one_of(made: Made, names: frozenset[tuple[str, str]]) -> bool:
    return (made.factory.module, made.factory.name) in names


_DATA = Global("", "data")


def _maker(value: Value) -> Global:
    """What made a value, or the one maker of a tuple's values; data alone has none."""
    if isinstance(value, Made):
        return value.factory
    if isinstance(value, Tuple) and not value.is_plain:
        makers = {_maker(item) for item in value.items if isinstance(item, Made) or not is_plain(item)}
        return makers.pop() if len(makers) == 1 else Global("", "several")
    return _DATA if is_plain(value) else Global("", "other")


def _is_special(key: Value) -> bool:
    return isinstance(key, str) and key.startswith("__")
