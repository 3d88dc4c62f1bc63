"""Calls between services: one HTTP client, the hub's token, the correlation id; problems travel as they are."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any, TypeVar

import httpx
import msgspec

from shared.actor import NOBODY, Actor
from shared.problems import BY_STATUS, PROBLEM_TYPES, FieldError, Problem, Unavailable
from shared.telemetry import CORRELATION_HEADER, correlation_id

T = TypeVar("T")


@cache
def _trusted() -> ssl.SSLContext:
    """One for all peers: each of its own would read the certificates again (20 ms and 1 MB)."""
    return httpx.create_ssl_context()


class Peer:
    """Another service of the hub."""

    def __init__(self, name: str, base_url: str, token: str, *, timeout_seconds: float = 10.0) -> None:
        self.name = name
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(timeout_seconds, connect=2.0),
            verify=_trusted(),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        )

    async def call(
        self, method: str, path: str, *, actor: Actor = NOBODY, json: object = None, params: Any = None
    ) -> bytes:
        """The body of a successful answer. Raises the problem the service answered with, or Unavailable."""
        return (await self.answer(method, path, actor=actor, json=json, params=params))[1]

    async def answer(
        self, method: str, path: str, *, actor: Actor = NOBODY, json: object = None, params: Any = None
    ) -> tuple[int, bytes]:
        """`call`, with the status: 200 or 201 where a service tells whether a thing is new."""
        headers = {CORRELATION_HEADER: correlation_id(), **actor.headers()}
        content = None
        if json is not None:
            content = msgspec.json.encode(json)
            headers["content-type"] = "application/json"
        try:
            response = await self._client.request(method, path, headers=headers, content=content, params=params)
        except httpx.TransportError as error:
            raise Unavailable(f"The {self.name} service is not reachable at the moment; try again.") from error
        if response.is_success:
            return response.status_code, response.content
        raise self._problem(response)

    async def fetch(
        self, method: str, path: str, answer: type[T], *, actor: Actor = NOBODY, json: object = None, params: Any = None
    ) -> T:
        """`call`, decoded as `answer`."""
        return msgspec.json.decode(await self.call(method, path, actor=actor, json=json, params=params), type=answer)

    def _problem(self, response: httpx.Response) -> Problem:
        kind = BY_STATUS.get(response.status_code)
        if kind is None or response.status_code == 401:
            return Unavailable(f"The {self.name} service cannot answer at the moment; try again.")
        body = msgspec.json.decode(response.content, type=dict[str, Any])
        errors = [FieldError(e["field"], e["message"]) for e in body.get("errors", [])]
        slug = str(body.get("type", "")).removeprefix(PROBLEM_TYPES) or None
        return kind(str(body.get("detail", "")), errors=errors or None, slug=slug)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
