"""What people say of models, and what moderators do about it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.hub_driver import HubDriver, Json, created, eventually, small_safetensors

SECONDS = 10.0
"""A takedown has to work within so many seconds, on a busy machine too."""


@pytest.fixture
def harbour(hub: HubDriver, tmp_path: Path) -> Json:
    """A published version of a model of its own."""
    path = small_safetensors(tmp_path / f"harbour-{secrets.token_hex(4)}.safetensors")
    _, owner = hub.new_account()
    version = hub.ask_to_publish(owner, f"Harbour {secrets.token_hex(4)}", path)
    published = hub.wait_settled(version["id"])
    eventually(lambda: version["modelId"] in hub.search("harbour"))
    return published


def thumbs(hub: HubDriver, version: Json) -> tuple[int, int]:
    """Thumbs up and down, which model, version and listing have to agree on."""
    model = hub.anonymous.get(f"/api/v1/models/{version['modelId']}").json()["stats"]
    detail = hub.anonymous.get(f"/api/v1/model-versions/{version['id']}").json()["stats"]
    assert model["thumbsUpCount"] == detail["thumbsUpCount"]
    return model["thumbsUpCount"], model["thumbsDownCount"]


def review(client: httpx.Client, version: Json, recommended: bool, text: str = "") -> httpx.Response:
    body = {"recommended": recommended, "text": text}
    return client.post(f"/api/hub/versions/{version['id']}/reviews", json=body)


def test_a_review_moves_the_counters_and_a_changed_one_moves_them_back(hub: HubDriver, harbour: Json) -> None:
    _, one = hub.new_account("member")
    _, two = hub.new_account("member")
    first = eventually(lambda: created(review(one, harbour, True, "Clear water.")))
    created(review(two, harbour, True))
    eventually(lambda: thumbs(hub, harbour) == (2, 0))
    changed = review(one, harbour, False, "Murky after all.")
    assert changed.is_success
    assert changed.json()["id"] == first["id"]
    eventually(lambda: thumbs(hub, harbour) == (1, 1))
    listed = hub.anonymous.get(f"/api/hub/models/{harbour['modelId']}/reviews").json()["items"]
    assert sorted(each["text"] for each in listed) == ["", "Murky after all."]
    assert "Murky after all." in hub.anonymous.get(f"/models/{harbour['modelId']}").text
    assert review(one, harbour, True, "Clear again.").is_success
    eventually(lambda: thumbs(hub, harbour) == (2, 0))
    assert one.delete(f"/api/hub/reviews/{first['id']}").status_code == 204
    eventually(lambda: thumbs(hub, harbour) == (1, 0))
    page = hub.anonymous.get("/api/v1/models", params={"ids": harbour["modelId"]}).json()
    assert page["items"][0]["stats"]["thumbsUpCount"] == 1


def test_reviews_are_for_other_peoples_published_versions(hub: HubDriver, harbour: Json, tmp_path: Path) -> None:
    _, member = hub.new_account("member")
    eventually(lambda: created(review(member, harbour, True)))
    _, owner = hub.new_account()
    path = small_safetensors(tmp_path / "own.safetensors")
    own = hub.ask_to_publish(owner, f"Own {secrets.token_hex(4)}", path)
    hub.wait_settled(own["id"])
    eventually(lambda: review(owner, own, True).status_code == 403)
    draft = hub.new_version(owner, "Not yet")
    assert review(member, draft, True).status_code == 404
    body = {"recommended": "perhaps", "text": ""}
    assert member.post(f"/api/hub/versions/{harbour['id']}/reviews", json=body).status_code == 400
    stranger_review = member.get(f"/api/hub/models/{harbour['modelId']}/reviews").json()["items"][0]
    assert owner.delete(f"/api/hub/reviews/{stranger_review['id']}").status_code == 403


def test_reviews_are_listed_newest_first_in_pages(hub: HubDriver, harbour: Json) -> None:
    for number in range(5):
        _, member = hub.new_account("member")
        eventually(lambda member=member, number=number: created(review(member, harbour, True, f"Review {number}")))  # type: ignore[misc]
    at = f"/api/hub/models/{harbour['modelId']}/reviews"
    texts, cursor = [], None
    while True:
        page = hub.anonymous.get(at, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        texts += [each["text"] for each in page["items"]]
        if "nextCursor" not in page:
            break
        cursor = page["nextCursor"]
    assert texts == [f"Review {number}" for number in (4, 3, 2, 1, 0)]
    assert hub.anonymous.get(at, params={"cursor": "nonsense"}).status_code == 400


def report(client: httpx.Client, version: Json) -> Json:
    body = {"subjectType": "model", "subjectId": version["modelId"], "reason": "stolen", "details": "It is mine."}
    return created(client.post("/api/hub/reports", json=body))


def places(hub: HubDriver, version: Json) -> dict[str, Callable[[], bool]]:
    """Where a model can be seen, each with a look that says whether it is there."""
    file = version["files"][0]
    name = hub.admin.get(f"/api/hub/models/{version['modelId']}").json()["name"]
    issued = hub.address(version["id"])

    def answers(path: str) -> Callable[[], bool]:
        def look() -> bool:
            status = hub.anonymous.get(path).status_code
            assert status in (200, 307, 404, 410), (path, status)
            return status in (200, 307)

        return look

    return {
        "search": lambda: version["modelId"] in hub.search(name),
        "listing": lambda: version["modelId"] in hub.search("", ids=version["modelId"]),
        "page": answers(f"/models/{version['modelId']}"),
        "previews": answers(f"/models/{version['modelId']}/previews"),
        "reviews": answers(f"/api/hub/models/{version['modelId']}/reviews"),
        "hub model": answers(f"/api/hub/models/{version['modelId']}"),
        "hub version": answers(f"/api/hub/versions/{version['id']}"),
        "model": answers(f"/api/v1/models/{version['modelId']}"),
        "version": answers(f"/api/v1/model-versions/{version['id']}"),
        "hash": answers(f"/api/v1/model-versions/by-hash/{file['sha256']}"),
        "download": answers(f"/api/download/models/{version['id']}"),
        "issued address": answers(issued),
    }


def test_a_takedown_removes_a_reported_model_everywhere_and_a_restore_brings_it_back(
    hub: HubDriver, harbour: Json
) -> None:
    _, member = hub.new_account("member")
    moderator_name, moderator = hub.new_account("moderator")
    made = eventually(lambda: report(member, harbour))
    queue = moderator.get("/api/hub/moderation/reports").json()["items"]
    assert made["id"] in [each["id"] for each in queue]
    everywhere = places(hub, harbour)
    for name, look in everywhere.items():
        eventually(look, SECONDS)
        assert look(), name

    body = {"modelId": harbour["modelId"], "reason": "Stolen from another hub."}
    decision = moderator.post("/api/hub/moderation/takedowns", json=body)
    assert (decision.status_code, decision.json()["moderator"]) == (202, moderator_name)
    for name, look in everywhere.items():
        assert eventually(lambda look=look: not look(), SECONDS), name  # type: ignore[misc]
    page = hub.anonymous.get(f"/models/{harbour['modelId']}")
    assert page.status_code in (404, 410)
    assert page.headers["content-type"].startswith("text/html")
    assert hub.version(harbour["id"])["status"] == "TakenDown"
    assert hub.version(harbour["id"])["statusReason"] == "Stolen from another hub."
    closed = moderator.get("/api/hub/moderation/reports", params={"status": "closed"}).json()["items"]
    assert next(each for each in closed if each["id"] == made["id"])["decision"] == f"Taken down: {body['reason']}"
    assert moderator.post("/api/hub/moderation/takedowns", json=body).status_code == 409

    assert moderator.delete(f"/api/hub/moderation/takedowns/{harbour['modelId']}").status_code == 202
    for name, look in everywhere.items():
        assert eventually(look, SECONDS), name
    assert moderator.delete(f"/api/hub/moderation/takedowns/{harbour['modelId']}").status_code == 404


def test_a_deleted_model_is_gone_for_good(hub: HubDriver, tmp_path: Path) -> None:
    _, owner = hub.new_account()
    path = small_safetensors(tmp_path / "deleted.safetensors")
    version = hub.wait_settled(hub.ask_to_publish(owner, f"Deleted {secrets.token_hex(4)}", path)["id"])
    everywhere = places(hub, version)
    for look in everywhere.values():
        eventually(look, SECONDS)
    assert owner.delete(f"/api/hub/models/{version['modelId']}").status_code == 204
    for name, look in everywhere.items():
        assert eventually(lambda look=look: not look(), SECONDS), name  # type: ignore[misc]
    assert owner.get(f"/api/hub/models/{version['modelId']}").status_code == 404


def test_the_commands_of_moderators_do_the_same(hub: HubDriver, harbour: Json) -> None:
    model_id = str(harbour["modelId"])
    _, moderator = hub.new_account("moderator")
    key = moderator.headers["authorization"].removeprefix("Bearer ")
    eventually(lambda: hub.easel("report", model_id, "--reason", "spam", "--json", key=key).status == 0)
    assert hub.easel("review", str(harbour["id"]), "Fine.", "--up", key=key).status == 0
    assert hub.easel("takedown", model_id, "--reason", "spam", key=key).status == 0
    eventually(lambda: hub.anonymous.get(f"/api/v1/models/{model_id}").status_code == 404, SECONDS)
    assert hub.easel("get", model_id, key=hub.new_account()[1].headers["authorization"][7:]).status == 3
    assert hub.easel("restore", model_id, key=key).status == 0
    eventually(lambda: hub.anonymous.get(f"/api/v1/models/{model_id}").status_code == 200, SECONDS)
    _, member = hub.new_account("member")
    refused = hub.easel("takedown", model_id, "--reason", "x", "--json", key=member.headers["authorization"][7:])
    assert (refused.status, refused.document["error"]["status"]) == (5, 403)
