"""What the gateway reads from a request: who asks, and under which origin the hub is seen."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request

from services.gateway.domain.access import Caller
from services.gateway.identify import caller_of
from services.gateway.settings import GatewaySettings
from shared.actor import Actor
from shared.api.v1 import ORIGIN, ORIGIN_MARK
from shared.problems import Invalid

AnyRequest = Request[Any, Any, Any]
_PLACE = ORIGIN.encode()
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")


def provide_caller(request: AnyRequest) -> Caller:
    """The `caller` parameter of a route: the account, and what the key or session allows."""
    return caller_of(request)


def provide_actor(request: AnyRequest) -> Actor:
    """The `actor` parameter of a route: the account whose key (on pages: session) came along, or nobody."""
    return caller_of(request).actor


def origin_of(request: AnyRequest) -> str:
    """`scheme://host[:port]` of the hub, as configured or as the client used it. Raises Invalid for no Host."""
    settings: GatewaySettings = request.app.state.settings
    found = settings.public_url or asked_origin(request.scope["scheme"], request.headers.get("host", ""))
    if found is None:
        raise Invalid("The Host header is missing or malformed.")
    return found


def asked_origin(scheme: str, host: str) -> str | None:
    """`scheme://host[:port]` that a client used; None for a malformed host."""
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else None


def pairs_of(request: AnyRequest) -> list[tuple[str, str]]:
    """The query's parameters in the order in which they were sent; what is no UTF-8 becomes U+FFFD."""
    return parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace")


def tags_held(header: str) -> list[str]:
    """The ETags that an `If-None-Match` names, as strong ones: a cache on the way may have weakened them."""
    return [each.strip().removeprefix("W/") for each in header.split(",")]


def placed(document: bytes, origin: str) -> bytes:
    """A document that the catalog keeps, with the hub's real origin in its addresses."""
    return document.replace(ORIGIN_MARK, origin.encode())


def with_origin(document: bytes, origin: str) -> bytes:
    """A document made inside, with the hub's real origin in its addresses."""
    return document.replace(_PLACE, origin.encode())
