"""The symbolic stack and memo of a pickle, and the operations that only move values or fill containers."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.upload.scan.allowlist import SETTABLE
from services.upload.scan.pickle_values import (
    Global,
    Items,
    Made,
    Mark,
    Slot,
    Stored,
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


class BrokenPickleError(Exception):
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


class SymbolicStack:
    """Stack, memo and what the walk has seen. Each public method is an operation of the pickle machine."""

    def __init__(self) -> None:
        self.walk = Walk()
        self._stack: list[Slot] = []
        self._memo: dict[int, Value] = {}
        self._position = 0

    def _fault(self, code: str, message: str, *, is_dangerous: bool = True) -> None:
        if len(self.walk.faults) < MAX_FAULTS or not any(fault.is_dangerous for fault in self.walk.faults):
            self.walk.faults.append(Fault(code, self._position, message, is_dangerous))

    def _push(self, value: Slot) -> None:
        self._stack.append(value)

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
                return tuple(reversed(items))
            items.append(value)
        raise BrokenPickleError("a mark is missing")

    def pop(self, argument: object) -> None:
        """POP: drop the top, be it a mark."""
        if not self._stack:
            raise BrokenPickleError("an operation takes more from the stack than there is")
        self._stack.pop()  # a mark too, as the real machine does

    def pop_mark(self, argument: object) -> None:
        """POP_MARK: drop everything down to the mark."""
        self._pop_to_mark()

    def put(self, argument: object) -> None:
        """PUT, BINPUT, LONG_BINPUT: keep the top under a number."""
        if not isinstance(argument, int) or not 0 <= argument <= MAX_OPCODES:  # the real machine allocates up to it
            raise BrokenPickleError("a memo index is no sensible number")
        self._memo[argument] = self._top()

    def memoize(self, argument: object) -> None:
        """MEMOIZE: keep the top under the next number."""
        self._memo[len(self._memo)] = self._top()

    def get(self, argument: object) -> None:
        """GET, BINGET, LONG_BINGET: push what is kept."""
        if not isinstance(argument, int) or argument not in self._memo:
            raise BrokenPickleError(f"memo entry {argument} does not exist")
        self._push(self._memo[argument])

    def tuple_of(self, count: int) -> None:
        """EMPTY_TUPLE, TUPLE1 to TUPLE3."""
        self._push(make_tuple(tuple(reversed([self._pop() for _ in range(count)]))))

    def tuple_to_mark(self, argument: object) -> None:
        """TUPLE."""
        self._push(make_tuple(self._pop_to_mark()))

    def list_to_mark(self, argument: object) -> None:
        """LIST."""
        items = self._pop_to_mark()
        self._push(Items("list", all(map(is_plain, items)), items=list(items)))

    def frozenset_to_mark(self, argument: object) -> None:
        """FROZENSET."""
        self._push(Items("frozenset", all(map(is_plain, self._pop_to_mark()))))

    def dict_to_mark(self, argument: object) -> None:
        """DICT."""
        items = self._pop_to_mark()
        made = Items("dict")
        self._set_items(made, items)
        self._push(made)

    def append(self, argument: object) -> None:
        """APPEND."""
        value = self._pop()
        self._extend("list", (value,))

    def appends(self, argument: object) -> None:
        """APPENDS."""
        self._extend("list", self._pop_to_mark())

    def add_items(self, argument: object) -> None:
        """ADDITEMS."""
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
        """SETITEM."""
        value, key = self._pop(), self._pop()
        self._set_items(self._top(), (key, value))

    def set_items(self, argument: object) -> None:
        """SETITEMS."""
        items = self._pop_to_mark()
        self._set_items(self._top(), items)

    def _set_items(self, target: Value, items: tuple[Value, ...]) -> None:
        if len(items) % 2:
            raise BrokenPickleError("a key has no value")
        if isinstance(target, Items) and target.kind == "dict":
            target.is_plain = target.is_plain and all(map(is_plain, items))
            if any(not isinstance(key, (str, int)) or _is_special(key) for key in items[::2]):
                target.has_special_key = True
        elif not (isinstance(target, Made) and (target.factory.module, target.factory.name) in SETTABLE):
            self._fault("pickle.target", "items are set in something other than a dictionary")


def _is_special(key: Value) -> bool:
    return isinstance(key, str) and key.startswith("__")
