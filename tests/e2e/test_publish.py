"""From a file on disk to a model that is found, shown and drawn, in the shapes of the compatible API."""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from blake3 import blake3
from PIL import Image

from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, eventually, small_safetensors

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FILE_KEYS = {
    "id", "sizeKB", "name", "overrideName", "type", "metadata", "pickleScanResult", "pickleScanMessage",
    "virusScanResult", "virusScanMessage", "scannedAt", "hashes", "downloadUrl", "primary",
}  # fmt: skip
IMAGE_KEYS = {
    "url", "nsfwLevel", "width", "height", "hash", "type", "minor", "poi", "hasMeta", "hasPositivePrompt", "onSite",
    "remixOfId",
}  # fmt: skip
VERSION_KEYS = {
    "id", "index", "name", "baseModel", "baseModelType", "publishedAt", "availability", "nsfwLevel", "description",
    "trainedWords", "vaeId", "flags", "paidAccess", "stats", "files", "images", "downloadUrl",
}  # fmt: skip
DETAIL_KEYS = {
    "id", "modelId", "name", "nsfwLevel", "createdAt", "updatedAt", "status", "publishedAt", "trainedWords",
    "trainingStatus", "trainingDetails", "baseModel", "baseModelType", "description", "uploadType", "usageControl",
    "licensingFee", "paidAccess", "availability", "earlyAccessConfig", "earlyAccessEndsAt", "air", "stats", "model",
    "files", "images", "downloadUrl",
}  # fmt: skip
MODEL_KEYS = {
    "id", "name", "description", "allowNoCredit", "allowCommercialUse", "allowDerivatives", "allowDifferentLicense",
    "type", "minor", "sfwOnly", "poi", "nsfw", "nsfwLevel", "availability", "userId", "baseModels", "cosmetic",
    "supportsGeneration", "stats", "creator", "tags", "modelVersions",
}  # fmt: skip


def hashes_of(path: Path) -> dict[str, str]:
    """The six hashes, by their published definitions."""
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest().upper()
    return {
        "SHA256": sha256,
        "AutoV1": hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8].upper(),
        "AutoV2": sha256[:10],
        "AutoV3": hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()[:12].upper(),
        "CRC32": zlib.crc32(data).to_bytes(4, "little").hex().upper(),
        "BLAKE3": blake3(data).hexdigest().upper(),
    }


def images_of(hub: HubDriver, version_id: int) -> list[Json]:
    """Those that were drawn."""
    images: list[Json] = hub.anonymous.get(f"/api/v1/model-versions/{version_id}").json()["images"]
    return [image for image in images if image["hasMeta"]]


def picture(url: str) -> tuple[str, Json, Image.Image]:
    """A preview's `parameters` text, its full recipe, and the picture."""
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return str(image.info["parameters"]), json.loads(str(image.info["easel"])), image


def test_a_published_checkpoint_is_found_by_its_name(hub: HubDriver, shapes: Shared) -> None:
    assert hub.search("quayside shapes")[0] == shapes.model_id
    assert shapes.model_id in hub.search("tiny-shapes")
    assert shapes.model_id in hub.search("", tag="quayside")
    assert shapes.model_id not in hub.search("quayside", types="VAE")


def test_a_checkpoint_gets_previews_that_carry_their_recipe(hub: HubDriver, shapes: Shared) -> None:
    previews = hub.wait_previews(shapes.version_id)["previews"]
    assert previews == {"status": "done", "done": 4, "total": 4, "reason": None}
    images = eventually(lambda: found if len(found := images_of(hub, shapes.version_id)) == 4 else None)
    assert images is not None
    sha256 = hashlib.sha256(shapes.path.read_bytes()).hexdigest()
    for shown in images:
        text, recipe, image = picture(shown["url"])
        assert image.size == (shown["width"], shown["height"]) == (128, 128)
        assert text.splitlines()[0] == recipe["prompt"] == shown["meta"]["prompt"]
        assert f"Seed: {recipe['seed']}, " in text
        assert f"Model hash: {sha256[:10]}, " in text
        assert recipe["base"]["sha256"] == sha256
        assert recipe["base"]["version_id"] == shapes.version_id
        assert recipe["adapters"] == []
        assert shown["meta"]["seed"] == recipe["seed"]
        assert shown["hasMeta"] is True
        assert len(set(image.convert("RGB").getdata())) > 50, "the picture is nearly one colour"
    assert len({shown["url"] for shown in images}) == 4


def test_a_picture_is_served_under_every_transform_that_clients_write(hub: HubDriver, shapes: Shared) -> None:
    hub.wait_previews(shapes.version_id)
    url = eventually(lambda: images_of(hub, shapes.version_id)[0]["url"])
    original = httpx.get(url)
    assert "/original=true/" in url
    for transform in ("width=450", "width=512", "anim=false,width=256", "transcode=true,width=450"):
        other = httpx.get(url.replace("original=true", transform))
        assert (other.status_code, other.content) == (200, original.content)
    assert httpx.head(url).headers["content-length"] == str(len(original.content))
    assert httpx.get(url.replace("/image/", "/image/0")).status_code == 404


def test_a_lora_is_drawn_on_its_base_and_the_recipe_names_both(hub: HubDriver, shapes: Shared, sketch: Shared) -> None:
    assert hub.wait_previews(sketch.version_id)["previews"]["status"] == "done"
    images = eventually(lambda: found if len(found := images_of(hub, sketch.version_id)) == 4 else None)
    assert images is not None
    text, recipe, _ = picture(images[0]["url"])
    assert recipe["base"]["version_id"] == shapes.version_id
    assert [adapter["version_id"] for adapter in recipe["adapters"]] == [sketch.version_id]
    assert recipe["adapters"][0]["sha256"] == hashlib.sha256(sketch.path.read_bytes()).hexdigest()
    assert "<lora:tiny-sketch:1>" in text.splitlines()[0]
    assert any("pencil sketch" in picture(image["url"])[1]["prompt"] for image in images)
    resources = json.loads(text.partition("Civitai resources: ")[2])
    assert [resource["modelVersionId"] for resource in resources] == [shapes.version_id, sketch.version_id]


@pytest.mark.parametrize("kind", ["SHA256", "AutoV1", "AutoV2", "AutoV3", "CRC32", "BLAKE3"])
def test_a_file_is_found_by_every_hash_in_either_case(hub: HubDriver, shapes: Shared, kind: str) -> None:
    value = hashes_of(shapes.path)[kind]
    for written in (value, value.lower(), f"0x{value.lower()}"):
        answer = hub.anonymous.get(f"/api/v1/model-versions/by-hash/{written}")
        assert answer.status_code == 200, written
        assert answer.json()["id"] == shapes.version_id
        assert answer.json()["files"][0]["hashes"] == hashes_of(shapes.path)


@pytest.mark.parametrize("unknown", ["0" * 64, "ffffffff", "nothex", "a" * 500, "%2e%2e%2f"])
def test_an_unknown_hash_is_not_found(hub: HubDriver, unknown: str) -> None:
    answer = hub.anonymous.get(f"/api/v1/model-versions/by-hash/{unknown}")
    assert answer.status_code == 404
    assert "not found" in answer.json()["error"].lower()


def check_file(file: Json, version_id: int, size_bytes: int) -> None:
    assert set(file) == FILE_KEYS
    assert file["primary"] is True
    assert file["sizeKB"] == size_bytes / 1024
    assert file["pickleScanResult"] == "Success"
    assert (file["virusScanResult"], file["virusScanMessage"]) == (
        "Pending", "Not virus scanned: this hub has no antivirus."
    )  # fmt: skip
    assert TIME.fullmatch(file["scannedAt"])
    assert file["metadata"]["format"] == "SafeTensor"
    assert None not in file["metadata"].values()
    assert all(re.fullmatch("[0-9A-F]+", value) for value in file["hashes"].values())
    assert httpx.URL(file["downloadUrl"]).path == f"/api/download/models/{version_id}"


def check_version(version: Json, keys: set[str], size_bytes: int) -> None:
    assert set(version) == keys
    assert [file["primary"] for file in version["files"]] == [True]
    assert version["downloadUrl"] == version["files"][0]["downloadUrl"]
    assert "?" not in version["downloadUrl"]
    assert TIME.fullmatch(version["publishedAt"])
    check_file(version["files"][0], version["id"], size_bytes)


def test_a_model_has_exactly_the_keys_that_clients_expect(hub: HubDriver, shapes: Shared) -> None:
    hub.wait_previews(shapes.version_id)
    size = shapes.path.stat().st_size
    model = hub.anonymous.get(f"/api/v1/models/{shapes.model_id}").json()
    listed = hub.anonymous.get("/api/v1/models", params={"ids": shapes.model_id}).json()["items"][0]
    assert set(model) == set(listed) == MODEL_KEYS
    assert model["description"] == "<p>Drawn <em>scenes</em>.</p>"
    assert model["creator"] == {"username": "admin", "image": None}
    check_version(model["modelVersions"][0], VERSION_KEYS | {"createdAt", "status", "covered"}, size)
    check_version(listed["modelVersions"][0], VERSION_KEYS | {"supportsGeneration"}, size)
    for version in (model["modelVersions"][0], listed["modelVersions"][0]):
        assert len(version["images"]) == 4
        assert all(set(image) == IMAGE_KEYS | {"id"} for image in version["images"])


def test_a_version_has_exactly_the_keys_that_clients_expect(hub: HubDriver, shapes: Shared) -> None:
    hub.wait_previews(shapes.version_id)
    version = hub.anonymous.get(f"/api/v1/model-versions/{shapes.version_id}").json()
    check_version(version, DETAIL_KEYS, shapes.path.stat().st_size)
    assert version["model"] == {"name": shapes.name, "type": "Checkpoint", "nsfw": False, "poi": False}
    assert version["air"] == f"urn:air:other:checkpoint:civitai:{shapes.model_id}@{shapes.version_id}"
    assert all(set(image) == IMAGE_KEYS | {"metadata", "meta", "availability"} for image in version["images"])


@pytest.mark.parametrize(
    "path", ["models/2147483647", "models/0", "models/x", "model-versions/2147483647", "model-versions/99999999999"]
)
def test_a_missing_or_malformed_id_is_a_json_error(hub: HubDriver, path: str) -> None:
    answer = hub.anonymous.get(f"/api/v1/{path}")
    assert answer.status_code == (404 if path.endswith("2147483647") else 400)
    assert isinstance(answer.json()["error"], str)


def test_a_second_file_is_not_primary_and_has_an_address_of_its_own(hub: HubDriver, tmp_path: Path) -> None:
    weights = small_safetensors(tmp_path / "lantern.safetensors")
    config = tmp_path / "lantern.yaml"
    config.write_text("model: lantern\n")
    name = f"Lantern {secrets.token_hex(4)}"
    done = hub.easel(
        "publish", str(config), str(weights), "--model-name", name, "--type", "LORA", "--base-model", "Other", "--wait",
        "--json",
    )  # fmt: skip
    assert done.status == 0, done.stdout
    version = hub.anonymous.get(f"/api/v1/model-versions/{done.document['versionId']}").json()
    primary, other = version["files"]
    assert (primary["name"], primary["primary"]) == ("lantern.safetensors", True)
    assert (other["name"], other["primary"]) == ("lantern.yaml", False)
    assert other["downloadUrl"] == f"{version['downloadUrl']}?fileId={other['id']}"
    assert hub.download(version["id"]) == weights.read_bytes()
    assert hub.download(version["id"], fileId=str(other["id"])) == config.read_bytes()


def walk(hub: HubDriver, **parameters: Any) -> list[int]:
    """Ids of all pages of a listing, following `nextPage` as clients do."""
    seen: list[int] = []
    page = hub.anonymous.get("/api/v1/models", params=parameters).json()
    while True:
        assert page["items"], "an empty page reads as the end"
        seen += [model["id"] for model in page["items"]]
        if "nextCursor" not in page["metadata"]:
            assert "nextPage" not in page["metadata"]
            return seen
        following = page["metadata"]["nextPage"]
        assert isinstance(page["metadata"]["nextCursor"], str)
        assert following.startswith(hub.url)
        for name, value in parameters.items():
            assert httpx.URL(following).params[name] == str(value)
        page = httpx.get(following).json()


@pytest.mark.parametrize("sort", ["Newest", "Oldest", "Highest Rated", "Most Downloaded"])
def test_following_the_next_page_visits_every_model_once(hub: HubDriver, five: list[int], sort: str) -> None:
    found = walk(hub, tag="five", limit=2, sort=sort)
    assert sorted(found) == five
    if sort in ("Newest", "Oldest"):
        assert found == (five[::-1] if sort == "Newest" else five)
    assert sorted(walk(hub, query="windmill", limit=2)) == five


@pytest.fixture(scope="module")
def five(hub: HubDriver, tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """Ids of five models that share a tag and a word, in the order of their publication."""
    folder = tmp_path_factory.mktemp("five")
    ids = []
    for number in range(5):
        path = small_safetensors(folder / f"sail-{number}.safetensors")
        version = hub.ask_to_publish(hub.admin, f"Windmill {number} {secrets.token_hex(3)}", path, tags=["five"])
        assert hub.wait_settled(version["id"])["status"] == "Published"
        ids.append(version["modelId"])
    eventually(lambda: set(ids) <= set(hub.search("windmill")))
    return ids


def test_arrays_come_repeated_or_joined_and_empty_parameters_are_absent(hub: HubDriver, shapes: Shared) -> None:
    for query in (
        f"ids={shapes.model_id}&ids=2147483647",
        f"ids={shapes.model_id},2147483647",
        f"types=Checkpoint&types=LORA&ids={shapes.model_id}",
        f"types=Checkpoint,LORA&ids={shapes.model_id}&tag=&query=&username=&cursor=&unknown=1&page=1",
    ):
        answer = hub.anonymous.get(f"/api/v1/models?{query}")
        assert [model["id"] for model in answer.json()["items"]] == [shapes.model_id], query
    assert hub.search("", tag="no-such-tag") == []


def test_a_bad_filter_names_the_legal_values(hub: HubDriver) -> None:
    answer = hub.anonymous.get("/api/v1/models", params={"types": "Chekpoint"})
    assert answer.status_code == 400
    issues = json.loads(answer.json()["error"]["message"])
    assert issues[0]["path"] == ["types"]
    assert "Checkpoint" in issues[0]["errors"][0][0]["values"]


@pytest.mark.parametrize(
    ("tensor", "because"),
    [("decoder.conv_in.weight", "Previews of a VAE are not drawn"), ("weight", "the base model could not be told")],
)
def test_a_file_that_cannot_be_drawn_ends_with_a_reason(
    hub: HubDriver, tmp_path: Path, tensor: str, because: str
) -> None:
    path = small_safetensors(tmp_path / "undrawn.safetensors", tensor=tensor)
    report = hub.publish(path, f"Undrawn {secrets.token_hex(4)}", "VAE")
    previews = hub.wait_previews(report["versionId"])["previews"]
    assert (previews["status"], previews["done"]) == ("failed", 0)
    assert because in previews["reason"]
