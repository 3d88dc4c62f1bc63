"""A proxy between a client and the hub that remembers what passed, and can spoil it in one chosen way."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from tests.hub_driver import eventually

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"}


@dataclass
class Passed:
    """One request as the client sent it, and the answer as it got it."""

    method: str
    path: str
    sent: dict[str, str]
    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def document(self) -> Any:
        """The answer's JSON, or None where it is something else."""
        is_json = self.headers.get("content-type", "").startswith("application/json")
        return json.loads(self.body) if is_json and self.body else None

    @document.setter
    def document(self, value: Any) -> None:
        self.body = json.dumps(value).encode()


@dataclass(frozen=True)
class Fault:
    """A way to spoil traffic: headers of requests that are dropped, and what is done to answers."""

    spoil: Callable[[Passed], None] = lambda passed: None
    drops: frozenset[str] = frozenset()


class Proxy:
    """Listens on a port of its own. The hub sees the client's own `Host`, so that every address it gives leads here.

    `shown_host` is shown to the hub instead: then its addresses lead to that port of the same machine.
    """

    def __init__(self, hub_url: str) -> None:
        self._hub_url = hub_url
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._server = uvicorn.Server(
            uvicorn.Config(self._answer, interface="asgi3", log_level="warning", lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._client: httpx.AsyncClient | None = None
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.reset()

    def reset(self) -> None:
        """An honest proxy that has seen nothing."""
        self.fault = Fault()
        self.shown_host: str | None = None
        self.passed: list[Passed] = []

    def start(self) -> None:
        """Return when it listens."""
        self._thread.start()
        eventually(lambda: self._server.started)

    def stop(self) -> None:
        """Return when it has ended."""
        self._server.should_exit = True
        self._thread.join(10)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == ScopeType.HTTP
        if self._client is None:  # made here, in the loop that it lives in
            self._client = httpx.AsyncClient(base_url=self._hub_url, timeout=60)
        sent = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        passed = await self._forward(scope, sent, await _body(receive))
        self.fault.spoil(passed)
        if passed.method != "HEAD" and passed.status != 304:
            passed.headers["content-length"] = str(len(passed.body))
        self.passed.append(passed)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in passed.headers.items()]
        await send({"type": "http.response.start", "status": passed.status, "headers": headers})
        shown = b"" if passed.method == "HEAD" else passed.body
        await send({"type": "http.response.body", "body": shown, "more_body": False})

    async def _forward(self, scope: Any, sent: dict[str, str], body: bytes) -> Passed:
        assert self._client is not None
        dropped = HOP_BY_HOP | self.fault.drops
        headers = {name: value for name, value in sent.items() if name not in dropped}
        headers["host"] = self.shown_host or headers["host"]
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        url = httpx.URL(self._hub_url).copy_with(raw_path=target)
        answer = await self._client.request(
            scope["method"], url, headers=headers | {"accept-encoding": "identity"}, content=body
        )
        kept = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return Passed(scope["method"], target.decode(), sent, answer.status_code, kept, answer.content)


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += message["body"]
        if not message.get("more_body"):
            return body
