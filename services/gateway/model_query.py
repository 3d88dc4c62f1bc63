"""The query of `GET /api/v1/models`: what clients send, in all their spellings, as one typed value."""

from __future__ import annotations

import re
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
    tags: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()
    """As `tag` and `username`, but several; pages ask for these."""
    sizes: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    sort: str = "Highest Rated"
    period: str = "AllTime"
    nsfw: bool = False
    facets: tuple[str, ...] = ()
    """Facets to count beside the list; the API does not ask for any, pages do."""
    long_facets: tuple[str, ...] = ()
    """Those of them whose rarer values are counted too."""
    checkpoint_type: str | None = None
    commercial_uses: tuple[str, ...] = ()
    availability: str | None = None
    statuses: tuple[str, ...] = ()
    favorites: bool | None = None
    """None: not sent. Anything else needs a session."""
    hidden: bool | None = None
    primary_file_only: bool = False
    supports_generation: bool = False
    from_platform: bool = False
    early_access: bool = False
    archived: bool = False
    # From here on not the caller's words, but what is known of them:
    viewer: str = ""
    within: tuple[int, ...] | None = None
    """Ids of the models that a list of the caller's own leaves."""
    preferences: str | None = None
    """The caller's file preferences, as JSON."""

    @property
    def availabilities(self) -> tuple[str, ...]:
        """Those of the versions to show; all, if none. Plain browsing shows what is for everybody, at once."""
        if self.availability is not None:
            return (self.availability,)
        if self.ids or self.username or self.creators or self.favorites:
            return ()
        return ("Public", "EarlyAccess") if self.early_access else ("Public",)

    @property
    def levels(self) -> int:
        """Mask of maturity levels that may be shown."""
        return v1.LEVEL_ALL if self.nsfw else v1.LEVEL_PG

    @property
    def is_plain_browse(self) -> bool:
        """Whether the database alone can answer, newest first, when search is down."""
        return not (
            self.query or self.ids or self.version_ids or self.tag or self.username or self.types or self.base_models
            or self.file_formats or self.tags or self.creators or self.sizes or self.precisions
            or self.checkpoint_type or self.commercial_uses or self.supports_generation
            or self.early_access or self.archived or self.within is not None or self.primary_file_only
            or self.availability or self.period != "AllTime"
        )  # fmt: skip

    def search_params(self) -> list[tuple[str, str]]:
        """The same, for the search service."""
        params: list[tuple[str, Any]] = [("limit", self.limit), ("sort", self.sort), ("period", self.period)]
        params += [("levels", self.levels), ("nsfw", str(self.nsfw).lower())]
        for name, value in (("query", self.query), ("cursor", self.cursor), ("tag", self.tag)):
            params += [(name, value)] if value else []
        params += [("username", self.username)] if self.username else []
        params += [("tag", value) for value in self.tags]
        params += [("username", value) for value in self.creators]
        params += [("sizes", value) for value in self.sizes]
        params += [("page", self.page)] if self.page and not self.cursor else []
        params += [("ids", value) for value in self.ids]
        params += [("modelVersionIds", value) for value in self.version_ids]
        params += [("types", value) for value in self.types]
        params += [("baseModels", value) for value in self.base_models]
        params += [("fileFormats", value) for value in self.file_formats]
        params += [("precisions", value) for value in self.precisions]
        params += [("facets", value) for value in self.facets]
        params += [("longFacets", value) for value in self.long_facets]
        params += [("checkpointType", self.checkpoint_type)] if self.checkpoint_type else []
        params += [("allowCommercialUse", value) for value in self.commercial_uses]
        params += [("availabilities", value) for value in self.availabilities]
        params += [("viewer", self.viewer)] if self.viewer else []
        params += [("within", ",".join(map(str, self.within)))] if self.within is not None else []
        for name, is_so in (
            ("supportsGeneration", self.supports_generation), ("earlyAccess", self.early_access),
            ("archived", self.archived),
        ):  # fmt: skip
            params += [(name, "true")] if is_so else []
        return [(name, str(value)) for name, value in params]

    def catalog_params(self) -> list[tuple[str, str]]:
        """What is shown of each model, for the catalog."""
        params = [("levels", str(self.levels))]
        params += [("base_models", value) for value in self.base_models]
        params += [("version_ids", str(value)) for value in self.version_ids]
        params += [("availabilities", value) for value in self.availabilities]
        params += [("only_generating", "true")] if self.supports_generation else []
        params += [("saved", self.preferences)] if self.preferences else []
        return params + ([("primary_only", "true")] if self.primary_file_only else [])


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
        username=normal_username(username) if username else None,
        types=read.choices("types", v1.MODEL_TYPES),
        base_models=tuple(dict.fromkeys(read.all("baseModels"))),
        file_formats=read.choices("fileFormats", v1.FILE_FORMATS),
        sort=read.choice("sort", v1.MODEL_SORTS, "Highest Rated"),
        period=read.choice("period", v1.PERIODS, "AllTime"),
        nsfw=read.boolean("nsfw", default=False),
        checkpoint_type=_optional(read, "checkpointType", v1.CHECKPOINT_TYPES),
        commercial_uses=read.choices("allowCommercialUse", v1.COMMERCIAL_USES),
        availability=_optional(read, "availability", v1.AVAILABILITIES),
        statuses=read.choices("status", v1.MODEL_STATUSES),
        favorites=_sent(read, "favorites"),
        hidden=_sent(read, "hidden"),
        primary_file_only=read.boolean("primaryFileOnly", default=False),
        supports_generation=read.truthy("supportsGeneration"),
        from_platform=read.truthy("fromPlatform"),
        early_access=read.truthy("earlyAccess"),
        archived=read.truthy("archived"),
    )
    read.raise_issues()
    return query


def _optional(read: QueryReader, name: str, known: Sequence[str]) -> str | None:
    """One value out of a list, if it was sent at all."""
    return read.choice(name, known, "") or None if read.was_sent(name) else None


def normal_username(username: str) -> str:
    """A name as the public site reads it: some clients send the name that is shown."""
    return re.sub(r"[^A-Za-z0-9_]", "", username.replace(" ", "_", 1)).lower()


def _sent(read: QueryReader, name: str) -> bool | None:
    return read.boolean(name, default=False) if read.was_sent(name) else None


def require_shallow(page: int | None, limit: int, cursor: str | None) -> None:
    """Raise TooMany for a page so deep that only a cursor leads there."""
    if page is not None and cursor is None and page * limit > MOST_BY_PAGE:
        raise TooMany("You've requested too many pages, please use cursors instead")


__all__ = ["BadQuery", "ModelQuery", "normal_username", "parse_model_query", "require_shallow"]
