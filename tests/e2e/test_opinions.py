"""What people who are signed in say of a model by the forms of its page."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, eventually

PASSWORD = "correct horse battery"


class Person:
    """Somebody with a browser."""

    def __init__(self, hub: HubDriver, key_holder: httpx.Client, name: str) -> None:
        self.name = name
        self.browser = httpx.Client(base_url=hub.url, timeout=30)
        assert key_holder.post("/api/hub/me/password", json={"password": PASSWORD}).status_code == 204
        assert self.send("/sign-in", "/sign-in", username=name, password=PASSWORD).status_code == 303

    def send(self, path: str, page: str, **form: str) -> httpx.Response:
        """Send a form of a page."""
        found = re.search(r'name="_csrf_token" value="([0-9a-f]+)"', self.browser.get(page).text)
        assert found, page
        return self.browser.post(path, data={"_csrf_token": found[1], **form})


@pytest.fixture
def person(hub: HubDriver) -> Person:
    name, client = hub.new_account("member")
    return Person(hub, client, name)


def test_a_review_by_form_is_on_the_page_one_is_led_back_to(hub: HubDriver, shapes: Shared, person: Person) -> None:
    page = f"/models/{shapes.model_id}"
    form = {"recommended": "no", "text": "Too **round** for me."}
    answer = person.send(f"{page}/versions/{shapes.version_id}/review", page, **form)
    assert answer.status_code == 303
    shown = person.browser.get(answer.headers["location"]).text
    assert "Your review is posted." in shown
    assert "Too <strong>round</strong> for me." in shown
    assert f'<span dir="auto">{person.name}</span>' in shown


def test_a_report_by_form_reaches_the_moderators(hub: HubDriver, shapes: Shared, person: Person) -> None:
    page = f"/models/{shapes.model_id}"
    answer = person.send(f"{page}/report", page, reason="mislabelled", details="It draws circles.")
    assert "Thank you" in person.browser.get(answer.headers["location"]).text

    def queued() -> bool:
        items = hub.admin.get("/api/hub/moderation/reports", params={"limit": 100}).json()["items"]
        return any((r["reporter"], r["reason"]) == (person.name, "mislabelled") for r in items)

    eventually(queued)


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/versions/{version}/review", {"text": "No verdict."}, 400),
        ("/versions/999999/review", {"recommended": "yes"}, 404),
        ("/report", {"reason": "because"}, 400),
    ],
)
def test_what_cannot_be_taken_is_said_with_a_way_back(
    shapes: Shared, person: Person, path: str, form: dict[str, str], status: int
) -> None:
    page = f"/models/{shapes.model_id}"
    answer = person.send(page + path.format(version=shapes.version_id), page, **form)
    assert answer.status_code == status
    assert f'href="{page}">Back</a>' in answer.text


def test_ones_own_model_is_not_reviewed_by_form_either(hub: HubDriver, shapes: Shared) -> None:
    owner = Person(hub, hub.admin, "admin")
    page = f"/models/{shapes.model_id}"
    answer = owner.send(f"{page}/versions/{shapes.version_id}/review", page, recommended="yes", text="Mine.")
    assert answer.status_code == 403
