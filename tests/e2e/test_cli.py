"""The `easel` command as a person and as a script use it."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path

import pytest

from tests.hub_driver import Finished, HubDriver, Json, publish_arguments, small_safetensors

REPORT_KEYS = {"modelId", "versionId", "status", "findable", "resumed", "url", "files"}
FILE_KEYS = {"id", "name", "sizeBytes", "sha256", "verdict", "findings"}


@pytest.fixture(scope="module")
def dune(hub: HubDriver, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Json]:
    """A file of 3 MB, and what publishing it said."""
    path = small_safetensors(tmp_path_factory.mktemp("cli") / f"dune-{secrets.token_hex(4)}.safetensors", 3_000_000)
    return path, hub.publish(path, f"Dune {path.stem[-8:]}")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def error_of(done: Finished) -> Json:
    """The problem of a failed command with `--json`: the only thing on stdout."""
    document: Json = json.loads(done.stdout)
    assert set(document) == {"error"}
    error: Json = document["error"]
    assert set(error) >= {"type", "title", "detail", "exitCode"}
    assert error["exitCode"] == done.status
    return error


def test_publish_tells_a_script_all_that_it_made(hub: HubDriver, dune: tuple[Path, Json]) -> None:
    path, report = dune
    assert set(report) == REPORT_KEYS
    assert (report["status"], report["findable"], report["resumed"]) == ("Published", True, False)
    assert report["url"] == f"{hub.url}/models/{report['modelId']}?modelVersionId={report['versionId']}"
    assert [set(file) for file in report["files"]] == [FILE_KEYS]
    file = report["files"][0]
    assert (file["verdict"], file["findings"], file["sizeBytes"]) == ("clean", [], path.stat().st_size)
    assert file["sha256"] == sha256(path)


def test_publishing_the_same_again_makes_nothing_new(hub: HubDriver, dune: tuple[Path, Json]) -> None:
    path, report = dune
    again = hub.publish(path, f"Dune {path.stem[-8:]}")
    assert again == report | {"resumed": True}


def test_a_second_version_joins_its_model(hub: HubDriver, dune: tuple[Path, Json], tmp_path: Path) -> None:
    _, report = dune
    path = small_safetensors(tmp_path / "dune-2.safetensors")
    done = hub.easel(
        "publish", str(path), "--model", str(report["modelId"]), "--base-model", "SD 1.5", "--wait", "--json"
    )  # fmt: skip
    assert done.status == 0, done.stdout
    model = hub.easel("get", str(report["modelId"]), "--json").document
    assert [version["id"] for version in model["modelVersions"]] == [done.document["versionId"], report["versionId"]]
    assert [version["name"] for version in model["modelVersions"]] == ["v2.0", "v1.0"]
    assert [version["index"] for version in model["modelVersions"]] == [0, 1]


def test_search_finds_by_words_and_filters(hub: HubDriver, dune: tuple[Path, Json]) -> None:
    path, report = dune
    mark = path.stem[-8:]
    found = hub.easel("search", f"dune {mark}", "--type", "LORA", "--json").document
    assert found["items"][0]["id"] == report["modelId"]
    assert hub.easel("search", f"dune {mark}", "--type", "VAE", "--json").document["items"] == []
    lines = hub.easel("search", f"dune {mark}").stdout.splitlines()
    assert lines[0].split("\t")[:3] == [str(report["modelId"]), f"Dune {mark}", "LORA"]
    nothing = hub.easel("search", secrets.token_hex(12))
    assert (nothing.status, nothing.stdout.strip()) == (0, "Nothing found.")


def test_get_takes_an_id_a_version_and_any_hash(hub: HubDriver, dune: tuple[Path, Json]) -> None:
    path, report = dune
    model = hub.easel("get", str(report["modelId"]), "--json").document
    assert model["id"] == report["modelId"]
    version = hub.easel("get", "--version", str(report["versionId"]), "--json").document
    assert version["id"] == report["versionId"]
    for digits in (64, 10):
        by_hash = hub.easel("get", sha256(path)[:digits].upper(), "--json").document
        assert by_hash["id"] == report["versionId"]
    shown = hub.easel("get", str(report["modelId"])).stdout
    assert f"Dune {path.stem[-8:]}" in shown
    assert sha256(path) in shown


def test_pull_fetches_and_verifies(hub: HubDriver, dune: tuple[Path, Json], tmp_path: Path) -> None:
    path, report = dune
    done = hub.easel("pull", sha256(path), "-o", str(tmp_path / "new"), "--json")
    assert done.status == 0, done.stdout
    assert (done.document["modelId"], done.document["versionId"]) == (report["modelId"], report["versionId"])
    file = done.document["files"][0]
    assert (file["status"], file["sha256"]) == ("downloaded", sha256(path))
    assert Path(file["path"]).read_bytes() == path.read_bytes()
    assert [each.name for each in (tmp_path / "new").iterdir()] == [path.name]
    again = hub.easel("pull", "--version", str(report["versionId"]), "-o", str(tmp_path / "new"), "--json")
    assert again.document["files"][0]["status"] == "present"


def partly(path: Path, folder: Path, size_bytes: int, content: bytes | None = None) -> Path:
    """What an interrupted `easel pull` leaves: the first bytes and the note beside them."""
    part = folder / f"{path.name}.part"
    part.write_bytes((content or path.read_bytes())[:size_bytes])
    note = {"sha256": sha256(path), "sizeBytes": path.stat().st_size, "etag": f'"{sha256(path)}"'}
    (folder / f"{path.name}.part.json").write_text(json.dumps(note))
    return part


def test_pull_goes_on_where_it_was_cut(hub: HubDriver, dune: tuple[Path, Json], tmp_path: Path) -> None:
    path, report = dune
    partly(path, tmp_path, 1_234_567)
    done = hub.easel("pull", "--version", str(report["versionId"]), "-o", str(tmp_path), "--json")
    assert done.status == 0, done.stdout
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_pull_does_not_fetch_again_what_is_there(hub: HubDriver, dune: tuple[Path, Json], tmp_path: Path) -> None:
    """Bytes that are there already are kept, not fetched: wrong ones show in the hash, are dropped, and said so."""
    path, report = dune
    arguments = ["pull", "--version", str(report["versionId"]), "-o", str(tmp_path), "--json"]
    partly(path, tmp_path, 1_000_000, b"\0" * 1_000_000)
    broken = hub.easel(*arguments)
    assert broken.status == 7
    assert error_of(broken)["expectedSha256"] == sha256(path)
    assert list(tmp_path.iterdir()) == []
    assert hub.easel(*arguments).status == 0
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_pull_does_not_overwrite_another_file(hub: HubDriver, dune: tuple[Path, Json], tmp_path: Path) -> None:
    path, report = dune
    (tmp_path / path.name).write_bytes(b"mine")
    arguments = ["pull", "--version", str(report["versionId"]), "-o", str(tmp_path)]
    refused = hub.easel(*arguments)
    assert (refused.status, (tmp_path / path.name).read_bytes()) == (1, b"mine")
    assert "--overwrite" in refused.stderr
    assert hub.easel(*arguments, "--overwrite").status == 0
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_each_kind_of_failure_has_its_exit_code(hub: HubDriver, dune: tuple[Path, Json], tmp_path: Path) -> None:
    path, _ = dune
    _, member = hub.new_account("member")
    other = small_safetensors(tmp_path / "other.safetensors")
    for status, word, arguments, key in (
        (2, "LORA", [*publish_arguments(path, "X", "Lorra")], None),
        (2, "empty", publish_arguments(empty(tmp_path), "X"), None),
        (2, "No such file", publish_arguments(tmp_path / "none.safetensors", "X"), None),
        (2, "neither an id nor a hash", ["get", "xyz", "--json"], None),
        (2, "--frobnicate", ["search", "x", "--frobnicate", "--json"], None),
        (3, "2147483647", ["get", "2147483647", "--json"], None),
        (3, "", ["pull", "0" * 64, "--json"], None),
        (5, "creator", publish_arguments(other, "X"), member.headers["authorization"][7:]),
        (5, "key", publish_arguments(other, "X"), "0" * 32),
    ):
        done = hub.easel(*arguments, key=key)
        assert done.status == status, (arguments, done)
        assert word in json.dumps(error_of(done)), (arguments, done.stdout)


def empty(folder: Path) -> Path:
    path = folder / "empty.safetensors"
    path.touch()
    return path


def test_a_base_model_of_a_new_spelling_gets_a_suggestion_and_makes_nothing(
    hub: HubDriver, dune: tuple[Path, Json]
) -> None:
    path, _ = dune
    _, client = hub.new_account()
    arguments = ["publish", str(path), "--model-name", "Typo", "--type", "LORA", "--base-model", "SDXL 1"]
    done = hub.easel(*arguments, key=client.headers["authorization"][7:])
    assert done.status == 2
    assert "Did you mean" in done.stderr
    assert "SDXL 1.0" in done.stderr


def test_a_hub_that_is_not_there_is_exit_code_6(
    hub: HubDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(hub, "url", "http://127.0.0.1:9")
        done = hub.easel("search", "x", "--json")
    assert done.status == 6
    assert "easel doctor" in error_of(done)["hint"]


def test_doctor_says_that_all_is_well(hub: HubDriver) -> None:
    done = hub.easel("doctor", "--json")
    document = done.document
    assert done.status == 0, document
    assert document["ok"] is True
    names = {check["name"] for check in document["checks"]}
    assert names >= {
        "gateway",
        "catalog",
        "upload",
        "scanner",
        "search",
        "reviews",
        "planner",
        "renderer",
        "moderation",
    }
    assert names >= {"mongo", "kafka", "s3", "supervisor", "mongod", "disk"}
    assert all(check["ok"] for check in document["checks"])


def test_doctor_names_what_is_down_and_what_to_do(hub: HubDriver) -> None:
    hub.stop("reviews")
    try:
        done = hub.easel("doctor", "--json")
    finally:
        hub.start("reviews")
    assert done.status == 1
    down = {check["name"]: check["fix"] for check in done.document["checks"] if not check["ok"]}
    assert set(down) == {"reviews"}
    assert "reviews.log" in down["reviews"]
    hub.wait_ready("reviews")


def test_accounts_and_keys_can_be_made_and_revoked(hub: HubDriver) -> None:
    name = f"person_{secrets.token_hex(4)}"
    made = hub.easel("account", "create", name, "--role", "member", "--json").document
    assert (made["username"], made["role"]) == (name, "member")
    second = hub.easel("key", "create", "laptop", "--json", key=made["key"]).document
    listed = hub.easel("key", "list", "--json", key=second["key"]).document
    assert {each["name"] for each in listed["items"]} == {"first key", "laptop"}
    assert hub.easel("key", "revoke", second["id"], key=made["key"]).status == 0
    assert hub.easel("key", "list", "--json", key=second["key"]).status == 5


def test_the_search_index_is_made_again_while_one_watches(hub: HubDriver) -> None:
    done = hub.easel("search-index", "rebuild", "--json")
    assert done.status == 0, done.stderr
    assert done.document["endedAt"] and done.document["done"] == done.document["total"]
    assert done.document["total"] >= len(hub.search(""))
