"""Models that no list shows to everybody: somebody's private ones, and those of other statuses for moderators."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, MediaType, Response, get
from litestar.params import Parameter

from services.catalog.domain.documents import encode
from services.catalog.domain.listing import Shown, list_unlisted
from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from services.catalog.unlisted import UnlistedWanted
from shared.actor import Actor
from shared.api.hub import Availability
from shared.api.inside import NewestPage
from shared.problems import Forbidden


class Unlisted(Controller):
    """`/v1/unlisted`."""

    @get("/v1/unlisted")
    async def list_unlisted(
        self,
        actor: Actor,
        models: Repository,
        wire: Wire,
        status: list[str],
        limit: Annotated[int, Parameter(ge=1, le=100)],
        availability: Availability | None = None,
        owner: str | None = None,
        tag: str | None = None,
        types: list[str] | None = None,
        ids: list[int] | None = None,
        after: Annotated[int | None, Parameter(ge=1, le=2**31 - 1)] = None,
        skip: Annotated[int, Parameter(ge=0)] = 0,
        levels: int = 31,
        base_models: list[str] | None = None,
        version_ids: list[int] | None = None,
    ) -> Response[bytes]:
        """One page, newest models first; `after` is the last one already shown, `skip` how many are."""
        is_own = owner is not None and actor.is_known and owner.lower() == actor.username.lower()
        if not (actor.may_moderate or (is_own and status == ["Published"])):
            raise Forbidden("Only moderators see these, and owners their private models.")
        wanted = UnlistedWanted(
            statuses=tuple(status), availability=availability, owner=owner, tag=tag, types=tuple(types or ()),
            ids=tuple(ids or ()), base_models=tuple(base_models or ()), version_ids=tuple(version_ids or ()),
            after=after,
        )  # fmt: skip
        found = await models.list_unlisted(wanted, skip, limit + 1)
        shown = Shown(levels=levels, base_models=wanted.base_models, version_ids=wanted.version_ids)
        items = [list_unlisted(model, shown, wire) for model in found[:limit]]
        following = str(found[limit - 1].id) if len(found) > limit else None
        page = NewestPage(items=encode(items), next=following)
        return Response(msgspec.msgpack.encode(page), media_type=MediaType.MESSAGEPACK)
