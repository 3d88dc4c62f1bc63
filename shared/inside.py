"""Calls between services: one HTTP client, the hub's token, the correlation id; problems travel as they are."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import aiohttp
import msgspec

from shared.actor import NOBODY, Actor
from shared.problems import BY_STATUS, PROBLEM_TYPES, FieldError, Problem, Unavailable
from shared.telemetry import CORRELATION_HEADER, correlation_id

T = TypeVar("T")
_CONNECTIONS = 100
_IDLE_SECONDS = 30.0
"""Less than the servers keep a connection (`shared.serve`), so that none is used as it is closed."""


@cache
def _trusted() -> ssl.SSLContext:
    """One for all peers: each of its own would read the certificates again (20 ms and 1 MB)."""
    return ssl.create_default_context()


def _query(params: Any) -> list[tuple[str, str]]:
    """Parameters as text: a list is the name repeated, None is nothing."""
    pairs = params.items() if isinstance(params, Mapping) else params or ()
    each = [(name, value) for name, given in pairs for value in (given if isinstance(given, list) else [given])]
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in each
        if value is not None
    ]


class Peer:
    """Another service of the hub."""

    def __init__(self, name: str, base_url: str, token: str, *, timeout_seconds: float = 10.0) -> None:
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"}
        self._timeout = aiohttp.ClientTimeout(timeout_seconds, sock_connect=2.0)
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        """The connections; made by the first call, as they belong to its event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=_CONNECTIONS, keepalive_timeout=_IDLE_SECONDS, ssl=_trusted() if self._is_https else True
                ),
                timeout=self._timeout,
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("user-agent", "accept-encoding"),
            )
        return self._session

    @property
    def _is_https(self) -> bool:
        return self._base_url.startswith("https:")

    async def call(
        self, method: str, path: str, *, actor: Actor = NOBODY, json: object = None, content: bytes | None = None,
        params: Any = None,
    ) -> bytes:  # fmt: skip
        """The body of a successful answer. Raises the problem the service answered with, or Unavailable."""
        return (await self.answer(method, path, actor=actor, json=json, content=content, params=params))[1]

    async def answer(
        self, method: str, path: str, *, actor: Actor = NOBODY, json: object = None, content: bytes | None = None,
        params: Any = None,
    ) -> tuple[int, bytes]:  # fmt: skip
        """`call`, with the status: 200 or 201 where a service tells whether a thing is new."""
        headers = {CORRELATION_HEADER: correlation_id(), **actor.headers()}
        if json is not None:
            content = msgspec.json.encode(json)
            headers["content-type"] = "application/json"
        try:
            async with self._open().request(
                method,
                self._base_url + path,
                headers=headers,
                data=content,
                params=_query(params),
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"The {self.name} service is not reachable at the moment; try again.") from error
        if 200 <= response.status < 300:
            return response.status, body
        raise self._problem(response.status, body)

    async def fetch(
        self, method: str, path: str, answer: type[T], *, actor: Actor = NOBODY, json: object = None, params: Any = None
    ) -> T:
        """`call`, decoded as `answer`."""
        return msgspec.json.decode(await self.call(method, path, actor=actor, json=json, params=params), type=answer)

    def _problem(self, status: int, body: bytes) -> Problem:
        kind = BY_STATUS.get(status)
        if kind is None or status == 401:
            return Unavailable(f"The {self.name} service cannot answer at the moment; try again.")
        said = msgspec.json.decode(body, type=dict[str, Any])
        errors = [FieldError(e["field"], e["message"]) for e in said.get("errors", [])]
        slug = str(said.get("type", "")).removeprefix(PROBLEM_TYPES) or None
        return kind(str(said.get("detail", "")), errors=errors or None, slug=slug)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
