"""`/api/download`: a redirect to the bytes, never the bytes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from litestar import Controller, HttpMethod, Request, Response, route

from services.gateway.compatible_errors import compatible_handlers
from services.gateway.peers import Peers
from services.gateway.relay_token import DownloadGrant, Grants
from services.gateway.settings import GatewaySettings
from shared.actor import Actor
from shared.api.inside import DownloadTarget
from shared.api.v1 import FILE_FORMATS, FILE_TYPES
from shared.engines.s3 import Store
from shared.events.usage import Downloaded
from shared.outbox import Outbox
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


class Downloads(Controller):
    """`/api/download/models/{versionId}`."""

    path = "/api/download"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @route("/models/{version_id:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=307)
    async def download(
        self, request: Request[Any, Any, Any], version_id: str, actor: Actor, origin: str, peers: Peers, grants: Grants,
        store: Store, outbox: Outbox, settings: GatewaySettings,
    ) -> Response[str]:  # fmt: skip
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
        location = _location(request.method, target, origin, grants, store, settings)
        if request.method == "GET":
            await outbox.add(
                [
                    Downloaded(
                        model_id=target.model_id, version_id=target.version_id, file_id=target.file_id,
                        account_id=actor.account_id or None,
                    )
                ]
            )  # fmt: skip
        return Response(
            location,
            status_code=307,
            media_type="text/plain",
            headers={"location": location, "cache-control": _NO_STORE},
        )


def _location(
    method: str, target: DownloadTarget, origin: str, grants: Grants, store: Store, settings: GatewaySettings
) -> str:
    """The store's own signed address where it has a public one, else a signed path of the relay."""
    disposition = f'attachment; filename="{target.name}"'
    if store.has_public_address:
        return store.sign_get(
            store.models, target.object_key, timedelta(hours=settings.download_hours), method=method,
            disposition=disposition, content_type="application/octet-stream",
        )  # fmt: skip
    grant = DownloadGrant(target.version_id, target.file_id, target.object_key, target.name, target.size_bytes)
    # The name is in the path and in the query: some clients take it from one, some from the other.
    query = f"response-content-disposition={quote(disposition, safe='')}"
    return f"{origin}/store/files/{grants.issue(grant)}/{quote(target.name)}?{query}"
