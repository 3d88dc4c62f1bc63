"""`/api/hub`: collections, and the lists that everybody has: favourites, and models hidden from oneself."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, delete, get, patch, post, put
from litestar.params import Parameter

from services.gateway.declared import needs
from services.gateway.peers import Peers
from shared.actor import Actor
from shared.api import collections as wire

OwnList = Literal["favorites", "hidden"]


class HubCollections(Controller):
    """Collections of models."""

    path = "/api/hub/collections"
    tags = ["Collections"]

    @get(**needs("read"))
    async def list_own(
        self, actor: Actor, peers: Peers,
        model_id: Annotated[int | None, Parameter(query="modelId", ge=1, le=2**31 - 1)] = None,
    ) -> wire.CollectionPage:  # fmt: skip
        """The caller's own; with `modelId` each says whether it has that model."""
        params = {"modelId": model_id} if model_id is not None else None
        return await peers.reviews.fetch("GET", "/collections", wire.CollectionPage, actor=actor, params=params)

    @post(**needs("community"))
    async def create(self, data: wire.NewCollection, actor: Actor, peers: Peers) -> wire.HubCollection:
        """A new one, private unless its maker says otherwise."""
        return await peers.reviews.fetch("POST", "/collections", wire.HubCollection, actor=actor, json=data)

    @get("/{collection_id:int}", **needs("public"))
    async def read(self, collection_id: int, actor: Actor, peers: Peers) -> wire.HubCollection:
        """One that is public or the caller's."""
        return await peers.reviews.fetch("GET", f"/collections/{collection_id}", wire.HubCollection, actor=actor)

    @patch("/{collection_id:int}", **needs("community"))
    async def change(
        self, collection_id: int, data: wire.CollectionChange, actor: Actor, peers: Peers
    ) -> wire.HubCollection:
        """Rename, describe, open or close it."""
        path = f"/collections/{collection_id}"
        return await peers.reviews.fetch("PATCH", path, wire.HubCollection, actor=actor, json=data)

    @delete("/{collection_id:int}", **needs("community"))
    async def remove(self, collection_id: int, actor: Actor, peers: Peers) -> None:
        """Forget it; the models stay where they are."""
        await peers.reviews.call("DELETE", f"/collections/{collection_id}", actor=actor)

    @get("/{collection_id:int}/models", **needs("public"))
    async def list_models(self, collection_id: int, actor: Actor, peers: Peers) -> wire.ModelIds:
        """Ids of its models, the last added first."""
        path = f"/collections/{collection_id}/models"
        return wire.ModelIds(items=await peers.reviews.fetch("GET", path, list[int], actor=actor))

    @put("/{collection_id:int}/models/{model_id:int}", status_code=204, **needs("community"))
    async def add_model(self, collection_id: int, model_id: int, actor: Actor, peers: Peers) -> None:
        """Put a model in."""
        await peers.reviews.call("PUT", f"/collections/{collection_id}/models/{model_id}", actor=actor)

    @delete("/{collection_id:int}/models/{model_id:int}", **needs("community"))
    async def remove_model(self, collection_id: int, model_id: int, actor: Actor, peers: Peers) -> None:
        """Take a model out."""
        await peers.reviews.call("DELETE", f"/collections/{collection_id}/models/{model_id}", actor=actor)

    @put("/{collection_id:int}/follow", status_code=204, **needs("community"))
    async def follow(self, collection_id: int, actor: Actor, peers: Peers) -> None:
        """Follow one."""
        await peers.reviews.call("PUT", f"/collections/{collection_id}/follow", actor=actor)

    @delete("/{collection_id:int}/follow", **needs("community"))
    async def unfollow(self, collection_id: int, actor: Actor, peers: Peers) -> None:
        """No longer follow one."""
        await peers.reviews.call("DELETE", f"/collections/{collection_id}/follow", actor=actor)


class OwnLists(Controller):
    """What `favorites` and `hidden` of the compatible API mean for the caller."""

    path = "/api/hub/me/{own_list:str}/models"
    tags = ["Collections"]

    @get(**needs("read"))
    async def list_ids(self, own_list: OwnList, actor: Actor, peers: Peers) -> wire.ModelIds:
        """Ids of the models, the last added first."""
        return wire.ModelIds(items=await peers.reviews.fetch("GET", f"/own/{own_list}", list[int], actor=actor))

    @put("/{model_id:int}", status_code=204, **needs("community"))
    async def add(self, own_list: OwnList, model_id: int, actor: Actor, peers: Peers) -> None:
        """Put a model on the list."""
        await peers.reviews.call("PUT", f"/own/{own_list}/{model_id}", actor=actor)

    @delete("/{model_id:int}", **needs("community"))
    async def remove(self, own_list: OwnList, model_id: int, actor: Actor, peers: Peers) -> None:
        """Take a model off it."""
        await peers.reviews.call("DELETE", f"/own/{own_list}/{model_id}", actor=actor)
