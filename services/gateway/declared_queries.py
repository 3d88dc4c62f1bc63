"""The query parameters of the compatible API, for the OpenAPI document: its routes read them in their own ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from litestar.openapi.spec import Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from services.gateway.query_reader import MAX_ID
from shared.api import v1

_STRING, _BOOLEAN = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.BOOLEAN)
_LABEL = Schema(type=OpenAPIType.STRING, max_length=64)
_ID = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_ID)


def _whole(low: int, high: int, default: int | None = None) -> Schema:
    return Schema(type=OpenAPIType.INTEGER, minimum=low, maximum=high, default=default)


def _one_of(values: Sequence[str], default: str | None = None) -> Schema:
    return Schema(type=OpenAPIType.STRING, enum=list(values), default=default)


def _list_of(item: Schema) -> Schema:
    return Schema(type=OpenAPIType.ARRAY, items=item)


def _query(**schemas: Schema) -> list[Parameter]:
    return [
        Parameter(name=name, param_in="query", schema=schema, required=False, description=_NOTES.get(name))
        for name, schema in schemas.items()
    ]


_NOTES: Final = {
    "cursor": "`metadata.nextCursor` of the page before, or follow `metadata.nextPage`.",
    "query": "Words to search for.",
    **dict.fromkeys(
        ("supportsGeneration", "fromPlatform", "earlyAccess", "archived"),
        "`true`; anything but `false`, `0` and nothing counts so.",
    ),
    "period": "Only what is younger.",
    "nsfw": "Whether mature content is shown too.",
    "browsingLevel": "Levels to show, as a mask of bits: 1, 2, 4, 8, 16. It wins over `nsfw`.",
    "token": "An API key, where no header can be sent.",
    "username": "Whose, in any letter case.",
    "favorites": "Those on a list of one's own; needs a key.",
    "hidden": "Those on a list of one's own; needs a key.",
    "status": "Moderators alone may see any but published ones.",
    "withMeta": "Whether the recipe of each picture comes along.",
    "withTags": "Whether the tags of each picture come along.",
}
_PAGED: Final = _query(limit=_whole(1, 200, 20), page=_whole(0, 10_000), query=_STRING)

QUERIES: Final[dict[str, list[Parameter]]] = {
    "/api/v1/models": _query(
        limit=_whole(0, 100, 100), page=_whole(1, 1_000_000), cursor=_STRING, query=_STRING, ids=_list_of(_ID),
        modelVersionIds=_list_of(_ID), tag=_STRING, username=_STRING, types=_list_of(_one_of(v1.MODEL_TYPES)),
        baseModels=_list_of(_STRING), fileFormats=_list_of(_one_of(v1.FILE_FORMATS)),
        sort=_one_of(v1.MODEL_SORTS, "Highest Rated"), period=_one_of(v1.PERIODS, "AllTime"), nsfw=_BOOLEAN,
        checkpointType=_one_of(v1.CHECKPOINT_TYPES), allowCommercialUse=_list_of(_one_of(v1.COMMERCIAL_USES)),
        availability=_one_of(v1.AVAILABILITIES), status=_list_of(_one_of(v1.MODEL_STATUSES)), favorites=_BOOLEAN,
        hidden=_BOOLEAN, primaryFileOnly=_BOOLEAN, supportsGeneration=_STRING, fromPlatform=_STRING,
        earlyAccess=_STRING, archived=_STRING, token=_STRING,
    ),
    "/api/v1/images": _query(
        limit=_whole(0, 200, 100), page=_whole(1, 1_000_000), cursor=_STRING, imageId=_ID, postId=_ID, modelId=_ID,
        modelVersionId=_ID, userId=_ID, username=Schema(type=OpenAPIType.STRING, pattern="^[A-Za-z0-9_]*$"),
        sort=_one_of(v1.IMAGE_SORTS, "Most Reactions"), period=_one_of(v1.PERIODS, "AllTime"),
        nsfw=_one_of([*v1.LEVEL_MASKS, "true", "false"]), browsingLevel=_whole(0, 63), tags=_list_of(_ID),
        type=_one_of(v1.MEDIA_TYPES), baseModels=_list_of(_STRING), withMeta=_BOOLEAN, flatMeta=_BOOLEAN,
        withTags=_BOOLEAN, requiringMeta=_BOOLEAN,
    ),
    "/api/v1/creators": _PAGED,
    "/api/v1/tags": _PAGED,
    "/api/v1/users": _query(ids=_list_of(_ID), query=_STRING),
    "/api/v1/me": _query(token=_STRING),
    "/api/v1/articles": _query(limit=_whole(1, 100), sort=_STRING, nsfw=_BOOLEAN, tags=_list_of(_ID)),
    "/api/v1/collections": _query(
        limit=_whole(1, 100), cursor=_STRING, sort=_one_of(["Newest", "Most Followers"], "Newest"), nsfw=_BOOLEAN,
        query=Schema(type=OpenAPIType.STRING, max_length=100),
    ),
    "/api/v1/permissions/check": _query(entityIds=_list_of(_ID), entityType=_one_of(["ModelVersion"], "ModelVersion")),
    "/api/v1/model-versions/mini/{version_id:str}": _query(modelFileId=_ID, token=_STRING),
    "/api/v1/model-files/{file_id:str}/tensor-metadata": _query(summaryOnly=_BOOLEAN),
    "/api/download/models/{version_id:str}": _query(
        fileId=_ID, type=_one_of(v1.FILE_TYPES), format=_one_of(v1.FILE_FORMATS), size=_one_of(["full", "pruned"]),
        fp=_LABEL, quantType=_LABEL, token=_STRING,
    ),
}  # fmt: skip
"""By the path of the route."""
