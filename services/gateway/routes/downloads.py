"""`/api/download`: a redirect to the bytes, never the bytes."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Controller, HttpMethod, Request, Response, route

from services.gateway.compatible_errors import compatible_handlers
from services.gateway.delivery import Delivery
from services.gateway.identify import address_of, caller_of
from services.gateway.rate_limits import RateLimits
from services.gateway.refusals import REFUSED, is_browser, refusal
from services.gateway.repository import Repository
from services.gateway.request import origin_of
from services.gateway.settings import GatewaySettings
from shared.api.hub import FilePreferences
from shared.api.inside import Wish
from shared.api.v1 import FILE_FORMATS, FILE_TYPES
from shared.problems import Forbidden, Invalid, TooMany

_ID = re.compile("0|[1-9][0-9]{0,9}")
_SIZES = ("full", "pruned")
_LONGEST = 64
_NO_STORE = "no-store, max-age=0"


def _wish(request: Request[Any, Any, Any]) -> Wish:
    """What the parameters ask for; empty values are absent, unknown names ignored. Raises Invalid."""
    sent = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
    wish: dict[str, Any] = {}
    if "fileId" in sent:
        if not _ID.fullmatch(sent["fileId"]):
            raise Invalid("fileId: expected a number")
        wish["file_id"] = int(sent["fileId"])
    for name, known in (("type", FILE_TYPES), ("format", FILE_FORMATS)):
        if name in sent:
            if sent[name] not in known:
                raise Invalid(f"{name}: expected one of {', '.join(known)}")
            wish[name] = sent[name]
    if "size" in sent:
        if sent["size"] not in _SIZES:
            raise Invalid(f"size: expected one of {', '.join(_SIZES)}")
        wish["size"] = sent["size"]
    for name, param in (("fp", "fp"), ("quantType", "quant_type")):
        if name in sent:
            if len(sent[name]) > _LONGEST:
                raise Invalid(f"{name}: expected at most {_LONGEST} characters")
            wish[param] = sent[name]
    return Wish(**wish)


class Downloads(Controller):
    """`/api/download/models/{versionId}`."""

    path = "/api/download"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @route(
        "/models/{version_id:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=307,
        opt={"session_too": True},
    )  # fmt: skip
    async def download(
        self,
        request: Request[Any, Any, Any],
        version_id: str,
        rates: RateLimits,
        delivery: Delivery,
        accounts: Repository,
        settings: GatewaySettings,
    ) -> Response[Any]:
        """307 to a signed address that works for a day, in ranges and in parallel. A `HEAD` is not counted."""
        caller, origin, is_shown = caller_of(request), origin_of(request), is_browser(request)
        address, is_counted = address_of(request.scope), request.method == "GET"
        try:
            rates.require_not_blocked(address)
            if is_counted:
                await rates.count_download(caller, address)
        except (Forbidden, TooMany) as problem:
            return refusal(problem, version_id, to_browser=is_shown, origin=origin)
        if not version_id.isascii() or not version_id.isdecimal() or len(version_id) > 10:
            raise Invalid("✖ Invalid input: expected number, received NaN\n  → at modelVersionId")
        wish, actor = _wish(request), caller.actor
        if actor.is_known and (kept := await accounts.find_file_preferences(actor.account_id)):
            wish = msgspec.structs.replace(wish, saved=msgspec.json.decode(kept, type=FilePreferences))
        try:
            target = await delivery.find(int(version_id), wish, actor, only_for_accounts=settings.downloads_need_login)
        except REFUSED as problem:
            return refusal(problem, version_id, to_browser=is_shown, origin=origin)
        location = delivery.address(target, origin, actor, request.method)
        if is_counted:
            await delivery.count(target, actor.account_id or None)
        return Response(
            location,
            status_code=307,
            media_type="text/plain",
            headers={"location": location, "cache-control": _NO_STORE},
        )
