"""The values on the symbolic stack of a pickle: what is known of them without making any."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Global:
    """A global as the pickle names it; nothing is imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Stored:
    """A torch storage, named by a persistent id: `count` elements of `storage` under `key` of the container."""

    storage: Global
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Made:
    """The result of a call of `factory`; of a tensor also where its numbers are and its shape."""

    factory: Global
    stored: Stored | None = None
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Blob:
    """A long constant that was passed over: `size_bytes` from `position` of the source."""

    kind: Literal["bytes", "text"]
    position: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple; `is_plain` is worked out once, so that shared tuples cost nothing."""

    items: tuple[Value, ...]
    is_plain: bool


@dataclass(slots=True, eq=False)
class Items:
    """A list, dict or set; of its content only what the rules ask."""

    kind: Literal["list", "dict", "set", "frozenset"]
    is_plain: bool = True
    has_special_key: bool = False
    holds: set[Global] = field(default_factory=set)
    """What made the values of a dict that some call has made."""
    items: list[Value] = field(default_factory=list)
    """The items of a list; of other kinds none are kept."""


class Unknown:
    """What came of something that is not allowed: never accepted anywhere."""


class Mark:
    """The mark that MARK puts on the stack."""


Value: TypeAlias = "bool | int | float | str | bytes | Blob | Global | Made | Stored | Tuple | Items | Unknown | None"
Slot: TypeAlias = "Value | Mark"


def is_plain(value: Value) -> bool:
    """Whether a value is data alone: no global, no storage, nothing made by a call."""
    if isinstance(value, (Tuple, Items)):
        return value.is_plain
    return not isinstance(value, (Global, Made, Stored, Unknown))


def is_bytes(value: Value) -> bool:
    """Whether a value is a constant of bytes."""
    return isinstance(value, bytes) or (isinstance(value, Blob) and value.kind == "bytes")


def is_text(value: Value) -> bool:
    """Whether a value is a constant of text."""
    return isinstance(value, str) or (isinstance(value, Blob) and value.kind == "text")


def make_tuple(items: tuple[Value, ...]) -> Tuple:
    """A tuple of values."""
    return Tuple(items, all(map(is_plain, items)))
