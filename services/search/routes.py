"""HTTP of search, for the gateway alone."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.di import Provide
from litestar.params import Parameter

from services.search.domain.fields import SORTS
from services.search.domain.filters import FACETS
from services.search.domain.wanted import DEFAULT_SORT, PERIOD_LENGTHS, Wanted
from services.search.finder import Finder
from services.search.rebuilds import Rebuild, Rebuilds
from services.search.reconciler import Reconciler
from services.search.similar import Similar
from services.search.suggester import Suggester
from shared.api.inside import SearchPage, Suggestions
from shared.api.search import IndexRebuild
from shared.clock import wire_time
from shared.problems import FieldError, Invalid, NotFound

_CHECKPOINT_TYPES = ("Trained", "Merge")


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        message = f"There is no {field} {value!r}; it is one of: {', '.join(allowed)}."
        raise Invalid(message, errors=[FieldError(field, message)])
    return value


def wanted_of(
    text: Annotated[str, Parameter(query="query")] = "",  # `query` would be the whole query string
    types: list[str] | None = None,
    tags: Annotated[list[str] | None, Parameter(query="tag")] = None,
    base_models: Annotated[list[str] | None, Parameter(query="baseModels")] = None,
    creators: Annotated[list[str] | None, Parameter(query="username")] = None,
    without_types: Annotated[list[str] | None, Parameter(query="withoutTypes")] = None,
    without_tags: Annotated[list[str] | None, Parameter(query="withoutTags")] = None,
    without_base_models: Annotated[list[str] | None, Parameter(query="withoutBaseModels")] = None,
    ids: list[int] | None = None,
    version_ids: Annotated[list[int] | None, Parameter(query="modelVersionIds")] = None,
    nsfw: bool | None = None,
    levels: Annotated[int | None, Parameter(ge=0, le=63)] = None,
    sort: str = DEFAULT_SORT,
    period: str = "AllTime",
    checkpoint_type: Annotated[str | None, Parameter(query="checkpointType")] = None,
    file_formats: Annotated[list[str] | None, Parameter(query="fileFormats")] = None,
    precisions: list[str] | None = None,
    sizes: list[str] | None = None,
    previews: bool | None = None,
    within: str | None = None,
    archived: bool = False,
    availabilities: list[str] | None = None,
    viewer: str = "",
    supports_generation: Annotated[bool, Parameter(query="supportsGeneration")] = False,
    early_access: Annotated[bool, Parameter(query="earlyAccess")] = False,
    commercial_uses: Annotated[list[str] | None, Parameter(query="allowCommercialUse")] = None,
) -> Wanted:
    """What the parameters ask for. `within` is a list of ids with commas, since there may be thousands."""
    return Wanted(
        query=text,
        types=tuple(types or ()),
        tags=tuple(tags or ()),
        base_models=tuple(base_models or ()),
        creators=tuple(creators or ()),
        without_types=tuple(without_types or ()),
        without_tags=tuple(without_tags or ()),
        without_base_models=tuple(without_base_models or ()),
        ids=tuple(ids) if ids else None,
        version_ids=tuple(version_ids) if version_ids else None,
        nsfw=nsfw,
        levels=levels,
        sort=_one_of("sort", sort, tuple(SORTS)),
        period=_one_of("period", period, tuple(PERIOD_LENGTHS)),
        checkpoint_type=_one_of("checkpointType", checkpoint_type, _CHECKPOINT_TYPES) if checkpoint_type else None,
        file_formats=tuple(file_formats or ()),
        precisions=tuple(precisions or ()),
        sizes=tuple(sizes or ()),
        has_previews=previews,
        within=None if within is None else tuple(int(each) for each in within.split(",") if each),
        archived=archived,
        availabilities=tuple(availabilities or ()),
        viewer=viewer,
        supports_generation=supports_generation,
        early_access=early_access,
        commercial_uses=tuple(commercial_uses or ()),
    )


WANTED = {"wanted": Provide(wanted_of, sync_to_thread=False)}


@get("/search", dependencies=WANTED)
async def search(
    finder: Finder,
    wanted: Wanted,
    facets: list[str] | None = None,
    long_facets: Annotated[list[str] | None, Parameter(query="longFacets")] = None,
    limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
    cursor: str | None = None,
    page: Annotated[int | None, Parameter(ge=1)] = None,
) -> SearchPage:
    """Ids of models. With a query the most relevant come first and `sort` says nothing; without one `sort` decides.

    `facets` names the facets to count (`domain.filters.FACETS`) with their 30 most frequent values, `longFacets`
    those of them with 300.
    """
    counted = [_one_of("facets", name, tuple(FACETS)) for name in facets or ()]
    long = [_one_of("longFacets", name, tuple(FACETS)) for name in long_facets or ()]
    return await finder.find(wanted, limit=limit, cursor=cursor, page=page, facets=counted, long_facets=long)


@get("/suggest")
async def suggest(
    suggester: Suggester,
    text: Annotated[str, Parameter(query="query")] = "",
    nsfw: bool | None = None,
    levels: Annotated[int | None, Parameter(ge=0, le=63)] = None,
) -> Suggestions:
    """What begins as somebody types: models, creators, tags."""
    return await suggester.suggest(Wanted(query=text, nsfw=nsfw, levels=levels))


@get("/similar/{model_id:int}")
async def find_similar(
    model_id: int,
    similar: Similar,
    nsfw: bool | None = None,
    levels: Annotated[int | None, Parameter(ge=0, le=63)] = None,
    limit: Annotated[int, Parameter(ge=1, le=50)] = 12,
) -> list[int]:
    """Ids of models like another one, the most alike first."""
    return await similar.find(model_id, Wanted(nsfw=nsfw, levels=levels), limit=limit)


@post("/rebuild", status_code=202)
async def rebuild(reconciler: Reconciler, rebuilds: Rebuilds) -> IndexRebuild:
    """Have the index made again from the rows; the old one answers until the new one is complete."""
    asked = await rebuilds.ask()
    reconciler.ask_for_rebuild()
    return _progress(asked)


@get("/rebuild")
async def show_rebuild(rebuilds: Rebuilds) -> IndexRebuild:
    """How far the rebuild is that was asked for last. Raises NotFound where there was none."""
    found = await rebuilds.find()
    if found is None:
        raise NotFound("Nobody has asked for the index to be made again.")
    return _progress(found)


def _progress(found: Rebuild) -> IndexRebuild:
    return IndexRebuild(
        id=found.rebuild_id, asked_at=wire_time(found.asked_at), total=found.total, done=found.done,
        ended_at=wire_time(found.ended_at) if found.ended_at else None,
    )  # fmt: skip


ROUTES = (search, suggest, find_similar, rebuild, show_rebuild)
