"""`/api/download`: a redirect to the bytes, never the bytes."""

from __future__ import annotations

from typing import Any

from litestar import Controller, HttpMethod, Request, Response, route

from services.gateway.compatible_errors import compatible_handlers
from services.gateway.delivery import Delivery
from services.gateway.identify import caller_of
from services.gateway.request import origin_of
from shared.api.inside import Wish
from shared.api.v1 import FILE_FORMATS, FILE_TYPES
from shared.problems import Invalid, NotFound

_BROWSERS = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")
_NO_STORE = "no-store, max-age=0"


def _wish(request: Request[Any, Any, Any]) -> Wish:
    """What the parameters ask for; empty values are absent, unknown names ignored. Raises Invalid."""
    sent = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
    wish: dict[str, Any] = {}
    if "fileId" in sent:
        if not sent["fileId"].isdecimal() or len(sent["fileId"]) > 10:
            raise Invalid("fileId: expected a number")
        wish["file_id"] = int(sent["fileId"])
    for name, known in (("type", FILE_TYPES), ("format", FILE_FORMATS)):
        if name in sent:
            if sent[name] not in known:
                raise Invalid(f"{name}: expected one of {', '.join(known)}")
            wish[name] = sent[name]
    for name in ("size", "fp"):
        if name in sent:
            wish[name] = sent[name][:64]
    return Wish(**wish)


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
        delivery: Delivery,
    ) -> Response[str]:
        """307 to a signed address that works for a day, in ranges and in parallel. A `HEAD` is not counted."""
        if not version_id.isdecimal() or len(version_id) > 10:
            raise Invalid("✖ Invalid input: expected number, received NaN\n  → at modelVersionId")
        wish = _wish(request)
        try:
            target = await delivery.find(int(version_id), wish)
        except NotFound:
            agent = request.headers.get("user-agent", "").lower()
            if any(name in agent for name in _BROWSERS):
                return Response("File not found", status_code=404, media_type="text/plain")
            raise NotFound("File not found") from None
        location = delivery.address(target, origin_of(request), request.method)
        if request.method == "GET":
            await delivery.count(target, caller_of(request).actor)
        return Response(
            location,
            status_code=307,
            media_type="text/plain",
            headers={"location": location, "cache-control": _NO_STORE},
        )
