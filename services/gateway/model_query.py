"""The query of `GET /api/v1/models`: what clients send, in all their spellings, as one typed value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from services.gateway.query_reader import BadQuery, QueryReader
from shared.api import v1
from shared.problems import TooMany

MOST_BY_PAGE = 1000
"""Pages past this many items are refused, since each is found by counting; cursors are not."""


class ModelQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants to see."""

    limit: int = 100
    page: int | None = None
    cursor: str | None = None
    query: str | None = None
    ids: tuple[int, ...] = ()
    version_ids: tuple[int, ...] = ()
    tag: str | None = None
    username: str | None = None
    types: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    file_formats: tuple[str, ...] = ()
    sort: str = "Highest Rated"
    period: str = "AllTime"
    nsfw: bool = False
    facets: tuple[str, ...] = ()
    """Facets to count beside the list; the API does not ask for any, pages do."""

    @property
    def levels(self) -> int:
        """Mask of maturity levels that may be shown."""
        return v1.LEVEL_ALL if self.nsfw else v1.LEVEL_PG

    @property
    def is_plain_browse(self) -> bool:
        """Whether the database alone can answer, newest first, when search is down."""
        return not (
            self.query or self.ids or self.version_ids or self.tag or self.username or self.types or self.base_models
            or self.file_formats
        )  # fmt: skip

    def search_params(self) -> list[tuple[str, str]]:
        """The same, for the search service."""
        params: list[tuple[str, Any]] = [("limit", self.limit), ("sort", self.sort), ("period", self.period)]
        params += [("levels", self.levels), ("nsfw", str(self.nsfw).lower())]
        for name, value in (("query", self.query), ("cursor", self.cursor), ("tag", self.tag)):
            params += [(name, value)] if value else []
        params += [("username", self.username)] if self.username else []
        params += [("page", self.page)] if self.page and not self.cursor else []
        params += [("ids", value) for value in self.ids]
        params += [("modelVersionIds", value) for value in self.version_ids]
        params += [("types", value) for value in self.types]
        params += [("baseModels", value) for value in self.base_models]
        params += [("fileFormats", value) for value in self.file_formats]
        params += [("facets", value) for value in self.facets]
        return [(name, str(value)) for name, value in params]


def parse_model_query(pairs: Sequence[tuple[str, str]]) -> ModelQuery:
    """The typed query; unknown names are ignored. Raises BadQuery with every issue found."""
    read = QueryReader(pairs)
    limit = read.integer("limit", 0, 100)
    username = read.text("username", "user")
    query = ModelQuery(
        limit=100 if limit is None else max(1, limit),
        page=read.integer("page", 1, 1_000_000),
        cursor=read.text("cursor"),
        query=read.text("query"),
        ids=read.integers("ids"),
        version_ids=read.integers("modelVersionIds"),
        tag=read.text("tag", "tagname"),
        username=username.replace(" ", "_", 1) if username else None,
        types=read.choices("types", v1.MODEL_TYPES),
        base_models=tuple(dict.fromkeys(read.all("baseModels"))),
        file_formats=read.choices("fileFormats", v1.FILE_FORMATS),
        sort=read.choice("sort", v1.MODEL_SORTS, "Highest Rated"),
        period=read.choice("period", v1.PERIODS, "AllTime"),
        nsfw=read.boolean("nsfw", default=False),
    )
    read.raise_issues()
    return query


def require_shallow(page: int | None, limit: int, cursor: str | None) -> None:
    """Raise TooMany for a page so deep that only a cursor leads there."""
    if page is not None and cursor is None and page * limit > MOST_BY_PAGE:
        raise TooMany("You've requested too many pages, please use cursors instead")


__all__ = ["BadQuery", "ModelQuery", "parse_model_query", "require_shallow"]
