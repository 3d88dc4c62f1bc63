"""Clauses as tantivy's queries, and documents as its documents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import tantivy
from tantivy import FieldType, Occur, Query

from services.search.domain.clauses import (
    All,
    AnyClause,
    Near,
    OneOf,
    Some,
    Starts,
    Token,
    Within,
    Without,
)
from services.search.domain.documents import Document
from services.search.domain.fields import FIELDS, POPULARITY, SORTS, Order, counted_field
from services.search.domain.text import key

ID_BITS: Final = 31
_ID_MASK: Final = 2**ID_BITS - 1
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$#&~<>@\"-])")


def schema() -> tantivy.Schema:
    """The schema of all fields. An order is one number that holds the id too, so that no two are equal."""
    builder = tantivy.SchemaBuilder()
    for name, kind in FIELDS.items():
        if kind == "token":
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
        elif kind == "counted":
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
        elif kind == "shown":
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
            builder.add_text_field(counted_field(name), tokenizer_name="raw", index_option="basic", fast=True)
        elif kind == "number":
            builder.add_unsigned_field(name, indexed=True, fast=True)
        else:
            builder.add_unsigned_field(name, fast=True)
    return builder.build()


def packed(order: Order, value: int, model_id: int) -> int:
    """Value and id as one number that sorts as both do."""
    low_first = order.descending != order.high_ids_first
    return value << ID_BITS | (_ID_MASK - model_id if low_first else model_id)


def unpacked(order: Order, number: int) -> tuple[int, int]:
    """Value and id of a packed number."""
    low = number & _ID_MASK
    return number >> ID_BITS, _ID_MASK - low if order.descending != order.high_ids_first else low


def between(
    of: tantivy.Schema, field: str, *, low: int | None = None, above: int | None = None, below: int | None = None
) -> Query:
    """The query for numbers from `low`, or above `above`, and below `below`."""
    under = low if above is None else above
    return Query.range_query(
        of, field, FieldType.Unsigned, lower_bound=under, upper_bound=below,
        include_lower=above is None, include_upper=below is None,
    )  # fmt: skip


class Translator:
    """Makes queries for one schema."""

    def __init__(self, of: tantivy.Schema) -> None:
        self._schema = of

    def query(self, clause: AnyClause) -> Query:
        """The query that finds what fulfils the clause."""
        match clause:
            case Token():
                return self._token(clause)
            case OneOf():
                return self._one_of(clause)
            case Starts():
                return self._starts(clause)
            case Near():
                return self._near(clause)
            case Within():
                return self._within(clause)
            case All():
                return self._all(clause)
            case Some():
                return self._some(clause)
            case Without():
                return self._without(clause)

    def both(self, clauses: Iterable[AnyClause]) -> Query:
        """The query that finds what fulfils all clauses."""
        return self._all(All(tuple(clauses)))

    def _token(self, clause: Token) -> Query:
        return Query.term_query(self._schema, clause.field, clause.value, index_option="basic")

    def _one_of(self, clause: OneOf) -> Query:
        if not clause.values:
            return Query.empty_query()
        if len(clause.values) == 1:
            return Query.term_query(self._schema, clause.field, clause.values[0], index_option="basic")
        return Query.term_set_query(self._schema, clause.field, list(clause.values))

    def _starts(self, clause: Starts) -> Query:
        return Query.regex_query(self._schema, clause.field, _SPECIAL.sub(r"\\\1", clause.prefix) + ".*")

    def _near(self, clause: Near) -> Query:
        return Query.fuzzy_term_query(self._schema, clause.field, clause.word, clause.edits)

    def _within(self, clause: Within) -> Query:
        if clause.low is None and clause.high is None:
            return Query.all_query()
        return between(self._schema, clause.field, low=clause.low, below=clause.high)

    def _all(self, clause: All) -> Query:
        needed = [part for part in clause.parts if not isinstance(part, Without)]
        barred = [part.clause for part in clause.parts if isinstance(part, Without)]
        parts = [(Occur.Must, self.query(part)) for part in needed] or [(Occur.Must, Query.all_query())]
        parts += [(Occur.MustNot, self.query(part)) for part in barred]
        return parts[0][1] if len(parts) == 1 else Query.boolean_query(parts)

    def _some(self, clause: Some) -> Query:
        if not clause.parts:
            return Query.empty_query()
        parts = [(Occur.Should, self.query(part)) for part in clause.parts]
        return Query.boolean_query(parts, minimum_number_should_match=clause.at_least)

    def _without(self, clause: Without) -> Query:
        return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, self.query(clause.clause))])


_ORDER_OF: Final = {order.field: order for order in (POPULARITY, *SORTS.values())}


def document(model_id: int, values: Document) -> tantivy.Document:
    """The engine's document."""
    made = tantivy.Document()
    for name, kind in FIELDS.items():
        value = values[name]
        if kind == "order" and not isinstance(value, int):
            raise TypeError(f"{name} is to be one number, not {value!r}")
        if isinstance(value, int):
            made.add_unsigned(name, packed(_ORDER_OF[name], value, model_id) if kind == "order" else value)
            continue
        for item in value:
            if isinstance(item, str) == (kind == "number"):
                raise TypeError(f"{name} is to be {kind}s, not {item!r}")
            if isinstance(item, int):
                made.add_unsigned(name, item)
            elif kind == "shown":
                made.add_text(name, key(item))
                made.add_text(counted_field(name), item)
            else:
                made.add_text(name, item)
    return made
