"""Answers questions on one state of the index, in the thread that calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tantivy
from rapidfuzz.distance import OSA
from tantivy import Occur, Query

from services.search.domain.fields import POPULARITY, Order, counted_field
from services.search.embedded.translate import Translator, between, packed, unpacked
from services.search.engine import FacetAsk, Found, Hit, Question

_TOTAL = "all that match"
_LOOKED_AT = 3
_MOST_LOOKS = 50


class Search:
    """One question to one state of the index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema, question: Question) -> None:
        self._searcher = searcher
        self._schema = schema
        self._question = question
        translator = Translator(schema)
        self._tiers = [translator.query(tier) for tier in question.tiers]
        self._filters = {name: translator.query(clause) for name, clause in question.filters.items()}
        self._matched: int | None = None
        """How many match, where another look has told."""
        self._matching = [(Occur.Must, _any(self._tiers))] if self._tiers else []

    def answer(self) -> Found:
        """Ask the index."""
        if not self._question.limit:
            return Found(hits=[], total=0, facets=self._facets(self._query()))
        hits = self._hits()
        facets = self._facets(self._of(hits) if self._are_all(hits) else self._query())
        return Found(hits=hits, total=self._total(hits), facets=facets)

    def _total(self, hits: list[Hit]) -> int:
        question = self._question
        if len(hits) < question.limit and question.after is None and (hits or not question.offset):
            return question.offset + len(hits)
        if self._matched is not None:
            return self._matched
        return self._number_of(self._query())

    def _query(self, without: str = "") -> Query:
        filters = [(Occur.Must, query) for name, query in self._filters.items() if name != without]
        parts = [*self._matching, *filters]
        return Query.boolean_query(parts) if parts else Query.all_query()

    def _hits(self) -> list[Hit]:
        question = self._question
        wanted = question.limit + (0 if question.after else question.offset)
        first = question.after[0] if question.after else 0
        hits: list[Hit] = []
        for tier in range(first, max(1, len(self._tiers))):
            if len(hits) >= wanted:
                break
            # A tier is left only when it has no more, so what is in the better ones is what was found there.
            seen = {hit.id for hit in hits}
            following = [hit for hit in self._of_tier(tier, wanted) if hit.id not in seen]
            hits += following[: wanted - len(hits)]
        return hits if question.after else hits[question.offset :]

    def _of_tier(self, tier: int, limit: int) -> list[Hit]:
        order, after = self._question.order, self._question.after
        parts = [(Occur.Must, query) for query in self._filters.values()]
        if self._tiers:
            parts.append((Occur.Must, self._tiers[tier]))
        if after:
            better = self._tiers[: after[0] + (tier > after[0])]
            parts += [(Occur.MustNot, query) for query in better]
        if after and after[0] == tier:
            parts.append((Occur.Must, self._beyond(order, packed(order, after[1], after[2]))))
        # Whoever only browses is told how many there are by the same look; whoever counts facets, by those.
        is_all = not (self._tiers or after or self._question.facets)
        found: Any = self._searcher.search(
            Query.boolean_query(parts) if parts else Query.all_query(), limit=limit, count=is_all,
            order_by_field=order.field, order=tantivy.Order.Desc if order.descending else tantivy.Order.Asc,
        )  # fmt: skip
        if is_all:
            self._matched = int(found.count)  # the type stub forgets it
        return [Hit(tier, *unpacked(order, number)) for number, _ in found.hits]

    def _beyond(self, order: Order, place: int) -> Query:
        if order.descending:
            return between(self._schema, order.field, below=place)
        return between(self._schema, order.field, above=place)

    def _are_all(self, hits: list[Hit]) -> bool:
        question = self._question
        return len(hits) < question.limit and question.after is None and not question.offset

    def _of(self, hits: list[Hit]) -> Query:
        """These documents: asking for them is cheaper than asking all tiers again."""
        return Query.term_set_query(self._schema, "id", [hit.id for hit in hits]) if hits else Query.empty_query()

    def _facets(self, matching: Query) -> dict[str, list[tuple[str, int]]]:
        together = {name: ask for name, ask in self._question.facets.items() if name not in self._filters}
        found = self._counted(together, matching, is_all=True) if together else {}
        for name, ask in self._question.facets.items():
            if name in self._filters:
                found |= self._counted({name: ask}, self._query(without=name))
        return {name: found[name] for name in self._question.facets}

    def _counted(
        self, asks: Mapping[str, FacetAsk], among: Query, *, is_all: bool = False
    ) -> dict[str, list[tuple[str, int]]]:
        found = {
            name: self._searcher.terms_with_prefix(ask.field, ask.begins, among, ask.most)
            for name, ask in asks.items()
            if ask.begins
        }
        found |= {name: self._near(ask, *ask.near, among) for name, ask in asks.items() if ask.near is not None}
        wanted = {
            name: {"terms": {"field": counted_field(ask.field), "size": ask.most, "segment_size": 10 * ask.most}}
            for name, ask in asks.items()
            if name not in found
        }
        if wanted:
            counts = self._searcher.aggregate(among, {**wanted, _TOTAL: {"value_count": {"field": "id"}}})
            self._matched = int(counts[_TOTAL]["value"]) if is_all else self._matched
            for name in wanted:
                found[name] = [(bucket["key"], bucket["doc_count"]) for bucket in counts[name]["buckets"]]
        return found

    def _near(self, ask: FacetAsk, word: str, edits: int, among: Query) -> list[tuple[str, int]]:
        """The tokens near a word. Counting all tokens of all that matches takes ten times as long, for nothing.

        Some documents are looked at, then some of those without the tokens found so far, until there are none. A token
        that is only where another one is may stay unseen; its documents are found by the other.
        """
        order, counts = POPULARITY, dict[str, int]()
        for _ in range(_MOST_LOOKS):
            known = [(Occur.MustNot, self._token(ask.field, token)) for token in counts]
            rest = Query.boolean_query([(Occur.Must, among), *known])
            found = self._searcher.search(
                rest, limit=_LOOKED_AT, count=False, order_by_field=order.field, order=tantivy.Order.Desc
            )
            ids = [unpacked(order, number)[1] for number, _ in found.hits]
            tokens = self._tokens(ask, ids) if ids else []
            new = [token for token in tokens if token not in counts and OSA.distance(word, token) <= edits]
            if not new:
                break
            counts |= {token: self._count(ask.field, token) for token in new}
        return sorted(counts.items(), key=lambda each: -each[1])[: ask.most]

    def _token(self, field: str, token: str) -> Query:
        return Query.term_query(self._schema, field, token, index_option="basic")

    def _tokens(self, ask: FacetAsk, ids: list[int]) -> list[str]:
        """All tokens of these documents."""
        terms = {"terms": {"field": counted_field(ask.field), "size": 1_000 * len(ids)}}
        counted = self._searcher.aggregate(Query.term_set_query(self._schema, "id", ids), {"tokens": terms})
        return [bucket["key"] for bucket in counted["tokens"]["buckets"]]

    def _count(self, field: str, token: str) -> int:
        """Among what the filters let through: whatever has the token matches the rest of the question."""
        queries = [*self._filters.values(), self._token(field, token)]
        return self._number_of(Query.boolean_query([(Occur.Must, query) for query in queries]))

    def _number_of(self, query: Query) -> int:
        found: Any = self._searcher.search(query, limit=1, order_by_field=POPULARITY.field, count=True)
        return int(found.count)  # the type stub forgets it


def _any(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])
