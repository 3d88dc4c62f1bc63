"""What the hub does not take, and how it says so: what is wrong, where, and what to do; nothing is left half made."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.demonstration import write_dangerous_file
from tests.hub_driver import HubDriver, Json, created, publish_arguments, small_safetensors


def check_problem(answer: httpx.Response, status: int, *words: str) -> Json:
    """The answer is a complete problem document of that status that has all these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: Json = answer.json()
    assert set(problem) >= {"type", "title", "status", "detail", "correlationId"}
    assert problem["status"] == status
    assert problem["correlationId"] == answer.headers["x-correlation-id"]
    for word in words:
        assert word in answer.text, answer.text
    return problem


def next_model_id(hub: HubDriver) -> int:
    """The id that the next model gets, less one for the model that finds it out."""
    made: int = created(hub.admin.post("/api/hub/models", json={"name": "Probe", "type": "LORA"}))["id"]
    return made


def truncated(path: Path) -> bytes:
    return small_safetensors(path).read_bytes()[:-100]


def pickle_named_safetensors(path: Path) -> bytes:
    return write_dangerous_file(path.parent).read_bytes()


FILES: dict[str, tuple[Any, str, str]] = {
    "truncated": (truncated, "invalid", "safetensors"),
    "a web page": (lambda _path: b"<!doctype html><html><body>Log in</body></html>" * 40, "invalid", "web page"),
    "a header of nonsense": (lambda _path: b"\xff" * 5000, "invalid", ""),
    "a pickle in disguise": (pickle_named_safetensors, "dangerous", ""),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_not_what_its_name_says_is_refused_with_a_finding(
    hub: HubDriver, tmp_path: Path, kind: str
) -> None:
    make, state, word = FILES[kind]
    path = tmp_path / "wolf.safetensors"
    path.write_bytes(make(path))
    version = hub.ask_to_publish(hub.admin, f"Wolf {secrets.token_hex(4)}", path)
    refused = hub.wait_settled(version["id"])
    file = refused["files"][0]
    assert refused["status"] == "Refused"
    assert file["state"] in (state, "invalid")
    assert file["findings"][0]["code"]
    assert len(file["findings"][0]["message"]) > 20
    assert word in (file["findings"][0]["message"] + file["findings"][0]["code"]).lower()
    assert refused["statusReason"].startswith(f"wolf.safetensors is {file['state']}: ")
    assert refused["previews"]["status"] == "none"
    assert hub.search("wolf", ids=version["modelId"]) == []


def test_a_dangerous_pickle_is_refused_by_the_command_and_never_published(hub: HubDriver, tmp_path: Path) -> None:
    path = write_dangerous_file(tmp_path)
    name = f"Trojan {secrets.token_hex(4)}"
    done = hub.easel(*publish_arguments(path, name, "Checkpoint"), "--wait")
    assert done.status == 4
    error = done.document["error"]
    assert (error["exitCode"], error["versionStatus"]) == (4, "Refused")
    assert error["type"].endswith("/refused-by-scan")
    assert "easel delete" in error["hint"]
    file = error["files"][0]
    assert file["verdict"] == "dangerous"
    assert "posix.system" in file["findings"][0]["message"]
    assert file["findings"][0]["location"].startswith("tiny-trojan/data.pkl")
    assert hub.search(name) == []
    assert hub.anonymous.get(f"/api/v1/models/{error['modelId']}").status_code == 404
    assert hub.anonymous.get(f"/models/{error['modelId']}").status_code == 404
    assert hub.admin.get(f"/api/download/models/{error['versionId']}").status_code == 404
    spoken = hub.easel(*publish_arguments(path, f"{name} 2", "Checkpoint")[:-1], "--wait")
    assert (spoken.status, spoken.stdout) == (4, "")
    assert "posix.system" in spoken.stderr


def test_a_refused_version_can_be_mended_and_published(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "mended.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    version = hub.ask_to_publish(hub.admin, f"Mended {secrets.token_hex(4)}", path)
    assert hub.wait_settled(version["id"])["status"] == "Refused"
    path.write_bytes(whole)
    hub.upload(hub.admin, version["id"], path)
    assert hub.admin.post(f"/api/hub/versions/{version['id']}/publish").status_code == 202
    assert hub.wait_settled(version["id"])["status"] == "Published"
    assert hub.download(version["id"]) == whole


MODEL = {"name": "Refused", "type": "LORA"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "   "}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"name": 5}, ["name", "text"]),
        ({"name": None}, ["name"]),
        ({"type": "Lora"}, ["type", "LORA", "did you mean"]),
        ({"type": "Spaceship"}, ["type", "Checkpoint"]),
        ({"typ": "LORA"}, ["typ"]),
        ({"tags": "one"}, ["tags", "list"]),
        ({"tags": ["x"] * 51}, ["tags"]),
        ({"nsfw": "maybe"}, ["nsfw"]),
        ({"allowCommercialUse": ["Everything"]}, ["allowCommercialUse", "Image"]),
    ],
)
def test_a_model_with_a_wrong_field_is_refused_by_its_name(
    hub: HubDriver, change: dict[str, Any], words: list[str]
) -> None:
    before = next_model_id(hub)
    problem = check_problem(hub.admin.post("/api/hub/models", json=MODEL | change), 400, *words)
    assert problem["errors"], "the field is named for programs as well"
    assert next_model_id(hub) == before + 1, "an id was spent, so something was made"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b'{"name": "x"}', b"\xff\xfe"])
def test_a_body_that_is_no_model_is_refused(hub: HubDriver, body: bytes) -> None:
    answer = hub.admin.post("/api/hub/models", content=body, headers={"content-type": "application/json"})
    check_problem(answer, 400)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"baseModel": "SDXL 1"}, ["baseModel", "did you mean", "SDXL 1.0"]),
        ({"baseModel": "My own"}, ["baseModel", "SD 1.5"]),
        ({"trainedWords": [""]}, ["trainedWords"]),
        ({"baseVersionId": 0}, ["baseVersionId"]),
        ({"baseVersionId": 2**40}, ["baseVersionId"]),
        ({"colour": "red"}, ["colour"]),
    ],
)
def test_a_version_with_a_wrong_field_is_refused_by_its_name(
    hub: HubDriver, change: dict[str, Any], words: list[str]
) -> None:
    model = created(hub.admin.post("/api/hub/models", json=MODEL))
    body = {"name": "v1", "baseModel": "Other"} | change
    check_problem(hub.admin.post(f"/api/hub/models/{model['id']}/versions", json=body), 400, *words)
    assert hub.admin.get(f"/api/hub/models/{model['id']}").json()["versions"] == []


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"name": "setup.exe"}, 400, ["name", "*.exe", "safetensors"]),
        ({"name": "weights"}, 400, ["name", "safetensors"]),
        ({"name": "../x.safetensors"}, 400, ["name", "folders"]),
        ({"name": "a\u0000b.safetensors"}, 400, ["name"]),
        ({"name": ".safetensors"}, 400, ["name"]),
        ({"name": "x" * 300 + ".safetensors"}, 400, ["name"]),
        ({"sizeBytes": 0}, 400, ["sizeBytes", "empty"]),
        ({"sizeBytes": -1}, 400, ["sizeBytes"]),
        ({"sizeBytes": "many"}, 400, ["sizeBytes"]),
        ({"sizeBytes": 129 << 30}, 413, ["137,438,953,472 at most"]),
        ({"type": "Weights"}, 400, ["type", "Model"]),
        ({"metadata": {"size": "huge"}}, 400, ["size", "huge"]),
        ({"sha256": "0" * 64}, 400, ["sha256"]),
    ],
)
def test_an_upload_with_a_wrong_field_is_refused_and_leaves_nothing(
    hub: HubDriver, change: dict[str, Any], status: int, words: list[str]
) -> None:
    version = hub.new_version(hub.admin, f"Refused {secrets.token_hex(4)}")
    body = {"name": "x.safetensors", "sizeBytes": 10} | change
    check_problem(hub.admin.post(f"/api/hub/versions/{version['id']}/uploads", json=body), status, *words)
    assert hub.version(version["id"])["files"] == []
    assert hub.admin.get("/api/hub/uploads", params={"versionId": version["id"]}).json()["items"] == []


def test_a_version_without_a_file_cannot_be_published(hub: HubDriver) -> None:
    version = hub.new_version(hub.admin, f"Empty {secrets.token_hex(4)}")
    check_problem(hub.admin.post(f"/api/hub/versions/{version['id']}/publish"), 409, "Upload one first")
    assert hub.version(version["id"])["status"] == "Draft"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/hub/models"),
        ("POST", "/api/hub/models/{model}/versions"),
        ("PATCH", "/api/hub/models/{model}"),
        ("DELETE", "/api/hub/models/{model}"),
        ("POST", "/api/hub/versions/{version}/uploads"),
        ("POST", "/api/hub/versions/{version}/publish"),
        ("POST", "/api/hub/versions/{version}/reviews"),
        ("POST", "/api/hub/reports"),
        ("POST", "/api/hub/moderation/takedowns"),
        ("GET", "/api/hub/moderation/reports"),
        ("POST", "/api/hub/accounts"),
        ("GET", "/api/hub/keys"),
    ],
)
def test_what_needs_a_key_says_so(hub: HubDriver, method: str, path: str) -> None:
    version = hub.new_version(hub.admin, "Locked")
    body = BODIES.get((method, path.rpartition("/")[2]))
    at = path.format(model=version["modelId"], version=version["id"])
    for key in (None, "0" * 32, "not a key"):
        answer = hub.client(key).request(method, at, json=body)
        check_problem(answer, 401, "API key")
    assert hub.version(version["id"])["status"] == "Draft"


BODIES: dict[tuple[str, str], Json] = {
    ("POST", "models"): MODEL,
    ("POST", "versions"): {"name": "v1", "baseModel": "Other"},
    ("PATCH", "{model}"): {"name": "Mine now"},
    ("POST", "uploads"): {"name": "x.safetensors", "sizeBytes": 10},
    ("POST", "reviews"): {"recommended": True, "text": "Good."},
    ("POST", "reports"): {"subjectType": "model", "subjectId": 1, "reason": "spam"},
    ("POST", "takedowns"): {"modelId": 1, "reason": "spam"},
    ("POST", "accounts"): {"username": "somebody", "role": "creator"},
}


def test_a_member_may_not_publish_nor_moderate_nor_make_accounts(hub: HubDriver) -> None:
    _, member = hub.new_account("member")
    check_problem(member.post("/api/hub/models", json=MODEL), 403, "creator")
    check_problem(member.post("/api/hub/moderation/takedowns", json={"modelId": 1, "reason": "x"}), 403, "moderators")
    check_problem(member.get("/api/hub/moderation/reports"), 403, "moderators")
    check_problem(member.post("/api/hub/accounts", json={"username": "x1", "role": "creator"}), 403, "administrators")


def test_a_creator_may_not_touch_what_belongs_to_another(hub: HubDriver, tmp_path: Path) -> None:
    owner_name, owner = hub.new_account()
    _, stranger = hub.new_account()
    path = small_safetensors(tmp_path / "owned.safetensors")
    version = hub.ask_to_publish(owner, f"Owned {secrets.token_hex(4)}", path)
    hub.wait_settled(version["id"])
    draft = hub.new_version(owner, "Hidden")
    for target, status in ((version, 403), (draft, 404)):
        model, at = f"/api/hub/models/{target['modelId']}", f"/api/hub/versions/{target['id']}"
        words = [owner_name] if status == 403 else []
        check_problem(stranger.patch(model, json={"name": "Mine"}), status, *words)
        check_problem(stranger.delete(model), status, *words)
        check_problem(stranger.post(f"{model}/versions", json={"name": "v2", "baseModel": "Other"}), status, *words)
        check_problem(stranger.post(f"{at}/uploads", json={"name": "a.safetensors", "sizeBytes": 1}), status, *words)
        check_problem(stranger.post(f"{at}/publish"), status, *words)
    assert stranger.get(f"/api/hub/models/{draft['modelId']}").status_code == 404
    assert hub.version(version["id"], owner)["status"] == "Published"
    assert hub.version(draft["id"], owner)["status"] == "Draft"


@pytest.mark.parametrize("path", ["/api/hub/models/2147483648", "/api/hub/models/0", "/api/hub/nothing", "/api/v1/x"])
def test_an_address_that_leads_nowhere_is_a_problem_document(hub: HubDriver, path: str) -> None:
    answer = hub.admin.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith(("application/problem+json", "application/json"))


def test_a_wrong_method_is_a_problem_document(hub: HubDriver) -> None:
    check_problem(hub.admin.put("/api/hub/models", json=MODEL), 405)


def test_a_duplicate_account_is_a_conflict(hub: HubDriver) -> None:
    name, _ = hub.new_account()
    check_problem(hub.admin.post("/api/hub/accounts", json={"username": name, "role": "creator"}), 409, name)
    check_problem(hub.admin.post("/api/hub/accounts", json={"username": "a b", "role": "creator"}), 400, "username")
    check_problem(hub.admin.post("/api/hub/accounts", json={"username": "ok_1", "role": "king"}), 400, "role")


def test_a_revoked_key_opens_nothing(hub: HubDriver) -> None:
    _, client = hub.new_account()
    made = created(client.post("/api/hub/keys", json={"name": "laptop"}))
    second = hub.client(made["key"])
    assert {key["name"] for key in second.get("/api/hub/keys").json()["items"]} == {"first key", "laptop"}
    assert made["key"] not in second.get("/api/hub/keys").text
    assert client.delete(f"/api/hub/keys/{made['id']}").status_code == 204
    check_problem(second.get("/api/hub/keys"), 401)
    assert client.get("/api/hub/keys").status_code == 200


@pytest.mark.parametrize("service", ["catalog", "upload", "search", "reviews", "planner", "moderation"])
def test_the_services_behind_the_gateway_answer_nobody_else(hub: HubDriver, service: str) -> None:
    inside = hub.running.hub.url(service)
    for headers in ({}, {"authorization": f"Bearer {hub.admin_key}"}, {"authorization": "Bearer"}):
        for path in ("/search", "/hub/models/1", "/v1/models?ids=1", "/uploads", "/reports", "/models/1/reviews"):
            answer = httpx.get(inside + path, headers=headers)
            assert answer.status_code in (401, 404), (path, answer.text)
    assert httpx.get(f"{inside}/health/live").status_code == 200
