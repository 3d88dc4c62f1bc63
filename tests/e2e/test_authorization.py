"""Who may do what, at every address of the hub: one row each, and no address without a row.

A row says how each kind of caller is answered. Addresses of the API are called with keys, pages with sessions. The
*owner* is the creator of the model in question; the *reader* is the owner's key with the scope `read` alone.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.app import create_app
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


# Open to everybody: health, reading, contracts, signed and public bytes.
for _path in ("/health/live", "/health/ready", "/metrics", "/api/v1/models", "/api/v1/enums", "/asyncapi.json"):
    plain("GET", _path, everybody(200))
for _path in ("/", "/models", "/docs/api", "/schema", "/schema/openapi.json"):
    plain("GET", _path, everybody(200))
plain("GET", "/schema/{path:str}", everybody(404), "/schema/nothing")
for _method in ("GET", "HEAD"):
    plain(_method, "/static/{file_path:path}", everybody(200), "/static/easel.css")
    plain(_method, "/image/{key:str}/{options:str}/{name:str}", everybody(404), "/image/none/original/x.png")
    plain(_method, "/store/files/{token:str}/{name:str}", everybody(403), "/store/files/forged/x")
    row(_method, "/api/download/models/{version_id:str}", everybody(307))(
        lambda world, _caller: Request(f"/api/download/models/{world.shapes.version_id}")
    )
plain("PUT", "/store/parts/{token:str}", everybody(403), "/store/parts/forged", content=b"x")
for _template, _name in (
    ("/api/v1/models/{model_id:str}", "model_id"),
    ("/api/v1/model-versions/{version_id:str}", "version_id"),
    ("/models/{model_id:int}", "model_id"),
    ("/models/{model_id:int}/previews", "model_id"),
    ("/models/{model_id:int}/files", "model_id"),
):

    def _published(world: World, _caller: str, template: str = _template, name: str = _name) -> Request:
        return Request(re.sub(r"\{.*?\}", str(getattr(world.shapes, name)), template))

    row("GET", _template, everybody(200))(_published)


@row("GET", "/models/{model_id:int}/{slug:str}", everybody(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/models/{world.shapes.model_id}/quayside-shapes")


@row("GET", "/model-versions/{version_id:int}", everybody(302))
def _(world: World, _caller: str) -> Request:
    return Request(f"/model-versions/{world.shapes.version_id}")


for _method, _template in (
    ("GET", "/api/models/{creator:str}/{name:str}"),
    ("GET", "/api/models/{creator:str}/{name:str}/revision/{rest:path}"),
    ("GET", "/api/models/{creator:str}/{name:str}/tree/{rest:path}"),
    ("HEAD", "/{creator:str}/{name:str}/resolve/{rest:path}"),
    ("GET", "/{creator:str}/{name:str}/resolve/{rest:path}"),
):

    def _repository(world: World, _caller: str, template: str = _template) -> Request:
        rest = f"main/{world.shapes.path.name}" if "resolve" in template else "main"
        path = template.replace("{creator:str}", "admin").replace("{name:str}", "Quayside-Shapes")
        return Request(path.replace("{rest:path}", rest))

    row(_method, _template, everybody(302 if (_method, "resolve" in _template) == ("GET", True) else 200))(_repository)


@row("GET", "/api/v1/model-versions/by-hash/{file_hash:str}", everybody(200))
def _(world: World, _caller: str) -> Request:
    sha256 = world.hub.version(world.shapes.version_id)["files"][0]["sha256"]
    return Request(f"/api/v1/model-versions/by-hash/{sha256}")


# Publishing: creators, each their own. An administrator has the owner's rights; moderators see drafts, others do not.
# An upload is its owner's alone.
def owners(status: int) -> Statuses:
    """The owner's and administrators'; who may not know of it learns nothing."""
    return (401, 403, 404, status, 403, status, 403)


def uploaders(status: int) -> Statuses:
    """Its owner's alone."""
    return (401, 403, 404, status, 404, 404, 403)


@row("POST", "/api/hub/models", (401, 403, 201, 201, 201, 201, 403))
def _(_world: World, _caller: str) -> Request:
    return Request("/api/hub/models", {"name": f"Matrix {secrets.token_hex(4)}", "type": "LORA"})


@row("GET", "/api/hub/models/{model_id:int}", (404, 404, 404, 200, 200, 200, 200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.draft()['modelId']}")


@row("PATCH", "/api/hub/models/{model_id:int}", owners(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.draft()['modelId']}", {"description": "Changed."})


@row("DELETE", "/api/hub/models/{model_id:int}", owners(204))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.draft()['modelId']}")


@row("POST", "/api/hub/models/{model_id:int}/versions", owners(201))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.draft()['modelId']}/versions", {"name": "v2", "baseModel": "Other"})


@row("GET", "/api/hub/versions/{version_id:int}", (404, 404, 404, 200, 200, 200, 200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.draft()['id']}")


@row("POST", "/api/hub/versions/{version_id:int}/publish", owners(409))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.draft()['id']}/publish")  # without a file: refused for that alone


@row("DELETE", "/api/hub/versions/{version_id:int}/files/{file_id:int}", owners(204))
def _(world: World, _caller: str) -> Request:
    upload = world.upload()
    return Request(f"/api/hub/versions/{upload['versionId']}/files/{upload['fileId']}")


@row("POST", "/api/hub/versions/{version_id:int}/uploads", owners(201))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.draft()['id']}/uploads", {"name": "x.safetensors", "sizeBytes": 4096})


plain("GET", "/api/hub/uploads", (401, 403, 200, 200, 200, 200, 403))


@row("GET", "/api/hub/uploads/{upload_id:uuid}", uploaders(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/uploads/{world.upload()['id']}")


@row("DELETE", "/api/hub/uploads/{upload_id:uuid}", uploaders(204))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/uploads/{world.upload()['id']}")


@row("POST", "/api/hub/uploads/{upload_id:uuid}/urls", uploaders(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/uploads/{world.upload()['id']}/urls", {"parts": [1]})


@row("POST", "/api/hub/uploads/{upload_id:uuid}/complete", uploaders(200))
def _(world: World, _caller: str) -> Request:
    upload = world.upload()
    part = world.hub.send_part(world.keys["owner"], upload, world.file, 1)
    return Request(f"/api/hub/uploads/{upload['id']}/complete", {"parts": [part]})


# Community: everybody with an account, about what is published; moderators remove what others said.
@row("GET", "/api/hub/models/{model_id:int}/reviews", everybody(200))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/models/{world.shapes.model_id}/reviews")


@row("POST", "/api/hub/versions/{version_id:int}/reviews", (401, 201, 201, 201, 201, 201, 403))
def _(world: World, _caller: str) -> Request:
    return Request(f"/api/hub/versions/{world.shapes.version_id}/reviews", {"recommended": True})


@row("DELETE", "/api/hub/reviews/{review_id:int}", (401, 403, 403, 204, 204, 204, 403))
def _(world: World, _caller: str) -> Request:
    path = f"/api/hub/versions/{world.shapes.version_id}/reviews"
    review = created(world.keys["owner"].post(path, json={"recommended": True, "text": "The owner's."}))
    return Request(f"/api/hub/reviews/{review['id']}")


@row("POST", "/api/hub/reports", (401, 201, 201, 201, 201, 201, 403))
def _(world: World, _caller: str) -> Request:
    return Request("/api/hub/reports", {"subjectType": "model", "subjectId": world.shapes.model_id, "reason": "other"})


# Moderation.
plain("GET", "/api/hub/moderation/reports", (401, 403, 403, 403, 200, 200, 403))
plain(
    "POST", "/api/hub/moderation/takedowns", (401, 403, 403, 403, 404, 404, 403),
    json={"modelId": 2_000_000_000, "reason": "There is no such model."},
)  # fmt: skip
plain(
    "DELETE", "/api/hub/moderation/takedowns/{model_id:int}", (401, 403, 403, 403, 404, 404, 403),
    "/api/hub/moderation/takedowns/2000000000",
)  # fmt: skip


# Accounts and keys.
plain("GET", "/api/hub/accounts", (401, 403, 403, 403, 403, 200, 403))


@row("POST", "/api/hub/accounts", (401, 403, 403, 403, 403, 201, 403))
def _(_world: World, _caller: str) -> Request:
    return Request("/api/hub/accounts", {"username": f"user_{secrets.token_hex(4)}", "role": "member"})


@row("PATCH", "/api/hub/accounts/{account_id:int}", (401, 403, 403, 403, 403, 200, 403))
def _(world: World, _caller: str) -> Request:
    body = {"username": f"user_{secrets.token_hex(4)}", "role": "member"}
    account = created(world.hub.admin.post("/api/hub/accounts", json=body))
    return Request(f"/api/hub/accounts/{account['id']}", {"restricted": True})


plain("GET", "/api/hub/me", (401, 200, 200, 200, 200, 200, 200))
plain("POST", "/api/hub/me/password", (401, 400, 400, 400, 400, 400, 403), json={"password": "short"})
plain("GET", "/api/hub/keys", (401, 200, 200, 200, 200, 200, 200))
plain("POST", "/api/hub/keys", (401, 201, 201, 201, 201, 201, 403), json={"name": "another"})


@row("DELETE", "/api/hub/keys/{key_id:uuid}", (401, 404, 404, 204, 404, 404, 403))
def _(world: World, _caller: str) -> Request:
    made = created(world.keys["owner"].post("/api/hub/keys", json={"name": "to be revoked"}))
    return Request(f"/api/hub/keys/{made['id']}")


# Signing in and out, and one's own account: who is not signed in is led to the form (303).
_MINE = (303, 200, 200, 200, 200, 200, 303)
plain("GET", "/sign-in", (200, 303, 303, 303, 303, 303, 200))
plain("POST", "/sign-in", everybody(401), form={"username": "nobody", "password": "wrong"})
plain("GET", "/sign-up", everybody(404))
plain("POST", "/sign-up", everybody(404), form={"username": "somebody", "password": PASSWORD})
plain("GET", "/sign-in/provider", everybody(404))
plain("GET", "/sign-in/provider/return", everybody(404))
plain("GET", "/account", _MINE)
plain("GET", "/account/keys", _MINE)
plain("POST", "/account/keys", _MINE, form={"name": "made on a page", "rights": "all"})
plain("POST", "/account/password", (303, 403, 403, 403, 403, 403, 303), form={"current": "x", "password": PASSWORD})
plain("POST", "/account/sessions/end-others", everybody(303), form={})


@row("POST", "/account/keys/{key_id:uuid}/revoke", (303, 404, 404, 303, 404, 404, 303))
def _(world: World, _caller: str) -> Request:
    made = created(world.keys["owner"].post("/api/hub/keys", json={"name": "to be revoked"}))
    return Request(f"/account/keys/{made['id']}/revoke", form={})


@row("POST", "/account/sessions/{session_id:uuid}/end", (303, 404, 404, 303, 404, 404, 303))
def _(world: World, _caller: str) -> Request:
    other = httpx.Client(base_url=world.hub.url, timeout=30)
    post_form(other, "/sign-in", {"username": world.names["owner"], "password": PASSWORD})
    page = world.browsers["owner"].get("/account").text
    found = re.search(r"/account/sessions/[0-9a-f-]+/end", page)
    assert found
    return Request(found[0], form={})


@row("POST", "/models/{model_id:int}/versions/{version_id:int}/review", everybody(303))
def _(world: World, _caller: str) -> Request:
    path = f"/models/{world.shapes.model_id}/versions/{world.shapes.version_id}/review"
    return Request(path, form={"recommended": "yes", "text": "Good."})


@row("POST", "/models/{model_id:int}/report", everybody(303))
def _(world: World, _caller: str) -> Request:
    return Request(f"/models/{world.shapes.model_id}/report", form={"reason": "other"})


plain("POST", "/sign-out", everybody(303), form={})  # the last row: it ends the sessions of the others


def routes() -> Iterator[tuple[str, str]]:
    """Every method and address that the gateway answers, as the application itself lists them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EASEL_SECRET", "-" * 32)
        for route in create_app().routes:
            for method in route.methods - {"OPTIONS"}:
                yield method, route.path


@pytest.fixture(scope="module")
def world(hub: HubDriver, shapes: Shared, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(hub, shapes, tmp_path_factory.mktemp("matrix"))


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    assert set(ROWS) == set(routes())


@pytest.mark.parametrize(("method", "template"), list(ROWS), ids=[" ".join(address) for address in ROWS])
def test_address_answers_each_caller_as_its_row_says(world: World, method: str, template: str) -> None:
    make, wanted = ROWS[method, template]
    answered = []
    for caller in CALLERS:
        request = make(world, caller)
        if request.form is not None:
            answer = post_form(world.browsers[caller], request.path, request.form)
        else:
            is_page = not template.startswith(("/api/", "/store/"))
            client = world.browsers[caller] if is_page else world.keys[caller]
            answer = client.request(method, request.path, json=request.json, content=request.content)
        answered.append(answer.status_code)
    assert dict(zip(CALLERS, answered, strict=True)) == dict(zip(CALLERS, wanted, strict=True))


def test_a_form_that_was_not_signed_in_for_did_nothing(world: World) -> None:
    """Its answer is a redirect as well: to the form for signing in."""
    stranger = httpx.Client(base_url=world.hub.url, timeout=30)
    path = f"/models/{world.shapes.model_id}/versions/{world.shapes.version_id}/review"
    answer = post_form(stranger, path, {"recommended": "no", "text": "By nobody."})
    assert answer.headers["location"].startswith("/sign-in")
    reviews = world.hub.anonymous.get(f"/api/hub/models/{world.shapes.model_id}/reviews").json()["items"]
    assert "By nobody." not in [review["text"] for review in reviews]
