"""The short way to kept documents: taken by what is ordinary, left by everything else."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.types import Message, Receive, Scope, Send
from pydantic import SecretStr

from services.gateway.document_cache import DocumentCache
from services.gateway.kept_documents import ROUTES, kept_documents
from services.gateway.rate_limits import RateLimits
from services.gateway.routes.v1 import V1
from services.gateway.settings import GatewaySettings
from shared.api.inside import DocumentAsk
from shared.api.v1 import ORIGIN_MARK

_HEADERS = {"host": "hub.test", "x-forwarded-for": "203.0.113.7"}
_LONG_WAY = b"the long way"


class _Gateway:
    """The short way before an application that only says that it was asked."""

    def __init__(self, **settings: str) -> None:
        self.cache = DocumentCache(1 << 20, 1000)
        self.cache.begin()
        for ask in (DocumentAsk("model", 5), DocumentAsk("version", 6), DocumentAsk("hash", "ABCD")):
            body = b'{"id":6,"modelId":5,"url":"' + ORIGIN_MARK + b"/" + ask.kind.encode() + b'"}'
            self.cache.keep(ask, body, self.cache.moment)
        rates = RateLimits(GatewaySettings(secret=SecretStr("s" * 32), **settings))  # type: ignore[arg-type]
        self._app = kept_documents(_long_way, self.cache, rates, None)

    async def ask(self, path: str, method: str = "GET", query: str = "", **headers: str) -> bytes:
        sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in {**_HEADERS, **headers}.items()]
        scope: Any = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": sent,
            "scheme": "http", "client": ("203.0.113.9", 1),
        }  # fmt: skip
        body = b""

        async def send(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.body":
                body += message["body"]

        async def receive() -> Any:
            raise AssertionError("a GET has no body to wait for")

        await self._app(scope, receive, send)
        return body


async def _long_way(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.body", "body": _LONG_WAY, "more_body": False})


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/models/5", "model"),
        ("/api/v1/models/0005", "model"),
        ("/api/v1/model-versions/6", "version"),
        ("/api/v1/model-versions/by-hash/abCD", "hash"),
    ],
)
async def test_a_kept_document_has_the_origin_that_the_client_used(path: str, kind: str) -> None:
    assert await _Gateway().ask(path) == f'{{"id":6,"modelId":5,"url":"http://hub.test/{kind}"}}'.encode()


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "/api/v1/models/7"},
        {"path": "/api/v1/models/5/"},
        {"path": "/api/v1/models/5x"},
        {"path": "/api/v1/models/٥"},
        {"path": "/api/v1/model-versions/by-hash/"},
        {"path": "/api/v1/models/5", "query": "token=0"},
        {"path": "/api/v1/models/5", "method": "POST"},
        {"path": "/api/v1/models/5", "authorization": "Bearer 0"},
        {"path": "/api/v1/models/5", "host": "no host"},
    ],
    ids=lambda asked: " ".join(asked.values()),
)
async def test_everything_else_goes_the_long_way(asked: dict[str, str]) -> None:
    assert await _Gateway().ask(**asked) == _LONG_WAY


async def test_it_counts_for_the_rate_limit() -> None:
    gateway = _Gateway(rate_limit_anonymous="2/minute")
    answers = [await gateway.ask("/api/v1/models/5") for _ in range(3)]
    assert [answer == _LONG_WAY for answer in answers] == [False, False, True]


def test_requests_are_measured_under_the_names_of_their_routes() -> None:
    handlers = (V1.get_model, V1.get_version, V1.get_by_hash)
    assert [f"{V1.path}{path}" for handler in handlers for path in handler.paths] == list(ROUTES)
