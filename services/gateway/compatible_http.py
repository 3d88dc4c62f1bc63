"""HTTP of the compatible API below its routes: methods, CORS headers, entity tags, errors of the framework.

`OPTIONS` is always 200 and `HEAD` answers like `GET`. Bodies here are JSON documents of a page at most, so they are
held back until their tag is known.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Message, Receive, Scope, Send

_API = "/api/v1/"
_DOWNLOADS = "/api/download/"
_REQUIRED = ("/api/v1/me", "/api/v1/vault/")
_POSTED = ("/api/v1/model-versions/by-hash", "/api/v1/model-versions/by-hash/ids")
_JSON = "application/json; charset=utf-8"
Headers = dict[str, str]


class _Held:
    """An answer that is not sent yet."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self._body = bytearray()

    async def take(self, message: Message) -> None:
        """The `send` of the application."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            self._body += message["body"]

    @property
    def body(self) -> bytes:
        """All of it."""
        return bytes(self._body)

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return next((value for key, value in self.headers if key == name), "")

    def replace(self, status: int, body: bytes, **headers: str) -> None:
        """Another answer with the same other headers."""
        self.status, self._body = status, bytearray(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = [(name, value) for name, value in self.headers if name not in named] + list(named.items())


def compatible_http(app: ASGIApp, public_url: str | None) -> ASGIApp:
    """The application with the rules of the compatible API in front of its addresses."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith((_API, _DOWNLOADS)):
            await app(scope, receive, send)
            return
        path, method = scope["path"].rstrip("/"), scope["method"]
        asked = cast("Any", scope)
        if method == "HEAD" and path.startswith(_API):
            asked = {**asked, "method": "GET"}
        held = _Held()
        await app(asked, receive, held.take)
        if method == "OPTIONS":
            held.replace(200, b"")
        elif held.header("content-type").startswith("application/problem+json"):
            _as_error(held)
        elif held.status == 200 and path.startswith(_API) and method in ("GET", "HEAD"):
            _tag(held, _request_header(scope, b"if-none-match"))
        await _send(held, _cors(path, scope, public_url), method, send)

    return wrapped


def _as_error(held: _Held) -> None:
    """Errors of the framework (an unknown address, a wrong method), in the shape of this API."""
    detail = msgspec.json.decode(held.body, type=dict[str, Any]).get("detail", "")
    text = "Method not allowed" if held.status == 405 else str(detail)
    held.replace(held.status, msgspec.json.encode({"error": text}), content_type=_JSON)


def _tag(held: _Held, known: str) -> None:
    tag = f'"{hashlib.sha256(held.body).hexdigest()[:32]}"'
    tags = [each.strip().removeprefix("W/") for each in known.split(",")]
    if tag in tags or "*" in tags:
        held.replace(304, b"", etag=tag)
        held.headers = [(name, value) for name, value in held.headers if name != "content-type"]
    else:
        held.headers.append(("etag", tag))


def _cors(path: str, scope: Scope, public_url: str | None) -> Headers:
    """Everybody's pages may read what is public; what a key alone opens, the hub's own pages."""
    methods = "POST" if path in _POSTED else "GET"
    shared = {"access-control-allow-headers": "*", "access-control-allow-methods": methods}
    if path.startswith(_REQUIRED):
        own = public_url or f"{scope['scheme']}://{_request_header(scope, b'host')}"
        return shared | {"access-control-allow-origin": own, "access-control-allow-credentials": "true"}
    return shared | {"access-control-allow-origin": "*"}


def _request_header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted), "")


async def _send(held: _Held, cors: Headers, method: str, send: Send) -> None:
    kept = [
        (name, value)
        for name, value in held.headers
        if not name.startswith("access-control-") and name != "content-length"
    ]
    # A HEAD of a download was answered as one by its route: the length is the route's.
    body = held.body
    length = held.header("content-length") if method == "HEAD" and not body else str(len(body))
    sized = [] if held.status == 304 else [("content-length", length or "0")]
    headers = [(name.encode(), value.encode("latin-1")) for name, value in [*kept, *sized, *cors.items()]]
    start: HTTPResponseStartEvent = {"type": "http.response.start", "status": held.status, "headers": headers}
    await send(start)
    shown = b"" if method == "HEAD" else body
    last: HTTPResponseBodyEvent = {"type": "http.response.body", "body": shown, "more_body": False}
    await send(last)
