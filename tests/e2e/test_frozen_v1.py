"""Real answers of the compatible API, held against the frozen shapes and against what clients depend on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.v1.shapes import load, violations
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, created, small_safetensors

FROZEN = load()
SHAPES = FROZEN.read_shapes()
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HASHES = {"SHA256": 64, "AutoV1": 8, "AutoV2": 10, "AutoV3": 12, "CRC32": 8, "BLAKE3": 64}


class Answers:
    """One answer or more of each route, with as much in it as the hub has."""

    def __init__(self, hub: HubDriver, shapes: Shared, folder: Path) -> None:
        name, client = hub.new_account()
        key = client.headers["authorization"].removeprefix("Bearer ")
        bare = hub.ask_to_publish(client, "Bare", small_safetensors(folder / "bare.safetensors"))
        assert hub.wait_settled(bare["id"])["status"] == "Published"
        hub.wait_previews(shapes.version_id)
        hub.search("Bare")
        review = {"recommended": True, "text": "Good."}
        created(client.post(f"/api/hub/versions/{shapes.version_id}/reviews", json=review))
        collection = created(client.post("/api/hub/collections", json={"name": "Kept", "isPublic": True}))
        put = client.put(f"/api/hub/collections/{collection['id']}/models/{shapes.model_id}")
        assert put.status_code == 204, put.text
        file = hub.version(shapes.version_id)["files"][0]
        self._hub = hub
        queries = {
            "GET /models": ("?nsfw=true", "?limit=1&nsfw=true", "?limit=1&page=1", "?query=quayside",
                            f"?username={name}", "?tag=no such tag", f"?ids={bare['modelId']}&nsfw=true"),
            "GET /models/{id}": (f"/{shapes.model_id}", f"/{bare['modelId']}"),
            "GET /model-versions/{id}": (f"/{shapes.version_id}", f"/{bare['id']}"),
            "GET /model-versions/by-hash/{hash}": (f"/{file['sha256']}",),
            "GET /model-versions/mini/{id}": (f"/{shapes.version_id}", f"/{bare['id']}"),
            "GET /images": (f"?modelId={shapes.model_id}&nsfw=X&withMeta=true&withTags=true", "?nsfw=X&limit=1",
                            f"?modelVersionId={shapes.version_id}&withMeta=true&nsfw=X&page=1"),
            "GET /creators": ("", f"?query={name}", "?limit=1&page=2"),
            "GET /tags": ("", "?query=q", "?limit=1"),
            "GET /users": ("", f"?query={name}"),
            "GET /me": (f"?token={key}",),
            "GET /enums": ("",),
            "GET /articles": ("",),
            "GET /collections": ("", "?nsfw=true"),
            "GET /collections/{id}": (f"/{collection['id']}",),
            "GET /permissions/check": (f"?entityIds={bare['id']},1,2147483647",),
            "GET /model-files/{id}/tensor-metadata": (f"/{file['id']}/tensor-metadata",),
        }  # fmt: skip
        self.found: dict[str, list[Any]] = {
            route: [self._get(route, query) for query in each] for route, each in queries.items()
        }
        for route in ("POST /model-versions/by-hash", "POST /model-versions/by-hash/ids"):
            answer = hub.anonymous.post(f"/api/v1{route.removeprefix('POST ')}", json=[file["sha256"], "0" * 64])
            assert answer.status_code == 200, answer.text
            assert answer.json()
            self.found[route] = [answer.json()]

    def _get(self, route: str, query: str) -> Any:
        path = re.sub(r"/\{.*", "", route.removeprefix("GET "))
        answer = self._hub.anonymous.get(f"/api/v1{path}{query}")
        assert answer.status_code == 200, f"{route} {query}: {answer.text}"
        return answer.json()

    def things(self, route: str) -> list[Json]:
        """The models or versions in the answers of a route."""
        return [thing for found in self.found[route] for thing in found.get("items", [found])]

    def versions(self) -> Iterator[tuple[str, Json]]:
        """Every version, in every form that has files."""
        for route in ("GET /models", "GET /models/{id}"):
            for model in self.things(route):
                yield from ((route, version) for version in model["modelVersions"])
        for route in ("GET /model-versions/{id}", "GET /model-versions/by-hash/{hash}"):
            yield from ((route, version) for version in self.things(route))
        yield from (("POST /model-versions/by-hash", each) for each in self.found["POST /model-versions/by-hash"][0])


@pytest.fixture(scope="module")
def answers(hub: HubDriver, shapes: Shared, sketch: Shared, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return Answers(hub, shapes, tmp_path_factory.mktemp("frozen"))


@pytest.mark.parametrize("route", FROZEN.routes)
def test_answers_have_the_frozen_shape(answers: Answers, route: str) -> None:
    for found in answers.found[route]:
        assert violations(found, FROZEN.routes[route], SHAPES, FROZEN.always_in.get(route, [])) == []


def test_something_of_everything_was_looked_at(answers: Answers) -> None:
    assert all(answers.found[route] for route in FROZEN.routes)
    assert {route for route, _ in answers.versions()} == {
        "GET /models", "GET /models/{id}", "GET /model-versions/{id}", "GET /model-versions/by-hash/{hash}",
        "POST /model-versions/by-hash",
    }  # fmt: skip
    assert any(version["images"] for _, version in answers.versions())
    assert any(item["tags"] and item["meta"] for item in answers.things("GET /images") if "tags" in item)


# What clients depend on beside the types


def test_sizes_are_exact_and_hashes_complete_in_upper_case(answers: Answers) -> None:
    for route, version in answers.versions():
        for file in version["files"]:
            assert type(file["sizeKB"]) is float or file["sizeKB"] * 1024 % 1 == 0, route
            assert (file["sizeKB"] * 1024).is_integer(), route
            lengths = {name: len(value) for name, value in file["hashes"].items()}
            assert {"AutoV1": 8} | lengths == HASHES, route  # which a file has from its second megabyte on
            assert "AutoV1" in lengths or file["sizeKB"] < 1088, route
            assert all(re.fullmatch("[0-9A-F]+", value) for value in file["hashes"].values()), route
            assert MOMENT.fullmatch(file["scannedAt"]), route
            assert None not in file["metadata"].values(), route


def test_one_file_of_each_version_is_the_primary_one_and_it_comes_first(answers: Answers) -> None:
    for route, version in answers.versions():
        assert [file["primary"] for file in version["files"]] == [True] + [False] * (len(version["files"]) - 1), route
        address = version["downloadUrl"]
        assert version["files"][0]["downloadUrl"] == address, route
        assert "?" not in address and address.endswith(f"/api/download/models/{version['id']}"), route


def test_moments_have_milliseconds_and_a_zone(answers: Answers) -> None:
    for route, version in answers.versions():
        needed = {"publishedAt"} | ({"createdAt"} if route != "GET /models" else set())
        needed |= {"updatedAt"} if "/model-versions" in route else set()
        for name in needed:
            assert MOMENT.fullmatch(version[name]), (route, name)
    assert all(MOMENT.fullmatch(item["createdAt"]) for item in answers.things("GET /images"))


def test_the_last_page_has_no_next_one_at_all(answers: Answers) -> None:
    for route in ("GET /models", "GET /images"):
        for found in answers.found[route]:
            metadata = found["metadata"]
            assert ("nextPage" in metadata) == ("nextCursor" in metadata), route
            assert "nextCursor" not in metadata or (found["items"] and metadata["nextCursor"]), route


def test_descriptions_of_models_are_texts_and_uses_are_names(answers: Answers) -> None:
    for route in ("GET /models", "GET /models/{id}"):
        for model in answers.things(route):
            assert isinstance(model["description"], str), route
            assert set(model["allowCommercialUse"]) <= {"None", "Image", "RentCivit", "Rent", "Sell"}, route


def test_pictures_name_their_level(answers: Answers) -> None:
    for item in answers.things("GET /images"):
        assert item["nsfwLevel"] in ("None", "Soft", "Mature", "X")
        assert item["nsfw"] is (item["nsfwLevel"] != "None")
        assert item["browsingLevel"] in (1, 2, 4, 8, 16)


def test_a_version_tells_of_its_model_and_of_early_access(answers: Answers) -> None:
    for version in answers.things("GET /model-versions/{id}"):
        assert version["earlyAccessConfig"] == {}
        assert version["earlyAccessEndsAt"] is None
        assert set(version["model"]) >= {"name", "type", "nsfw", "poi"}
        assert version["air"].startswith("urn:air:")
