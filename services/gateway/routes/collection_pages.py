"""Pages and forms of collections; pages of single pictures, posts and people."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import Parameter
from litestar.response import Redirect

from services.gateway.collection_pages import Keeping, render_collection, render_collections, render_image
from services.gateway.page_answers import AnyRequest, field, frame_of, html, see_other
from services.gateway.peers import Peers
from services.gateway.repository import Repository
from services.gateway.request import placed, with_origin
from shared.actor import Actor
from shared.api import v1
from shared.api.collections import CollectionChange, CollectionPage, HubCollection, NewCollection
from shared.problems import Invalid, NotFound, Unauthorized, Unavailable

_MOST_CARDS = 200
_Id = Annotated[int, Parameter(ge=1, le=2**31 - 1)]


class _Images(msgspec.Struct):
    items: list[v1.ImageItem]


class CollectionPages(Controller):
    """Collections."""

    @get("/collections")
    async def show_own(self, request: AnyRequest, actor: Actor, peers: Peers, done: str = "") -> Response[str]:
        """One's own collections."""
        _require_known(actor)
        found = await peers.reviews.fetch("GET", "/collections", CollectionPage, actor=actor)
        return html(render_collections(frame_of(request), found.items, done), is_private=True)

    @post("/collections", opt={"scope": "community"})
    async def create(self, request: AnyRequest, actor: Actor, peers: Peers) -> Redirect:
        """Make one."""
        made = await _create(request, actor, peers)
        return see_other(f"/collections/{made.id}?done=made")

    @get("/collections/{collection_id:int}")
    async def show(
        self, request: AnyRequest, collection_id: _Id, actor: Actor, peers: Peers, origin: str, done: str = ""
    ) -> Response[str]:
        """One that is public or one's own."""
        path = f"/collections/{collection_id}"
        found = await peers.reviews.fetch("GET", path, HubCollection, actor=actor)
        ids = (await peers.reviews.fetch("GET", f"{path}/models", list[int], actor=actor))[:_MOST_CARDS]
        models: list[dict[str, Any]] = []
        if ids:
            params = [("ids", str(model_id)) for model_id in ids] + [("levels", str(v1.LEVEL_PG))]
            body = await peers.catalog.call("GET", "/v1/models", params=params)
            models = msgspec.json.decode(placed(body, origin))
        is_own = actor.is_known and found.owner_id == actor.account_id
        text = render_collection(frame_of(request), found, models, is_own=is_own, done=done)
        return html(text, is_private=is_own)

    @post("/collections/{collection_id:int}", opt={"scope": "community"})
    async def change(self, request: AnyRequest, collection_id: _Id, actor: Actor, peers: Peers) -> Redirect:
        """Rename, describe, open or close it."""
        ask = CollectionChange(
            name=await field(request, "name"),
            description=await field(request, "description"),
            is_public=await field(request, "is_public") == "yes",
        )
        path = f"/collections/{collection_id}"
        await peers.reviews.call("PATCH", path, actor=actor, json=_checked(ask, CollectionChange))
        return see_other(f"{path}?done=changed")

    @post("/collections/{collection_id:int}/delete", opt={"scope": "community"})
    async def remove(self, collection_id: _Id, actor: Actor, peers: Peers) -> Redirect:
        """Delete it."""
        await peers.reviews.call("DELETE", f"/collections/{collection_id}", actor=actor)
        return see_other("/collections?done=deleted")

    @post("/collections/{collection_id:int}/models/{model_id:int}/remove", opt={"scope": "community"})
    async def remove_model(self, collection_id: _Id, model_id: _Id, actor: Actor, peers: Peers) -> Redirect:
        """Take a model out."""
        path = f"/collections/{collection_id}"
        await peers.reviews.call("DELETE", f"{path}/models/{model_id}", actor=actor)
        return see_other(f"{path}?done=removed")

    @post("/models/{model_id:int}/keep", opt={"scope": "community"})
    async def keep(self, request: AnyRequest, model_id: _Id, actor: Actor, peers: Peers) -> Redirect:
        """Put a model into a collection (perhaps a new one), among one's favourites or out of sight; or undo that."""
        kept_in, method = await field(request, "in"), "DELETE" if await field(request, "keep") == "no" else "PUT"
        if kept_in in ("favorites", "hidden"):
            path = f"/own/{kept_in}/{model_id}"
        elif kept_in == "new":
            path = f"/collections/{(await _create(request, actor, peers)).id}/models/{model_id}"
        elif kept_in.isascii() and kept_in.isdecimal():
            path = f"/collections/{int(kept_in)}/models/{model_id}"
        else:
            raise Invalid("Choose where to keep the model.")
        await peers.reviews.call(method, path, actor=actor)
        return see_other(f"/models/{model_id}?done={'kept' if method == 'PUT' else 'let-go'}")


class SinglePages(Controller):
    """Addresses that tools make by themselves: a picture, a post, a person."""

    @get("/images/{image_id:int}")
    async def image(self, request: AnyRequest, image_id: _Id, peers: Peers, origin: str) -> Response[str]:
        """A picture with what it was made with."""
        params = {"image_id": image_id, "levels": v1.LEVEL_ALL, "limit": 1, "meta": "flat"}
        body = await peers.catalog.call("GET", "/v1/images", params=params)
        found = msgspec.json.decode(with_origin(body, origin), type=_Images).items
        if not found:
            raise NotFound(f"There is no picture with id {image_id}.")
        return html(render_image(frame_of(request), found[0]))

    @get("/posts/{post_id:int}")
    async def post(self, post_id: _Id) -> Redirect:
        """A post is the pictures of a version."""
        return Redirect(f"/model-versions/{post_id}", status_code=302)

    @get("/user/{username:str}")
    async def user(self, username: str, accounts: Repository) -> Redirect:
        """What somebody has published."""
        account = await accounts.find_account(username)
        if account is None:
            raise NotFound(f"There is nobody called {username[:40]}.")
        return Redirect(f"/?username={account.username}", status_code=302)


async def find_keeping(peers: Peers, model_id: int, actor: Actor) -> Keeping | None:
    """Where the visitor keeps a model; None for strangers, and while that service is down."""
    if not actor.is_known:
        return None
    params = {"modelId": model_id}
    try:
        page, favorites, hidden = await asyncio.gather(
            peers.reviews.fetch("GET", "/collections", CollectionPage, actor=actor, params=params),
            peers.reviews.fetch("GET", "/own/favorites", list[int], actor=actor),
            peers.reviews.fetch("GET", "/own/hidden", list[int], actor=actor),
        )
    except Unavailable:
        return None
    return Keeping(collections=tuple(page.items), is_favorite=model_id in favorites, is_hidden=model_id in hidden)


async def _create(request: AnyRequest, actor: Actor, peers: Peers) -> HubCollection:
    ask = NewCollection(
        name=await field(request, "name"),
        description=await field(request, "description"),
        is_public=await field(request, "is_public") == "yes",
    )
    checked = _checked(ask, NewCollection)
    return await peers.reviews.fetch("POST", "/collections", HubCollection, actor=actor, json=checked)


def _checked(ask: msgspec.Struct, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The form as its type allows it: constructors check nothing."""
    try:
        return msgspec.convert(msgspec.to_builtins(ask), kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"The form is not complete: {error}") from None


def _require_known(actor: Actor) -> None:
    if not actor.is_known:
        raise Unauthorized("Sign in to see your collections.")
