"""What a document must be like, said without any engine: the language between the query plan and the adapters."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Clause(msgspec.Struct, frozen=True):
    """A condition that a document fulfils or not. There are no weights: order comes from tiers."""


class Token(Clause, frozen=True):
    """The field has this token."""

    field: str
    value: str


class OneOf(Clause, frozen=True):
    """The field has one of these tokens, or one of these numbers. Nothing fulfils an empty one."""

    field: str
    values: tuple[str | int, ...]


class Starts(Clause, frozen=True):
    """The field has a token that begins so."""

    field: str
    prefix: str


class Near(Clause, frozen=True):
    """The field has a token at most so many edits away (1 or 2; two neighbours exchanged are one edit)."""

    field: str
    word: str
    edits: int


class Within(Clause, frozen=True):
    """The field's number is at least `low` and below `high`."""

    field: str
    low: int | None = None
    high: int | None = None


class All(Clause, frozen=True):
    """Every part; an empty one is fulfilled by every document."""

    parts: tuple[AnyClause, ...]


class Some(Clause, frozen=True):
    """At least so many of the parts."""

    parts: tuple[AnyClause, ...]
    at_least: int = 1


class Without(Clause, frozen=True):
    """Everything that does not fulfil it."""

    clause: AnyClause


AnyClause: TypeAlias = Token | OneOf | Starts | Near | Within | All | Some | Without
NOTHING = Some(())


def every(*parts: AnyClause) -> AnyClause:
    """All of these, without a level where there is one."""
    return parts[0] if len(parts) == 1 else All(parts)


def some(*parts: AnyClause) -> AnyClause:
    """One of these at least, without a level where there is one."""
    return parts[0] if len(parts) == 1 else Some(parts)
