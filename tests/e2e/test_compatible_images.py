"""`/api/v1/images` of a hub with drawn pictures."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest

from tests.e2e.compatible import follow, get, read
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, eventually


@pytest.fixture(scope="module")
def drawn(hub: HubDriver, shapes: Shared) -> list[Json]:
    """The pictures of the demo's checkpoint, newest first, with everything that is shown of them."""
    assert hub.wait_previews(shapes.version_id)["previews"]["status"] == "done"
    query = {"modelVersionId": shapes.version_id, "withMeta": "true", "withTags": "true"}

    def shown() -> list[Json]:
        items: list[Json] = read(hub, "/images", **query)["items"]
        assert len(items) == hub.version(shapes.version_id)["previews"]["done"]
        return items

    return eventually(shown)


def test_a_picture_has_everything_that_tools_read(hub: HubDriver, shapes: Shared, drawn: list[Json]) -> None:
    item = drawn[0]
    assert item["meta"]["prompt"]
    assert item["meta"]["Model hash"] == hashlib.sha256(shapes.path.read_bytes()).hexdigest()[:10]
    assert (item["nsfwLevel"], item["nsfw"], item["browsingLevel"], item["type"]) == ("None", False, 1, "image")
    assert item["postId"] == shapes.version_id
    assert shapes.version_id in item["modelVersionIds"]
    assert (item["username"], item["baseModel"]) == ("admin", "Other")
    assert [tag["name"] for tag in item["tags"]] == ["quayside"]
    assert set(item["stats"].values()) == {0}
    assert httpx.get(item["url"]).headers["content-type"].startswith("image/")
    plain = read(hub, "/images", imageId=item["id"])["items"]
    assert plain == [{**{name: value for name, value in item.items() if name != "tags"}, "meta": None}]


def test_generation_data_is_wrapped_for_one_model_unless_flat(
    hub: HubDriver, shapes: Shared, drawn: list[Json]
) -> None:
    item = drawn[0]
    wrapped = {"id": item["id"], "meta": item["meta"]}
    for query, meta in (
        ({"imageId": item["id"], "withMeta": "true"}, wrapped),
        ({"modelId": shapes.model_id, "withMeta": "true"}, wrapped),
        ({"modelId": shapes.model_id, "withMeta": "true", "flatMeta": "true"}, item["meta"]),
        ({"modelVersionId": shapes.version_id, "withMeta": "yes"}, item["meta"]),
        ({"modelVersionId": shapes.version_id, "flatMeta": "true"}, None),
    ):
        assert read(hub, "/images", **query)["items"][0]["meta"] == meta, query


@pytest.mark.parametrize("sort", ["Most Reactions", "Newest", "Oldest"])
def test_pages_of_pictures_end_and_hold_each_once(hub: HubDriver, shapes: Shared, drawn: list[Json], sort: str) -> None:
    ids = [item["id"] for item in drawn]
    found = follow(hub, "/images", modelVersionId=shapes.version_id, limit=1, sort=sort, unknown="kept", token="")
    assert found == (ids[::-1] if sort == "Oldest" else ids)
    everything = follow(hub, "/images", limit=2, nsfw="X", sort=sort)
    assert len(everything) == len(set(everything))
    assert set(ids) <= set(everything)


def test_the_next_page_keeps_what_was_sent(hub: HubDriver, shapes: Shared, drawn: list[Json]) -> None:
    query = {"modelVersionId": shapes.version_id, "limit": 1, "page": 2, "unknown": "a b", "empty": "", "token": "abc"}
    page = read(hub, "/images", **query)
    assert [item["id"] for item in page["items"]] == [drawn[1]["id"]]
    assert (page["metadata"]["currentPage"], page["metadata"]["pageSize"]) == (2, 1)
    if len(drawn) > 2:
        sent = dict(parse_qsl(urlsplit(page["metadata"]["nextPage"]).query))
        assert sent == {
            "modelVersionId": str(shapes.version_id), "limit": "1", "unknown": "a b", "token": "abc",
            "cursor": page["metadata"]["nextCursor"],
        }  # fmt: skip


def test_filters_of_pictures(hub: HubDriver, shapes: Shared, drawn: list[Json]) -> None:
    ids, first = [item["id"] for item in drawn], drawn[0]
    tag = first["tags"][0]["id"]
    owner = read(hub, f"/models/{shapes.model_id}")["userId"]
    for query, expected in (
        ({"modelId": shapes.model_id}, ids),
        ({"postId": shapes.version_id}, ids),
        ({"modelId": 2147483647, "modelVersionId": shapes.version_id}, ids),
        ({"modelVersionId": shapes.version_id, "username": "ADMIN"}, ids),
        ({"modelVersionId": shapes.version_id, "userId": owner}, ids),
        ({"modelVersionId": shapes.version_id, "userId": 2147483647}, []),
        ({"modelVersionId": shapes.version_id, "tags": f"{tag},2147483647"}, ids),
        ({"modelVersionId": shapes.version_id, "tags": 2147483647}, []),
        ({"modelVersionId": shapes.version_id, "baseModels": "Other,Pony"}, ids),
        ({"modelVersionId": shapes.version_id, "baseModels": "Pony"}, []),
        ({"modelVersionId": shapes.version_id, "type": "image", "period": "Day"}, ids),
        ({"modelVersionId": shapes.version_id, "type": "video"}, []),
        ({"modelVersionId": shapes.version_id, "nsfw": "true"}, []),
        ({"modelVersionId": shapes.version_id, "nsfw": "Blocked"}, []),
        ({"modelVersionId": shapes.version_id, "nsfw": "X"}, ids),
        ({"modelVersionId": shapes.version_id, "browsingLevel": 1, "nsfw": "true"}, ids),
        ({"modelVersionId": shapes.version_id, "requiringMeta": "true"}, []),
        ({"modelVersionId": 2147483647}, []),
        ({"imageId": first["id"]}, [first["id"]]),
        ({"imageId": 2147483647}, []),
    ):
        page = read(hub, "/images", **query)
        assert [item["id"] for item in page["items"]] == expected, query
        assert page["metadata"] == {}, query


def test_refusals_of_pictures(hub: HubDriver, shapes: Shared) -> None:
    for query, path in (({"limit": 201}, "limit"), ({"sort": ""}, "sort"), ({"baseModels": "Nope"}, "baseModels")):
        error = get(hub, "/images", 400, **query).json()["error"]
        assert (error["name"], msgspec.json.decode(error["message"])[0]["path"]) == ("ZodError", [path])
    assert get(hub, "/images", 404, username="nobody_of_that_name").json() == {
        "error": "User not found", "code": "NOT_FOUND",
    }  # fmt: skip
    for asked in (f"modelId={shapes.model_id}&sort=Random", "cursor=made up"):
        assert get(hub, f"/images?{asked}", 400).json()["code"] == "BAD_REQUEST"
    text = "You've requested too many pages, please use cursors instead"
    for path in ("/images", "/models"):
        answer = get(hub, path, 429, page=11, limit=100)
        assert answer.json() == {"error": text}


def test_a_model_that_is_taken_down_takes_its_pictures_along(hub: HubDriver, sketch: Shared) -> None:
    hub.wait_previews(sketch.version_id)
    query = {"modelId": sketch.model_id}
    eventually(lambda: read(hub, "/images", **query)["items"])
    file_id = hub.version(sketch.version_id)["files"][0]["id"]
    taken = hub.admin.post("/api/hub/moderation/takedowns", json={"modelId": sketch.model_id, "reason": "a test"})
    assert taken.status_code == 202
    try:
        eventually(lambda: not read(hub, "/images", **query)["items"])
        assert get(hub, f"/model-files/{file_id}/tensor-metadata", 410).json() == {
            "error": "Model archived, not available"
        }
    finally:
        assert hub.admin.delete(f"/api/hub/moderation/takedowns/{sketch.model_id}").status_code == 202
    eventually(lambda: read(hub, "/images", **query)["items"])
