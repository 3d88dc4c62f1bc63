"""Pictures, creators and tags, from their own rows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get
from litestar.params import Parameter

from services.catalog.domain.image_rows import MetaShape, image_item
from services.catalog.finders import Images, ImagesWanted, NamePage, Names
from shared.api.inside import NamedCount, NamesPage
from shared.api.v1 import ORIGIN

_Limit = Annotated[int, Parameter(ge=1, le=200)]
_Skip = Annotated[int, Parameter(ge=0)]


class Galleries(Controller):
    """`/v1/images`, `/v1/creators`, `/v1/tags`."""

    path = "/v1"

    @get("/images")
    async def list_images(
        self,
        images: Images,
        levels: int,
        limit: _Limit,
        skip: _Skip = 0,
        cursor: str | None = None,
        oldest_first: bool = False,
        image_id: int | None = None,
        model_id: int | None = None,
        version_id: int | None = None,
        user_id: int | None = None,
        base_models: list[str] | None = None,
        tag_ids: list[int] | None = None,
        since: datetime | None = None,
        published_since: datetime | None = None,
        with_unlisted: bool = True,
        without_meta: bool = False,
        meta: MetaShape = "none",
        tags: bool = False,
    ) -> Response[bytes]:
        """One page of pictures, and the cursor of the next."""
        found = await images.find(
            ImagesWanted(
                limit=limit, skip=skip, cursor=cursor, oldest_first=oldest_first, levels=levels, image_id=image_id,
                model_id=model_id, version_id=version_id, user_id=user_id, base_models=tuple(base_models or ()),
                tag_ids=tuple(tag_ids or ()), since=since, without_meta=without_meta,
                published_since=published_since, with_unlisted=with_unlisted,
            )
        )  # fmt: skip
        items = [image_item(row, meta, numbers if tags else None) for row, numbers in found.rows]
        body: dict[str, Any] = {"items": items, "next": found.next}
        return Response(msgspec.json.encode(body), media_type="application/json")

    @get("/covers")
    async def covers(self, images: Images, ids: list[int], levels: int) -> dict[int, str]:
        """The address of the newest picture of each of these models, of those that have one of these levels."""
        return {
            model_id: f"{ORIGIN}/image/{key}/original=true/{key}"
            for model_id, key in (await images.newest_of(ids, levels)).items()
        }

    @get("/creators")
    async def list_creators(self, names: Names, limit: _Limit, skip: _Skip = 0, like: str | None = None) -> NamesPage:
        """Creators of visible models; `like` is part of the name."""
        return _page(await names.creators(like, skip, limit))

    @get("/tags")
    async def list_tags(self, names: Names, limit: _Limit, skip: _Skip = 0, like: str | None = None) -> NamesPage:
        """Tags of visible models; `like` is the beginning of the name."""
        return _page(await names.tags(like, skip, limit))


def _page(found: NamePage) -> NamesPage:
    items = [NamedCount(name=name, models=models) for name, models in found.items]
    return NamesPage(items=items, total=found.total, has_more=found.has_more)
