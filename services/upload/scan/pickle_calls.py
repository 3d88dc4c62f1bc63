"""What a pickle imports, calls and makes, judged by the allow-list: the part of the machine that could do harm."""

from __future__ import annotations

from abc import ABC, abstractmethod

from services.upload.scan.allowlist import call_fault, is_allowed, made_by, module_of, state_fault, storage_of
from services.upload.scan.array_rules import ENCODE, Name, data_of_array
from services.upload.scan.pickle_reader import BrokenPickleError
from services.upload.scan.pickle_stack import SymbolicStack
from services.upload.scan.pickle_values import Global, Made, Tuple, Unknown, Value, make_tuple

_ENCODE = Global(*ENCODE)


class CallingStack(SymbolicStack, ABC):
    """The symbolic stack, with the operations that import and call.

    Args:
        in_torch: persistent ids name storages of a torch container.
        additions: imports that the hub allows beside the list.
    """

    def __init__(self, *, in_torch: bool, additions: frozenset[Name]) -> None:
        super().__init__()
        self._in_torch = in_torch
        self._additions = additions
        self._named: set[Global] = set()
        self._hidden: dict[int, tuple[Value, int]] = {}
        """Constants that are pickles themselves, with where they are; numbers of arrays may look like it."""

    @abstractmethod
    def _sniff_text(self, value: Value, made: Value) -> None:
        """Look for a pickle in bytes that an old protocol spells as a text."""

    def stack_global(self) -> None:
        """Import what the two texts on the stack name; anything but constants is not known, so never allowed."""
        name, module = self._pop(), self._pop()
        if isinstance(module, str) and isinstance(name, str):
            self._push(self._import(module, name))
        else:
            self._import("unknown", "unknown")
            self._push(Unknown())

    def _import(self, module: str, name: str) -> Value:
        found = Global(module, name)
        if found not in self._named:
            self._named.add(found)
            self.walk.imports.append((found, self._position))
        return found if is_allowed((module, name), self._additions) else Unknown()

    def reduce(self) -> None:
        """Call the value below the arguments."""
        arguments, callee = self._pop(), self._pop()
        self._call(callee, arguments)

    def new_object_ex(self) -> None:
        """Make an object with keyword arguments: a call all the same."""
        _, arguments, callee = self._pop(), self._pop(), self._pop()
        self._fault("pickle.call", "a call with keyword arguments has no place in weights")
        self._call(callee, arguments)

    def object_to_mark(self) -> None:
        """Call the first value above the mark with the rest."""
        items = self._pop_to_mark()
        if not items:
            raise BrokenPickleError("a call has no callee")
        self._call(items[0], make_tuple(items[1:]))

    def _call(self, callee: Value, arguments: Value) -> None:
        self.walk.has_called = True
        if not isinstance(callee, Global):
            self._fault("pickle.call", "something other than an allowed function is called; re-save as safetensors")
            self._push(Unknown())
        elif not isinstance(arguments, Tuple):
            self._fault("pickle.call", f"{callee} is called with arguments that are no tuple")
            self._push(Unknown())
        elif (fault := call_fault(callee, arguments.items, self._additions)) is not None:
            self._fault("pickle.call", fault)
            self._push(Unknown())
        else:
            for value in data_of_array(callee, arguments.items):
                self._hidden.pop(id(value), None)
            made = made_by(callee, arguments.items)
            if callee == _ENCODE:
                self._sniff_text(arguments.items[0], made)
            self._push(made)

    def build(self) -> None:
        """Give an object its state, which may call its `__setstate__`."""
        state = self._pop()
        target = self._top()
        self.walk.has_called = True
        if not isinstance(target, Made):
            self._fault("pickle.state", "a state is given to something that no allowed call has made")
        elif (fault := state_fault(target, state, self._additions)) is not None:
            self._fault("pickle.state", fault)
        elif isinstance(state, Tuple):
            for value in data_of_array(target.factory, state.items):
                self._hidden.pop(id(value), None)

    def persistent_id(self) -> None:
        """Have the loader look something up: a storage of torch, or nothing that is known."""
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

    def _forbidden(self, name: str) -> None:
        """An operation that real savers of weights never use."""
        self._fault("pickle.opcode", f"the operation {name} has no place in weights")
        self._push(Unknown())

    def _is_allowed(self, named: tuple[Global, int]) -> bool:
        return is_allowed((named[0].module, named[0].name), self._additions)
