"""Who may do what, at every address of the hub: one row each, and no address without a row.

A row says how each kind of caller is answered. Addresses of the API are called with keys, pages with sessions. The
*owner* is the creator of the model in question; the *reader* is the owner's key with the scope `read` alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from services.gateway.app import create_app
from tests.e2e.authorization import compatible, hub_api, pages, reading  # noqa: F401 - each fills the table
from tests.e2e.authorization.table import CALLERS, ROWS, World, post_form
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver


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
