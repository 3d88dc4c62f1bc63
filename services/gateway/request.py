"""What the gateway reads from a request: who asks, and under which origin the hub is seen."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request

from services.gateway.domain import bearer, looks_like_key
from services.gateway.repository import Repository
from services.gateway.settings import GatewaySettings
from shared.actor import NOBODY, Actor
from shared.api.v1 import ORIGIN
from shared.problems import Invalid

AnyRequest = Request[Any, Any, Any]
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")


async def provide_actor(request: AnyRequest, accounts: Repository) -> Actor:
    """The account whose key came along. No key, an empty one or an unknown one is nobody, never an error here."""
    key = bearer(request.headers.get("authorization"), request.query_params.get("token"))
    if key is None or not looks_like_key(key):
        return NOBODY
    account = await accounts.find_by_key(key)
    return account.actor() if account else NOBODY


def provide_origin(request: AnyRequest, settings: GatewaySettings) -> str:
    """`scheme://host[:port]` of the hub, as configured or as the client used it."""
    if settings.public_url:
        return settings.public_url
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise Invalid("The Host header is missing or malformed.")
    return f"{request.scope['scheme']}://{host}"


def with_origin(document: bytes, origin: str) -> bytes:
    """A document made inside, with the hub's real origin in its addresses."""
    return document.replace(ORIGIN.encode(), origin.encode())
