"""HTTP of collections, for the gateway alone."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, delete, get, patch, post, put
from litestar.params import Parameter
from litestar.status_codes import HTTP_204_NO_CONTENT
from msgspec import UNSET

from services.reviews import collection_rules as rules
from services.reviews.collection_rules import Collection, OwnKind
from services.reviews.collection_store import Collections
from services.reviews.domain import require_known, require_visible
from services.reviews.repository import Repository
from shared.actor import Actor
from shared.api.collections import CollectionChange, CollectionPage, HubCollection, NewCollection
from shared.clock import now

_MAX = 2**31 - 1
PathId = Annotated[int, Parameter(ge=1, le=_MAX)]


class CollectionRoutes(Controller):
    """Collections that people make."""

    path = "/collections"

    @get("/public")
    async def list_public(
        self,
        collections: Collections,
        limit: Annotated[int, Parameter(ge=1, le=100)],
        begin: Annotated[int | None, Parameter(ge=1, le=_MAX)] = None,
        like: str | None = None,
        levels: int | None = None,
        sort: Literal["Newest", "Most Followers"] = "Newest",
    ) -> CollectionPage:
        """Public collections. The cursor is the id of the first one that is not on the page, for `begin`."""
        by_followers = sort == "Most Followers"
        found = await collections.list_public(
            limit + 1, begin=begin, like=like, levels=levels, by_followers=by_followers
        )
        has_more = len(found) > limit and not by_followers
        return CollectionPage(
            items=[rules.collection_view(each) for each in found[:limit]],
            next_cursor=str(found[limit].id) if has_more else UNSET,
        )

    @get()
    async def list_own(
        self,
        actor: Actor,
        collections: Collections,
        model_id: Annotated[int | None, Parameter(query="modelId", ge=1, le=_MAX)] = None,
    ) -> CollectionPage:
        """The caller's own; with `modelId` each says whether it has that model."""
        require_known(actor)
        found = await collections.list_own(actor.account_id)
        if model_id is None:
            return CollectionPage(items=[rules.collection_view(each) for each in found])
        holding = await collections.holding([each.id for each in found], model_id)
        return CollectionPage(items=[rules.collection_view(each, has_model=each.id in holding) for each in found])

    @post()
    async def create(self, data: NewCollection, actor: Actor, collections: Collections) -> HubCollection:
        """A new one, private unless its maker says otherwise."""
        require_known(actor)
        made = await collections.create(
            actor.account_id, lambda collection_id: rules.new_collection(collection_id, data, actor, now())
        )
        return rules.collection_view(made)

    @get("/{collection_id:int}")
    async def read(self, collection_id: PathId, actor: Actor, collections: Collections) -> HubCollection:
        """One that is public or the caller's."""
        found = rules.require_readable(collection_id, await collections.find(collection_id), actor)
        return rules.collection_view(found)

    @patch("/{collection_id:int}")
    async def change(
        self, collection_id: PathId, data: CollectionChange, actor: Actor, collections: Collections
    ) -> HubCollection:
        """Rename, describe, open or close it."""

        def change(before: Collection | None) -> Collection:
            found = rules.require_own(collection_id, before, actor)
            return rules.change_collection(rules.require_named(found), data, now())

        return rules.collection_view(await collections.change(collection_id, change))

    @delete("/{collection_id:int}")
    async def remove(self, collection_id: PathId, actor: Actor, collections: Collections) -> None:
        """Forget it; the models stay where they are."""
        found = rules.require_own(collection_id, await collections.find(collection_id), actor)
        await collections.delete(rules.require_named(found).id)

    @get("/{collection_id:int}/models")
    async def list_models(self, collection_id: PathId, actor: Actor, collections: Collections) -> list[int]:
        """Ids of the models that can be seen, the last added first."""
        found = rules.require_readable(collection_id, await collections.find(collection_id), actor)
        return await collections.list_models(found.id)

    @put("/{collection_id:int}/models/{model_id:int}", status_code=HTTP_204_NO_CONTENT)
    async def add_model(
        self, collection_id: PathId, model_id: PathId, actor: Actor, collections: Collections, reviews: Repository
    ) -> None:
        """Put a visible model in."""
        found = rules.require_own(collection_id, await collections.find(collection_id), actor)
        require_visible(model_id, await reviews.find_model_state(model_id))
        await collections.add(found, model_id, now())

    @delete("/{collection_id:int}/models/{model_id:int}")
    async def remove_model(
        self, collection_id: PathId, model_id: PathId, actor: Actor, collections: Collections
    ) -> None:
        """Take a model out."""
        found = rules.require_own(collection_id, await collections.find(collection_id), actor)
        await collections.remove(found.id, model_id)

    @put("/{collection_id:int}/follow", status_code=HTTP_204_NO_CONTENT)
    async def follow(self, collection_id: PathId, actor: Actor, collections: Collections) -> None:
        """Follow one."""
        require_known(actor)
        found = rules.require_readable(collection_id, await collections.find(collection_id), actor)
        await collections.follow(found.id, actor.account_id, follows=True)

    @delete("/{collection_id:int}/follow")
    async def unfollow(self, collection_id: PathId, actor: Actor, collections: Collections) -> None:
        """No longer follow one."""
        require_known(actor)
        await collections.follow(collection_id, actor.account_id, follows=False)


class OwnLists(Controller):
    """The models that the caller favours, and those hidden from them."""

    path = "/own/{kind:str}"

    @get()
    async def list_ids(self, kind: OwnKind, actor: Actor, collections: Collections) -> list[int]:
        """Ids of the models, the last added first."""
        return await collections.list_models((await _own(kind, actor, collections)).id, listed_only=False)

    @put("/{model_id:int}", status_code=HTTP_204_NO_CONTENT)
    async def add(
        self, kind: OwnKind, model_id: PathId, actor: Actor, collections: Collections, reviews: Repository
    ) -> None:
        """Put a visible model on the list."""
        own = await _own(kind, actor, collections)
        require_visible(model_id, await reviews.find_model_state(model_id))
        await collections.add(own, model_id, now())

    @delete("/{model_id:int}")
    async def remove(self, kind: OwnKind, model_id: PathId, actor: Actor, collections: Collections) -> None:
        """Take a model off it."""
        await collections.remove((await _own(kind, actor, collections)).id, model_id)


async def _own(kind: OwnKind, actor: Actor, collections: Collections) -> Collection:
    require_known(actor)
    return await collections.own(
        actor.account_id, kind, lambda collection_id: rules.own_collection(collection_id, kind, actor, now())
    )


COLLECTION_ROUTES = (CollectionRoutes, OwnLists)
