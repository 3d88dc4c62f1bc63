"""`/api/download`: a redirect to the bytes, never the bytes."""

from __future__ import annotations

from typing import Any

from litestar import Controller, HttpMethod, Request, Response, route

from services.gateway.compatible_errors import compatible_handlers
from services.gateway.delivery import Delivery
from services.gateway.peers import Peers
from services.gateway.sessions import Cookies, Sessions
from shared.actor import Actor
from shared.api.inside import DownloadTarget
from shared.api.v1 import FILE_FORMATS, FILE_TYPES
from shared.problems import Invalid, NotFound

_BROWSERS = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")
_NO_STORE = "no-store, max-age=0"


def _wish(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The catalog's parameters; empty values are absent, unknown names ignored. Raises Invalid."""
    sent = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
    wish: dict[str, str] = {}
    if "fileId" in sent:
        if not sent["fileId"].isdecimal() or len(sent["fileId"]) > 10:
            raise Invalid("fileId: expected a number")
        wish["file_id"] = sent["fileId"]
    for name, known, param in (("type", FILE_TYPES, "type_"), ("format", FILE_FORMATS, "file_format")):
        if name in sent:
            if sent[name] not in known:
                raise Invalid(f"{name}: expected one of {', '.join(known)}")
            wish[param] = sent[name]
    for name in ("size", "fp"):
        if name in sent:
            wish[name] = sent[name][:64]
    return wish


async def _reader(request: Request[Any, Any, Any], actor: Actor, sessions: Sessions, cookies: Cookies) -> int | None:
    """The account that downloads: by key, or signed in on the pages, whose links lead here. It allows nothing."""
    if actor.is_known:
        return actor.account_id
    token = request.cookies.get(cookies.session)
    session = await sessions.find(token) if token else None
    return session.account_id if session is not None else None


class Downloads(Controller):
    """`/api/download/models/{versionId}`."""

    path = "/api/download"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @route("/models/{version_id:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=307)
    async def download(
        self,
        request: Request[Any, Any, Any],
        version_id: str,
        actor: Actor,
        origin: str,
        peers: Peers,
        delivery: Delivery,
        sessions: Sessions,
        hub_cookies: Cookies,
    ) -> Response[str]:
        """307 to a signed address that works for a day, in ranges and in parallel. A `HEAD` is not counted."""
        if not version_id.isdecimal() or len(version_id) > 10:
            raise Invalid("✖ Invalid input: expected number, received NaN\n  → at modelVersionId")
        wish = _wish(request)
        try:
            target = await peers.catalog.fetch("GET", f"/downloads/{version_id}", DownloadTarget, params=wish)
        except NotFound:
            agent = request.headers.get("user-agent", "").lower()
            if any(name in agent for name in _BROWSERS):
                return Response("File not found", status_code=404, media_type="text/plain")
            raise NotFound("File not found") from None
        location = delivery.address(target, origin, request.method)
        if request.method == "GET":
            await delivery.count(target, await _reader(request, actor, sessions, hub_cookies))
        return Response(
            location,
            status_code=307,
            media_type="text/plain",
            headers={"location": location, "cache-control": _NO_STORE},
        )
