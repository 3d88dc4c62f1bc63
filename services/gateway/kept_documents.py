"""Strangers' requests for documents that are kept, answered before any routing: the most frequent requests of all.

The routes of `routes/v1.py` answer the same, and answer whatever is out of the ordinary: what is not kept, comes with
a key or a query, or is one request too many. The framework's part of a request costs as much as all else together.
"""

from __future__ import annotations

import re
import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from services.gateway.compatible_answers import HASH_CACHE, PUBLIC_CACHE
from services.gateway.document_cache import DocumentCache
from services.gateway.domain.access import STRANGER
from services.gateway.identify import address_of, headers_of, is_counted
from services.gateway.rate_limits import RateLimits
from services.gateway.request import asked_origin, placed
from shared.api.inside import DocumentAsk
from shared.problems import TooMany
from shared.request_metrics import note_request

_PATH = re.compile(r"/api/v1/(?:models/([0-9]{1,10})|model-versions/(?:([0-9]{1,10})|by-hash/([0-9A-Za-z]{1,66})))")
ROUTES = (
    "/api/v1/models/{model_id:str}", "/api/v1/model-versions/{version_id:str}",
    "/api/v1/model-versions/by-hash/{file_hash:str}",
)  # fmt: skip
"""Templates of the routes that answer the same, for the metrics: model, version, by hash."""
_TYPE = (b"content-type", b"application/json; charset=utf-8")
_HEADERS = {
    kind: [_TYPE, (b"cache-control", cache.encode())]
    for kind, cache in (("model", PUBLIC_CACHE), ("version", PUBLIC_CACHE), ("hash", HASH_CACHE))
}


def _ask_of(path: str) -> tuple[DocumentAsk, str] | None:
    """The document that an address means, and the template of its route."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    model_id, version_id, file_hash = found.groups()
    if model_id:
        return DocumentAsk("model", int(model_id)), ROUTES[0]
    if version_id:
        return DocumentAsk("version", int(version_id)), ROUTES[1]
    return DocumentAsk("hash", file_hash.upper()), ROUTES[2]


def kept_documents(app: ASGIApp, cache: DocumentCache, rates: RateLimits, public_url: str | None) -> ASGIApp:
    """The application with the kept documents in front of it."""

    async def find(scope: HTTPScope) -> tuple[bytes, DocumentAsk, str] | None:
        """The answer, what it answers and the route's template; None to go the long way."""
        if scope["query_string"] or scope["method"] != "GET" or (asked := _ask_of(scope["path"])) is None:
            return None
        headers = headers_of(scope)
        origin = public_url or asked_origin(scope["scheme"], headers.get(b"host", b"").decode("latin-1"))
        if b"authorization" in headers or origin is None:
            return None
        body = cache.find(asked[0])
        if body is None:
            return None
        if is_counted(scope, headers):
            try:
                await rates.count(STRANGER, address_of(scope))
            except TooMany:  # the long way says so
                return None
        return placed(body, origin), *asked

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        found = await find(scope) if scope["type"] == ScopeType.HTTP else None
        if found is None:
            await app(scope, receive, send)
            return
        body, ask, route = found
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS[ask.kind]})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        note_request("gateway", "GET", route, 200, time.perf_counter() - began)

    return answer
