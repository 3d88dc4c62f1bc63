"""The gateway as people reach it: by a browser with cookies and forms, or by a client with a key."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from services.gateway.app import create_app
from shared.engines.kafka import make_topics
from shared.settings import Settings
from tests.integration.inner_service import own_environment, until_true

T = TypeVar("T")
ADMIN_KEY = "ad" * 16
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
_TOKEN = re.compile(r'name="_csrf_token" value="([0-9a-f]+)"')


class Browser:
    """One browser: it keeps cookies, and sends a form with the token of the page that shows it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str) -> httpx.Response:
        """A page."""
        return await self.client.get(path)

    async def send(self, path: str, page: str, **fields: Any) -> httpx.Response:
        """Send the form to `path` that `page` shows."""
        shown = await self.client.get(page)
        found = _TOKEN.search(shown.text)
        assert found, f"no form on {page}: {shown.status_code} {shown.text[:300]}"
        return await self.client.post(path, data={"_csrf_token": found[1], **fields})

    async def sign_in(self, username: str, password: str, **fields: Any) -> httpx.Response:
        """Fill in the form of the sign-in page."""
        return await self.send("/sign-in", "/sign-in", username=username, password=password, **fields)

    async def name(self) -> str | None:
        """Whom the header of a page shows as signed in."""
        shown = await self.client.get("/docs/api")
        assert shown.status_code == 200, shown.text
        found = re.search(r'title="Your account">.*?<span dir="auto">([^<]+)</span>', shown.text, re.DOTALL)
        return html.unescape(found[1]) if found else None


class Gateway:
    """A running gateway, alone with its engines."""

    def __init__(self, app: Litestar, base_url: str) -> None:
        self.app = app
        self.base_url = base_url

    def client(self, key: str | None = None, address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
        """A client with a key, as seen from an address."""
        sent = {"user-agent": FIREFOX, **headers}
        if key:
            sent["authorization"] = f"Bearer {key}"
        transport = httpx.ASGITransport(app=self.app, client=(address, 40_000))  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url=self.base_url, headers=sent)

    def browser(self, address: str = "127.0.0.1", **headers: str) -> Browser:
        """A browser that has not been here before."""
        return Browser(self.client(None, address, **headers))

    def provided(self, name: str, kind: type[T]) -> T:
        """What the application gives its routes under that name: to look into the database, or to age things there."""
        provide = self.app.dependencies[name]
        assert isinstance(provide, Provide)
        found = provide.dependency()
        assert isinstance(found, kind)
        return found

    async def new_account(self, username: str, role: str = "creator") -> tuple[int, str]:
        """The id and key of a new account."""
        answer = await self.client(ADMIN_KEY).post("/api/hub/accounts", json={"username": username, "role": role})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], answer.json()["key"]

    async def new_person(self, username: str, password: str, role: str = "creator") -> tuple[int, str]:
        """The id and key of a new account that has a password."""
        account_id, key = await self.new_account(username, role)
        answer = await self.client(key).post("/api/hub/me/password", json={"password": password})
        assert answer.status_code == 204, answer.text
        return account_id, key


@asynccontextmanager
async def _alive(app: Litestar) -> AsyncIterator[None]:
    """The application's lifespan in a task of its own: it wants to end in the task in which it began."""
    started, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await over.wait()

    task = asyncio.create_task(live())
    await started.wait()
    try:
        yield
    finally:
        over.set()
        await task


@asynccontextmanager
async def running_gateway(engines: Mapping[str, str], **settings: str) -> AsyncIterator[Gateway]:
    """A gateway on the engines with a database of its own; `settings` are `EASEL_…` without the prefix, lower case."""
    own = {f"EASEL_{name.upper()}": value for name, value in settings.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**own_environment(engines), "EASEL_ADMIN_KEY": ADMIN_KEY, **own}.items():
            patch.setenv(name, value)
        await make_topics(Settings())
        app = create_app()
    gateway = Gateway(app, settings.get("public_url", "http://hub.test"))
    async with _alive(app):
        async for attempt in until_true():
            with attempt:
                answer = await gateway.client().get("/health/ready")
                assert answer.status_code == 200, answer.text
        yield gateway
