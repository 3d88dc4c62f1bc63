"""Pages that are about who is signed in; who is not is led to the form (303)."""

from __future__ import annotations

import re

import httpx

from tests.e2e.authorization.hub_api import collection, picture, saved_search
from tests.e2e.authorization.table import PASSWORD, Request, World, everybody, plain, post_form, row
from tests.hub_driver import created

_MINE = (303, 200, 200, 200, 200, 200, 303)
plain("GET", "/sign-in", (200, 303, 303, 303, 303, 303, 200))
plain("POST", "/sign-in", everybody(401), form={"username": "nobody", "password": "wrong"})
plain("GET", "/sign-up", everybody(404))
plain("POST", "/sign-up", everybody(404), form={"username": "somebody", "password": PASSWORD})
plain("GET", "/sign-in/provider", everybody(404))
plain("GET", "/sign-in/provider/return", everybody(404))
plain("GET", "/login", everybody(302))
plain("GET", "/account", _MINE)
plain("GET", "/collections", _MINE)
plain("POST", "/collections", everybody(303), form={"name": "Made on a page"})
plain("GET", "/posts/{post_id:int}", everybody(302), "/posts/1")
plain("GET", "/user/{username:str}", everybody(302), "/user/admin")


@row("GET", "/images/{image_id:int}", everybody(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/images/{picture(world)}")


@row("GET", "/collections/{collection_id:int}", (404, 404, 404, 200, 404, 404, 404))
def _(world: World, _caller: str) -> Request:
    return Request(collection(world).removeprefix("/api/hub"))


for _more in ("", "/delete", "/models/{model_id:int}/remove"):

    @row("POST", "/collections/{collection_id:int}" + _more, (303, 404, 404, 303, 404, 404, 303))
    def _(world: World, _caller: str, more: str = _more) -> Request:
        path = collection(world).removeprefix("/api/hub") + more.replace("{model_id:int}", "1")
        return Request(path, form={"name": "Renamed"})


@row("POST", "/models/{model_id:int}/keep", everybody(303))
def _(world: World, _caller: str) -> Request:
    return Request(f"/models/{world.shapes.model_id}/keep", form={"in": "favorites"})


plain("GET", "/account/keys", _MINE)
plain("GET", "/account/notifications", _MINE)
plain("GET", "/account/notifications/unread", _MINE)
plain("POST", "/account/notifications/read", everybody(303), form={})
plain("POST", "/account/keys", _MINE, form={"name": "made on a page", "rights": "all"})
plain("POST", "/account/password", (303, 403, 403, 403, 403, 403, 303), form={"current": "x", "password": PASSWORD})
plain("POST", "/account/sessions/end-others", everybody(303), form={})


@row("POST", "/account/keys/{key_id:uuid}/revoke", (303, 404, 404, 303, 404, 404, 303))
def _(world: World, _caller: str) -> Request:
    made = created(world.keys["owner"].post("/api/hub/keys", json={"name": "to be revoked"}))
    return Request(f"/account/keys/{made['id']}/revoke", form={})


@row("POST", "/account/sessions/{session_id:uuid}/end", (303, 404, 404, 303, 404, 404, 303))
def _(world: World, _caller: str) -> Request:
    other = httpx.Client(base_url=world.hub.url, timeout=30)
    post_form(other, "/sign-in", {"username": world.names["owner"], "password": PASSWORD})
    page = world.browsers["owner"].get("/account").text
    found = re.search(r"/account/sessions/[0-9a-f-]+/end", page)
    assert found
    return Request(found[0], form={})


@row("POST", "/models/{model_id:int}/versions/{version_id:int}/review", everybody(303))
def _(world: World, _caller: str) -> Request:
    path = f"/models/{world.shapes.model_id}/versions/{world.shapes.version_id}/review"
    return Request(path, form={"recommended": "yes", "text": "Good."})


@row("POST", "/models/{model_id:int}/report", everybody(303))
def _(world: World, _caller: str) -> Request:
    return Request(f"/models/{world.shapes.model_id}/report", form={"reason": "other"})


@row("GET", "/files/{file_id:int}/scan", everybody(200))
def _(world: World, _caller: str) -> Request:
    files = world.hub.version(world.shapes.version_id)["files"]
    return Request(f"/files/{files[0]['id']}/scan")


plain(
    "POST", "/files/{file_id:int}/appeal", (303, 403, 404, 404, 404, 404, 303), "/files/2000000000/appeal",
    form={"text": "It is harmless."},
)  # fmt: skip
plain(
    "POST", "/files/{file_id:int}/decision", (303, 403, 403, 403, 404, 404, 303), "/files/2000000000/decision",
    form={"reason": "Looked at.", "decision": "pass"},
)  # fmt: skip
plain("POST", "/account/searches", everybody(303), form={"name": "Ink", "address": "/models?query=ink"})


@row("POST", "/account/searches/{search_id:uuid}/delete", (303, 404, 404, 303, 404, 404, 303))
def _(world: World, _caller: str) -> Request:
    return Request(f"/account/searches/{saved_search(world)}/delete", form={})


plain("POST", "/sign-out", everybody(303), form={})  # the last row of pages: it ends the sessions
