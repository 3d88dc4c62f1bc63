"""HTTP of search, for the gateway alone."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import Parameter

from services.search.domain.wanted import DEFAULT_SORT, PERIOD_LENGTHS, Wanted
from services.search.finder import Finder
from shared.api.inside import SearchPage
from shared.api.v1 import MODEL_SORTS
from shared.problems import FieldError, Invalid

_CHECKPOINT_TYPES = ("Trained", "Merge")


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        message = f"There is no {field} {value!r}; it is one of: {', '.join(allowed)}."
        raise Invalid(message, errors=[FieldError(field, message)])
    return value


@get("/search")
async def search(
    finder: Finder,
    text: Annotated[str, Parameter(query="query")] = "",  # `query` would be the whole query string
    types: list[str] | None = None,
    tag: str | None = None,
    base_models: Annotated[list[str] | None, Parameter(query="baseModels")] = None,
    username: str | None = None,
    ids: list[int] | None = None,
    version_ids: Annotated[list[int] | None, Parameter(query="modelVersionIds")] = None,
    nsfw: bool | None = None,
    levels: Annotated[int | None, Parameter(ge=0, le=63)] = None,
    sort: str = DEFAULT_SORT,
    period: str = "AllTime",
    checkpoint_type: Annotated[str | None, Parameter(query="checkpointType")] = None,
    file_formats: Annotated[list[str] | None, Parameter(query="fileFormats")] = None,
    within: str | None = None,
    archived: bool = False,
    availabilities: list[str] | None = None,
    viewer: str = "",
    supports_generation: Annotated[bool, Parameter(query="supportsGeneration")] = False,
    early_access: Annotated[bool, Parameter(query="earlyAccess")] = False,
    commercial_uses: Annotated[list[str] | None, Parameter(query="allowCommercialUse")] = None,
    limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
    cursor: str | None = None,
    page: Annotated[int | None, Parameter(ge=1)] = None,
) -> SearchPage:
    """Ids of models. With a query the most relevant come first and `sort` says nothing; without one `sort` decides.

    `within` is a list of ids with commas, since there may be thousands.
    """
    wanted = Wanted(
        query=text,
        types=tuple(types or ()),
        tag=tag,
        base_models=tuple(base_models or ()),
        username=username,
        ids=tuple(ids) if ids else None,
        version_ids=tuple(version_ids) if version_ids else None,
        nsfw=nsfw,
        levels=levels,
        sort=_one_of("sort", sort, MODEL_SORTS),
        period=_one_of("period", period, tuple(PERIOD_LENGTHS)),
        checkpoint_type=_one_of("checkpointType", checkpoint_type, _CHECKPOINT_TYPES) if checkpoint_type else None,
        file_formats=tuple(file_formats or ()),
        within=None if within is None else tuple(int(each) for each in within.split(",") if each),
        archived=archived,
        availabilities=tuple(availabilities or ()),
        viewer=viewer,
        supports_generation=supports_generation,
        early_access=early_access,
        commercial_uses=tuple(commercial_uses or ()),
    )
    return await finder.find(wanted, limit=limit, cursor=cursor, page=page)


ROUTES = (search,)
