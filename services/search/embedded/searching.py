"""Answers questions on one state of the index, in the thread that calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tantivy
from tantivy import Occur, Query

from services.search.domain.fields import Order, counted_field
from services.search.embedded.translate import Translator, between, packed, unpacked
from services.search.engine import FacetAsk, Found, Hit, Question


class Search:
    """One question to one state of the index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema, question: Question) -> None:
        self._searcher = searcher
        self._schema = schema
        self._question = question
        translator = Translator(schema)
        self._tiers = [translator.query(tier) for tier in question.tiers]
        self._filters = {name: translator.query(clause) for name, clause in question.filters.items()}
        self._matching = [(Occur.Must, _any(self._tiers))] if self._tiers else []

    def answer(self) -> Found:
        """Ask the index."""
        if not self._question.limit:
            return Found(hits=[], total=0, facets=self._facets())
        hits = self._hits()
        return Found(hits=hits, total=self._total(hits), facets=self._facets())

    def _total(self, hits: list[Hit]) -> int:
        question = self._question
        if len(hits) < question.limit and question.after is None and (hits or not question.offset):
            return question.offset + len(hits)
        found: Any = self._searcher.search(self._query(), limit=1, order_by_field=question.order.field, count=True)
        return int(found.count)  # the type stub forgets it

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
        found = self._searcher.search(
            Query.boolean_query(parts) if parts else Query.all_query(), limit=limit, count=False,
            order_by_field=order.field, order=tantivy.Order.Desc if order.descending else tantivy.Order.Asc,
        )  # fmt: skip
        return [Hit(tier, *unpacked(order, number)) for number, _ in found.hits]

    def _beyond(self, order: Order, place: int) -> Query:
        if order.descending:
            return between(self._schema, order.field, below=place)
        return between(self._schema, order.field, above=place)

    def _facets(self) -> dict[str, list[tuple[str, int]]]:
        together = {name: ask for name, ask in self._question.facets.items() if name not in self._filters}
        found = self._counted(together, self._query()) if together else {}
        for name, ask in self._question.facets.items():
            if name in self._filters:
                found |= self._counted({name: ask}, self._query(without=name))
        return {name: found[name] for name in self._question.facets}

    def _counted(self, asks: Mapping[str, FacetAsk], among: Query) -> dict[str, list[tuple[str, int]]]:
        found = {
            name: self._searcher.terms_with_prefix(ask.field, ask.begins, among, ask.most)
            for name, ask in asks.items()
            if ask.begins
        }
        wanted = {
            name: {"terms": {"field": counted_field(ask.field), "size": ask.most, "segment_size": 10 * ask.most}}
            for name, ask in asks.items()
            if not ask.begins
        }
        if wanted:
            counts = self._searcher.aggregate(among, wanted)
            for name in wanted:
                found[name] = [(bucket["key"], bucket["doc_count"]) for bucket in counts[name]["buckets"]]
        return found


def _any(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])
