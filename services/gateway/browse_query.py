"""The query of the browse page: that of `GET /api/v1/models`, and what the page offers beyond it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.gateway.model_query import ModelQuery, normal_username, parse_model_query
from services.gateway.query_reader import QueryReader
from services.gateway.views.filters import DEFAULT_SORT, FACETS, FILTERS, SORTS, BrowseParams
from shared.api import v1
from shared.api.inside import SIZE_BANDS

_OWN = ("tag", "tagname", "username", "user", "sort", "sizes", "precisions", "more")


def parse_browse_query(pairs: Sequence[tuple[str, str]], *, limit: int) -> ModelQuery:
    """The typed query with the facets to count; several tags and creators, sizes, and one sort more than the API has.

    Raises BadQuery with what is wrong.
    """
    read = QueryReader(pairs)
    sort, sizes = read.choice("sort", SORTS, DEFAULT_SORT), read.all("sizes")
    if any(size not in SIZE_BANDS for size in sizes):
        read.union_issue("sizes", SIZE_BANDS)
    more = read.choices("more", [one.parameter for one in FILTERS])
    read.raise_issues()
    query = parse_model_query([*((name, value) for name, value in pairs if name not in _OWN), ("limit", str(limit))])
    names = (normal_username(value) for value in _each(pairs, "username", "user"))
    return msgspec.structs.replace(
        query,
        sort=sort,
        sizes=tuple(dict.fromkeys(sizes)),
        precisions=_each(pairs, "precisions"),
        long_facets=tuple(one.facet for one in FILTERS if one.parameter in more),
        tags=_each(pairs, "tag", "tagname"),
        creators=tuple(dict.fromkeys(name for name in names if name)),
        facets=FACETS,
    )


def params_of(query: ModelQuery, base_models: tuple[str, ...]) -> BrowseParams:
    """The query as the page shows it; `base_models` are those to choose from while search does not say."""
    return BrowseParams(
        query=query.query or "", types=query.types, base_models=query.base_models, tags=query.tags,
        creators=query.creators, file_formats=query.file_formats, sizes=query.sizes, sort=query.sort,
        precisions=query.precisions, commercial_uses=query.commercial_uses,
        more=tuple(one.parameter for one in FILTERS if one.facet in query.long_facets),
        cursor=query.cursor or "", type_choices=v1.MODEL_TYPES, base_model_choices=base_models,
    )  # fmt: skip


def _each(pairs: Sequence[tuple[str, str]], *names: str) -> tuple[str, ...]:
    """Every value as it is: a tag may have a comma."""
    return tuple(dict.fromkeys(value.strip() for name, value in pairs if name in names and value.strip()))
