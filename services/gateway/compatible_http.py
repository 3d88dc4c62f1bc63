"""HTTP of the compatible API below its routes: methods, CORS headers, entity tags, errors of the framework.

`OPTIONS` is always 200 and `HEAD` answers like `GET`. Bodies here are JSON documents of a page at most, so they are
held back until their tag is known.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
from blake3 import blake3
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Message, Receive, Scope, Send

from services.gateway.hash_list import no_list
from services.gateway.request import tags_held

_API = "/api/v1/"
_DOWNLOADS = "/api/download/"
_REQUIRED = ("/api/v1/me", "/api/v1/vault/")
_POSTED = ("/api/v1/model-versions/by-hash", "/api/v1/model-versions/by-hash/ids")
_JSON = b"application/json; charset=utf-8"
_NOT_STORED = (b"cache-control", b"no-store, max-age=0")
_TAG_BYTES = 16
Header = tuple[bytes, bytes]


class _Held:
    """An answer that is not sent yet."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[Header] = []
        self.body = b""

    async def take(self, message: Message) -> None:
        """The `send` of the application."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name.lower(), value) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            self.body = self.body + message["body"] if self.body else message["body"]

    def header(self, name: bytes) -> bytes:
        """A header's value, or nothing."""
        return next((value for key, value in self.headers if key == name), b"")

    def replace(self, status: int, body: bytes, *headers: Header) -> None:
        """Another answer with the same other headers."""
        self.status, self.body = status, body
        names = {name for name, _ in headers}
        self.headers = [(name, value) for name, value in self.headers if name not in names] + list(headers)


def _shared_cors(methods: bytes) -> tuple[Header, ...]:
    return (b"access-control-allow-headers", b"*"), (b"access-control-allow-methods", methods)


_CORS = {methods: _shared_cors(methods) for methods in (b"GET", b"POST")}
_ANYBODY = (b"access-control-allow-origin", b"*")


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
        elif held.header(b"content-type").startswith(b"application/problem+json"):
            _as_error(held, path)
        elif held.status == 200 and path.startswith(_API) and method in ("GET", "HEAD"):
            _tag(held, _request_header(scope, b"if-none-match"))
        if path.startswith(_DOWNLOADS) and not held.header(b"cache-control"):
            held.headers.append(_NOT_STORED)
        await _send(held, _cors(path, scope, public_url), method, send)

    return wrapped


def _as_error(held: _Held, path: str) -> None:
    """Errors of the framework (an unknown address, a wrong method), in the shape of this API."""
    status, text = held.status, str(msgspec.json.decode(held.body, type=dict[str, Any]).get("detail", ""))
    if status == 405 and path in _POSTED:  # these look at the body first, whatever the method
        status, text = 400, no_list().detail
    elif status == 405:
        text = "Method not allowed"
    held.replace(status, msgspec.json.encode({"error": text}), (b"content-type", _JSON))


def _tag(held: _Held, known: str) -> None:
    tag = f'"{blake3(held.body).hexdigest(length=_TAG_BYTES)}"'
    tags = tags_held(known)
    if tag in tags or "*" in tags:
        held.replace(304, b"", (b"etag", tag.encode()))
        held.headers = [(name, value) for name, value in held.headers if name != b"content-type"]
    else:
        held.headers.append((b"etag", tag.encode()))


def _cors(path: str, scope: Scope, public_url: str | None) -> tuple[Header, ...]:
    """Everybody's pages may read what is public; what a key alone opens, the hub's own pages."""
    shared = _CORS[b"POST" if path in _POSTED else b"GET"]
    if path.startswith(_REQUIRED):
        own = public_url or f"{scope['scheme']}://{_request_header(scope, b'host')}"
        credentials = (b"access-control-allow-credentials", b"true")
        return *shared, (b"access-control-allow-origin", own.encode("latin-1")), credentials
    return *shared, _ANYBODY


def _request_header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted), "")


async def _send(held: _Held, cors: tuple[Header, ...], method: str, send: Send) -> None:
    headers = [
        header
        for header in held.headers
        if not header[0].startswith(b"access-control-") and header[0] != b"content-length"
    ]
    body = held.body
    if held.status != 304:
        # A HEAD of a download was answered as one by its route: the length is the route's.
        length = held.header(b"content-length") if method == "HEAD" and not body else str(len(body)).encode()
        headers.append((b"content-length", length or b"0"))
    headers += cors
    start: HTTPResponseStartEvent = {"type": "http.response.start", "status": held.status, "headers": headers}
    await send(start)
    shown = b"" if method == "HEAD" else body
    last: HTTPResponseBodyEvent = {"type": "http.response.body", "body": shown, "more_body": False}
    await send(last)
