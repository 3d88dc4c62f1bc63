"""The accounts that try every address, and the rows that say how each is answered."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, created, small_safetensors

CALLERS = ("anonymous", "member", "creator", "owner", "moderator", "administrator", "reader")
PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="_csrf_token" value="([0-9a-f]+)"')
Statuses = tuple[int, int, int, int, int, int, int]


def everybody(status: int) -> Statuses:
    """The same answer for all."""
    return (status,) * 7


@dataclass(frozen=True)
class Request:
    """What is sent."""

    path: str
    json: Any = None
    form: dict[str, str] | None = None
    content: bytes | None = None


class World:
    """A hub with one account of each kind, and things of the owner's to try on."""

    def __init__(self, hub: HubDriver, shapes: Shared, folder: Path) -> None:
        self.hub = hub
        self.shapes = shapes
        self.file = small_safetensors(folder / "small.safetensors")
        roles = {"member": "member", "creator": "creator", "owner": "creator", "moderator": "moderator"}
        self.keys: dict[str, httpx.Client] = {"anonymous": hub.anonymous}
        self.names: dict[str, str] = {}
        for caller, role in {**roles, "administrator": "administrator"}.items():
            self.names[caller], self.keys[caller] = hub.new_account(role)
        limited = created(self.keys["owner"].post("/api/hub/keys", json={"name": "reader", "scopes": ["read"]}))
        self.keys["reader"] = hub.client(limited["key"])
        self.browsers = {caller: self._browser(caller) for caller in CALLERS}

    def _browser(self, caller: str) -> httpx.Client:
        """Signed in where there is an account; a reader's key is nothing to a page."""
        browser = httpx.Client(base_url=self.hub.url, timeout=30)
        if caller in self.names:
            answer = self.keys[caller].post("/api/hub/me/password", json={"password": PASSWORD})
            assert answer.status_code == 204, answer.text
            form = {"username": self.names[caller], "password": PASSWORD}
            assert post_form(browser, "/sign-in", form).status_code == 303
        return browser

    def draft(self) -> Json:
        """A draft version of the owner's."""
        return self.hub.new_version(self.keys["owner"], f"Draft {secrets.token_hex(4)}")

    def upload(self) -> Json:
        """An open upload of the owner's."""
        return self.hub.open_upload(self.keys["owner"], self.draft()["id"], self.file)


def post_form(browser: httpx.Client, path: str, form: dict[str, str]) -> httpx.Response:
    """Send a form with the token of this browser."""
    shown = browser.get("/account")
    shown = shown if shown.status_code == 200 else browser.get("/sign-in")
    found = _TOKEN.search(shown.text)
    assert found, shown.text
    return browser.post(path, data={"_csrf_token": found[1], **form})


Make = Callable[[World, str], Request]
ROWS: dict[tuple[str, str], tuple[Make, Statuses]] = {}


def row(method: str, template: str, statuses: Statuses) -> Callable[[Make], Make]:
    """Register how `method template` answers each of `CALLERS`; the function makes a request that is otherwise good."""

    def register(make: Make) -> Make:
        assert (method, template) not in ROWS, f"two rows for {method} {template}"
        ROWS[method, template] = (make, statuses)
        return make

    return register


def plain(method: str, template: str, statuses: Statuses, path: str | None = None, **more: Any) -> None:
    """A row whose request needs nothing of the world."""
    row(method, template, statuses)(lambda _world, _caller: Request(path or template, **more))
