"""The index's mapping, and questions as requests. Keywords alone: all analysis is the domain's."""

from __future__ import annotations

import re
from typing import Any, Final

from services.search.domain.clauses import (
    NOTHING,
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
from services.search.domain.fields import FIELDS, VERSION, Order, counted_field
from services.search.domain.text import key
from services.search.engine import FacetAsk, Found, Hit, Question
from services.search.opensearch.leaner import lean_tiers

Json = dict[str, Any]
_SPECIAL = re.compile(r'([.?+*|{}\[\]()"\\#@&<>~^$-])')
_MOST_EXPANSIONS: Final = 500
COUNTED: Final = 10_000_000
"""Totals are exact up to here."""


def definition() -> Json:
    """Body of the request that creates the index."""
    properties: Json = {}
    for name, kind in FIELDS.items():
        properties[name] = {"type": "long" if kind in ("number", "order") else "keyword"}
        if kind == "shown":
            properties[counted_field(name)] = {"type": "keyword"}
    index = {
        "number_of_shards": 1,  # enough up to about a million models
        "auto_expand_replicas": "0-1",
        "gc_deletes": "1h",  # how long a deletion's version is remembered against a late write
    }
    return {
        "settings": {"index": index},
        "mappings": {"dynamic": "strict", "_meta": {"easel": VERSION}, "properties": properties},
    }


def source(document: Document) -> Json:
    """The document as it is written."""
    made: Json = dict(document)
    for name, kind in FIELDS.items():
        if kind == "shown":
            values = made[name]
            made[name], made[counted_field(name)] = [key(value) for value in values], values
    return made


def request(question: Question) -> Json:
    """The body of a search. With tiers the score is the tier: the first has the highest."""
    by_facet = {name: query(clause) for name, clause in question.filters.items() if name in question.facets}
    common = [query(clause) for name, clause in question.filters.items() if name not in by_facet]
    body: Json = {
        "query": {"bool": {"filter": common or [{"match_all": {}}], **_tiers(question)}},
        "sort": _sort(question),
        "size": question.limit,
        "_source": False,
        "track_total_hits": COUNTED,
    }
    if by_facet:
        body["post_filter"] = {"bool": {"filter": list(by_facet.values())}}
    if question.facets:
        body["aggs"] = {name: _counts(name, ask, by_facet) for name, ask in question.facets.items()}
    if question.after is not None:
        tier, value, model_id = question.after
        body["search_after"] = [*([float(len(question.tiers) - tier)] if question.tiers else []), value, model_id]
    elif question.offset:
        body["from"] = question.offset
    return body


def found(answer: Json, question: Question) -> Found:
    """What a search answered."""
    return Found(
        hits=[_hit(hit["sort"], question) for hit in answer["hits"]["hits"]],
        total=int(answer["hits"]["total"]["value"]),
        facets={
            name: [(bucket["key"], bucket["doc_count"]) for bucket in answer["aggregations"][name]["values"]["buckets"]]
            for name in question.facets
        },
    )


def query(clause: AnyClause) -> Json:
    """The query that finds what fulfils the clause; inside a filter, so that it scores nothing."""
    match clause:
        case Token(field, value):
            return {"term": {field: value}}
        case OneOf(field, values):
            return {"terms": {field: list(values)}}
        case Starts(field, prefix):
            return {"prefix": {field: prefix}}
        case Near(field, word, edits):
            near = {"value": word, "fuzziness": edits, "prefix_length": 0, "max_expansions": _MOST_EXPANSIONS}
            return {"fuzzy": {field: near}}
        case Within(field, low, high):
            return {"range": {field: {name: at for name, at in (("gte", low), ("lt", high)) if at is not None}}}
        case All(parts):
            needed = [query(part) for part in parts if not isinstance(part, Without)]
            barred = [query(part.clause) for part in parts if isinstance(part, Without)]
            return {"bool": {"filter": needed or [{"match_all": {}}], **({"must_not": barred} if barred else {})}}
        case Some(parts, at_least):
            if not parts:
                return {"match_none": {}}
            return {"bool": {"should": [query(part) for part in parts], "minimum_should_match": at_least}}
        case Without(barred_clause):
            return {"bool": {"filter": [{"match_all": {}}], "must_not": [query(barred_clause)]}}


def _tiers(question: Question) -> Json:
    if not question.tiers:
        return {}
    count = len(question.tiers)
    tiers = [
        {"constant_score": {"filter": query(tier), "boost": count - number}}
        for number, tier in enumerate(lean_tiers(question.tiers))
        if tier != NOTHING
    ]
    return {"must": [{"dis_max": {"queries": tiers}} if tiers else {"match_none": {}}]}


def _sort(question: Question) -> list[Json]:
    by = _order(question.order)
    return [{"_score": "desc"}, *by] if question.tiers else by


def _order(order: Order) -> list[Json]:
    return [
        {order.field: "desc" if order.descending else "asc"},
        {"id": "desc" if order.high_ids_first else "asc"},
    ]


def _hit(sort: list[Any], question: Question) -> Hit:
    *score, value, model_id = sort
    return Hit(len(question.tiers) - round(score[0]) if score else 0, int(value), int(model_id))


def _counts(name: str, ask: FacetAsk, by_facet: Json) -> Json:
    """Counts that ignore the facet's own filter and honour all others."""
    others = [clause for other, clause in by_facet.items() if other != name]
    terms: Json = {"field": counted_field(ask.field), "size": ask.most}
    if ask.begins:
        terms["include"] = _SPECIAL.sub(r"\\\1", ask.begins) + ".*"
    among = {"bool": {"filter": others}} if others else {"match_all": {}}
    return {"filter": among, "aggs": {"values": {"terms": terms}}}
