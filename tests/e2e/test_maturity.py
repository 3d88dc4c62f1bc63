"""How mature pictures and models are: who says so, and what every list then shows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.compatible import read
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, eventually, small_safetensors


def _at_level(hub: HubDriver, model_id: int, level: int) -> Json | None:
    """The model, once strangers see it at that level: the gateway may keep it until it has heard of the change."""
    model = read(hub, f"/models/{model_id}")
    return model if model["nsfwLevel"] == level else None


@pytest.fixture
def pictures(hub: HubDriver, shapes: Shared) -> Iterator[list[int]]:
    """Ids of the demo checkpoint's pictures, newest first; rated PG again in the end."""
    hub.wait_previews(shapes.version_id)
    ids = eventually(lambda: [item["id"] for item in images(hub, shapes, nsfw="X")])
    yield ids
    for each in ids:
        rate(hub, "image", each, 1)
    eventually(lambda: read(hub, f"/models/{shapes.model_id}")["nsfwLevel"] == 1)


def images(hub: HubDriver, shapes: Shared, **query: Any) -> list[Json]:
    items: list[Json] = read(hub, "/images", modelVersionId=shapes.version_id, **query)["items"]
    return items


def rate(hub: HubDriver, subject: str, subject_id: int, level: int) -> Json:
    body = {"subjectType": subject, "subjectId": subject_id, "level": level, "reason": "Looked at."}
    answer = hub.admin.post("/api/hub/moderation/ratings", json=body)
    assert answer.status_code == 202, answer.text
    decision: Json = answer.json()
    return decision


def test_a_rating_reaches_every_list(hub: HubDriver, shapes: Shared, pictures: list[int]) -> None:
    mature, *others = pictures
    assert rate(hub, "image", mature, 8)["level"] == 8
    eventually(lambda: mature not in [item["id"] for item in images(hub, shapes)])
    for query, expected in (
        ({"nsfw": "None"}, others),
        ({"nsfw": "Mature"}, others),
        ({"nsfw": "X"}, pictures),
        ({"nsfw": "true"}, [mature]),
        ({"browsingLevel": 8}, [mature]),
        ({"browsingLevel": 1, "nsfw": "X"}, others),
    ):
        assert [item["id"] for item in images(hub, shapes, **query)] == expected, query
    [item] = images(hub, shapes, browsingLevel=8)
    assert (item["nsfwLevel"], item["nsfw"], item["browsingLevel"]) == ("X", True, 8)
    assert read(hub, "/images", imageId=mature) == {"items": [], "metadata": {}}
    assert read(hub, "/images", imageId=mature, nsfw="X")["items"][0]["id"] == mature
    whole = eventually(lambda: _at_level(hub, shapes.model_id, 9))
    assert whole is not None
    assert (whole["nsfwLevel"], whole["modelVersions"][0]["nsfwLevel"]) == (9, 9)
    assert sorted(image["nsfwLevel"] for image in whole["modelVersions"][0]["images"]) == [1] * len(others) + [8]
    eventually(lambda: read(hub, f"/model-versions/{shapes.version_id}")["nsfwLevel"] == 9)

    def found(**query: str) -> list[Json]:
        items = read(hub, "/models", ids=str(shapes.model_id), **query)["items"]
        return [image for item in items for image in item["modelVersions"][0]["images"]]

    assert len(found()) == len(others)
    assert len(found(nsfw="true")) == len(pictures)
    for each in others:
        rate(hub, "image", each, 4)
    eventually(lambda: found() == [])
    assert len(found(nsfw="true")) == len(pictures)


def test_a_blocked_picture_is_gone_from_everywhere(hub: HubDriver, shapes: Shared, pictures: list[int]) -> None:
    blocked = pictures[0]
    rate(hub, "image", blocked, 32)
    eventually(lambda: blocked not in [item["id"] for item in images(hub, shapes, nsfw="X")])
    assert images(hub, shapes, nsfw="Blocked") == []

    def shown() -> int:
        return len(read(hub, f"/models/{shapes.model_id}")["modelVersions"][0]["images"])

    eventually(lambda: shown() == len(pictures) - 1)


def test_publishers_propose_and_moderators_decide(hub: HubDriver, shapes: Shared, pictures: list[int]) -> None:
    path = f"/api/hub/images/{pictures[0]}"
    rate(hub, "image", pictures[0], 1)
    eventually(lambda: hub.anonymous.get(path).json()["level"] == 1)
    said = hub.admin.put(f"{path}/rating", json={"level": 16}).json()
    assert (said["level"], said["proposedLevel"], said["shownLevel"]) == (1, 16, 1)
    _, stranger = hub.new_account()
    assert stranger.put(f"{path}/rating", json={"level": 1}).status_code == 403
    assert hub.admin.put(f"{path}/rating", json={"level": 3}).status_code == 400


def test_a_model_may_be_rated_as_a_whole(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "rated.safetensors")
    version = hub.ask_to_publish(hub.admin, f"Rated {secrets.token_hex(4)}", path)
    hub.wait_settled(version["id"])
    model_id = version["modelId"]
    eventually(lambda: read(hub, "/models", ids=model_id)["items"])
    rate(hub, "model", model_id, 4)
    eventually(lambda: not read(hub, "/models", ids=model_id)["items"])
    [item] = read(hub, "/models", ids=model_id, nsfw="true")["items"]
    assert (item["nsfwLevel"], item["nsfw"]) == (4, True)
    rate(hub, "model", model_id, 1)
    eventually(lambda: read(hub, "/models", ids=model_id)["items"])
    assert hub.admin.patch(f"/api/hub/models/{model_id}", json={"nsfw": True}).status_code == 200
    eventually(lambda: not read(hub, "/models", ids=model_id)["items"])
    assert eventually(lambda: _at_level(hub, model_id, 4))
