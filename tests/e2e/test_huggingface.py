"""Models fetched by Hugging Face's own library and command, told only that this hub is their endpoint."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, created, eventually, small_safetensors


class Harbour(msgspec.Struct, frozen=True):
    """A creator's model of two versions: the first of one file, the second, the newest, of two."""

    creator: str
    repo: str
    model_id: int
    versions: tuple[int, int]
    old: Path
    weights: Path
    lite: Path


@pytest.fixture(scope="module")
def harbour(hub: HubDriver, tmp_path_factory: pytest.TempPathFactory) -> Harbour:
    folder = tmp_path_factory.mktemp("harbour")
    creator, client = hub.new_account()
    old = small_safetensors(folder / "harbour-v1.safetensors", 50_000)
    first = hub.ask_to_publish(client, "Harbour Lights", old)
    assert hub.wait_settled(first["id"])["status"] == "Published"
    body = {"name": "v2 beta/1", "baseModel": "Other"}
    second = created(client.post(f"/api/hub/models/{first['modelId']}/versions", json=body))
    weights = small_safetensors(folder / "harbour v2.safetensors", 70_000)
    lite = small_safetensors(folder / "harbour-v2-lite.safetensors", 9_000)
    for path in (weights, lite):
        hub.upload(client, second["id"], path)
    assert client.post(f"/api/hub/versions/{second['id']}/publish").status_code == 202
    assert hub.wait_settled(second["id"])["status"] == "Published"
    repo = f"{creator}/harbour-lights"
    return Harbour(creator, repo, first["modelId"], (first["id"], second["id"]), old, weights, lite)


class Library:
    """`huggingface_hub` in a process and with a cache of its own."""

    def __init__(self, hub: HubDriver, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        self.home = home
        self.environment = kept | {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }

    def run(self, code: str, *values: object) -> Any:
        """Run code that leaves its answer in `answer`; `values` are in `given`."""
        program = (
            "import json, sys\nfrom pathlib import Path\nfrom huggingface_hub import *\n"
            f"given = json.loads(sys.argv[1])\n{code}\nprint('\\n' + json.dumps(answer))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, json.dumps(values, default=str)],
            check=False, env=self.environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the `hf` command."""
        hf = str(Path(sys.executable).with_name("hf"))
        return subprocess.run(
            [hf, *words], check=False, env=self.environment, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def library(hub: HubDriver, tmp_path: Path) -> Library:
    return Library(hub, tmp_path / "hf-home")


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def downloads(hub: HubDriver, version_id: int) -> int:
    count: int = hub.anonymous.get(f"/api/v1/model-versions/{version_id}").json()["stats"]["downloadCount"]
    return count


def test_one_file_is_downloaded_counted_once_and_then_taken_from_the_cache(
    hub: HubDriver, harbour: Harbour, library: Library
) -> None:
    code = "answer = hf_hub_download(given[0], given[1])"
    path = library.run(code, harbour.repo, harbour.weights.name)
    assert sha256(path) == sha256(harbour.weights)
    eventually(lambda: downloads(hub, harbour.versions[1]) == 1)
    assert library.run(code, harbour.repo, harbour.weights.name) == path
    commit = Path(path).parent.name
    assert library.run(code + "\nanswer = hf_hub_download(given[0], given[1], revision=given[2])", harbour.repo,
                       harbour.weights.name, commit) == path  # fmt: skip
    assert downloads(hub, harbour.versions[1]) == 1, "the cached file was fetched again"


@pytest.mark.parametrize("revision", ["v1.0", "id", "commit"])
def test_a_revision_is_a_version_by_name_id_or_commit(harbour: Harbour, library: Library, revision: str) -> None:
    if revision == "id":
        revision = str(harbour.versions[0])
    if revision == "commit":
        revision = library.run("answer = model_info(given[0], revision='v1.0').sha", harbour.repo)
    code = "answer = hf_hub_download(given[0], given[1], revision=given[2])"
    assert sha256(library.run(code, harbour.repo, harbour.old.name, revision)) == sha256(harbour.old)


def test_a_snapshot_has_all_files_of_the_newest_version(harbour: Harbour, library: Library) -> None:
    folder = library.run("answer = snapshot_download(given[0])", harbour.repo)
    found = {path.name: sha256(path) for path in Path(folder).iterdir()}
    assert found == {path.name: sha256(path) for path in (harbour.weights, harbour.lite)}
    old = library.run("answer = snapshot_download(given[0], revision='v1.0')", harbour.repo)
    assert [path.name for path in Path(old).iterdir()] == [harbour.old.name]
    only = "answer = snapshot_download(given[0], allow_patterns='*lite*', local_dir=given[1])"
    some = library.run(only, harbour.repo, library.home / "some")
    assert [path.name for path in Path(some).iterdir() if path.is_file()] == [harbour.lite.name]


def test_the_command_downloads_files_and_snapshots(harbour: Harbour, library: Library, tmp_path: Path) -> None:
    one = library.command("download", harbour.repo, harbour.weights.name, "--local-dir", str(tmp_path / "one"))
    assert one.returncode == 0, one.stderr
    assert sha256(tmp_path / "one" / harbour.weights.name) == sha256(harbour.weights)
    both = library.command("download", harbour.repo, "--revision", "v2 beta/1", "--local-dir", str(tmp_path / "both"))
    assert both.returncode == 0, both.stderr
    assert {path.name for path in (tmp_path / "both").iterdir() if path.is_file()} == {
        harbour.weights.name, harbour.lite.name
    }  # fmt: skip
    missing = library.command("download", f"{harbour.creator}/nothing-here")
    assert missing.returncode != 0
    assert "not found" in missing.stderr.lower()


def test_a_repository_answers_to_its_slug_its_id_and_both(harbour: Harbour, library: Library) -> None:
    names = [f"{harbour.creator.upper()}/Harbour-Lights"]
    names += [f"{harbour.creator}/{name}.{harbour.model_id}" for name in ("harbour-lights", "any-former-name")]
    names += [f"{harbour.creator}/{harbour.model_id}"]
    code = "answer = [model_info(name).sha for name in given[0]]"
    assert len(set(library.run(code, [harbour.repo, *names]))) == 1


def test_what_is_missing_raises_the_librarys_own_errors(harbour: Harbour, library: Library) -> None:
    code = """
from huggingface_hub.errors import HfHubHTTPError
def name_of(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
repo, file, stranger, other = given
answer = [
    name_of(lambda: hf_hub_download(stranger, file)),
    name_of(lambda: hf_hub_download(other, file)),
    name_of(lambda: hf_hub_download(repo, file, revision="v9")),
    name_of(lambda: hf_hub_download(repo, file, revision="0" * 40)),
    name_of(lambda: hf_hub_download(repo, "nothing.safetensors")),
    name_of(lambda: hf_hub_download(repo, "folder/" + file)),
    name_of(lambda: snapshot_download(stranger)),
    name_of(lambda: snapshot_download(repo, revision="v9")),
    file_exists(repo, file), file_exists(repo, "nothing"), repo_exists(repo), repo_exists(stranger),
    revision_exists(repo, "v1.0"), revision_exists(repo, "v9"),
]"""
    given = (harbour.repo, harbour.weights.name, f"{harbour.creator}/nothing-here", f"admin/{harbour.model_id}")
    assert library.run(code, *given) == [
        "RepositoryNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError", "RevisionNotFoundError",
        "RemoteEntryNotFoundError", "RemoteEntryNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError",
        True, False, True, False, True, False,
    ]  # fmt: skip


def test_the_librarys_view_of_a_repository_is_right(harbour: Harbour, library: Library) -> None:
    code = """
info = model_info(given[0], files_metadata=True)
tree = list(list_repo_tree(given[0], revision=info.sha, recursive=True))
answer = {
    "id": info.id, "author": info.author, "files": list_repo_files(given[0]),
    "sizes": [file.size for file in info.siblings], "hashes": [file.lfs.sha256 for file in info.siblings],
    "tree": [[file.path, file.size, file.lfs.sha256, file.blob_id] for file in tree],
    "blobs": [file.blob_id for file in info.siblings],
}"""
    found = library.run(code, harbour.repo)
    files = (harbour.weights, harbour.lite)
    assert (found["id"], found["author"]) == (harbour.repo, harbour.creator)
    assert found["files"] == [path.name for path in files]
    assert found["sizes"] == [path.stat().st_size for path in files]
    assert found["hashes"] == [sha256(path) for path in files]
    expected = [[p.name, p.stat().st_size, sha256(p), blob] for p, blob in zip(files, found["blobs"], strict=True)]
    assert found["tree"] == expected


def test_headers_tell_size_hash_and_commit_and_the_address_is_the_signed_one(hub: HubDriver, harbour: Harbour) -> None:
    path = f"/{harbour.repo}/resolve/v1.0/{harbour.old.name}"
    head, got = hub.anonymous.head(path), hub.anonymous.get(path)
    assert (head.status_code, got.status_code) == (200, 302)
    assert head.headers["content-length"] == str(harbour.old.stat().st_size)
    for answer in (head, got):
        assert answer.headers["etag"] == answer.headers["x-linked-etag"] == f'"{sha256(harbour.old)}"'
        assert answer.headers["x-linked-size"] == str(harbour.old.stat().st_size)
        assert len(answer.headers["x-repo-commit"]) == 40
    assert got.headers["location"].startswith(f"{hub.url}/store/files/")
    part = httpx.get(got.headers["location"], headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, harbour.old.read_bytes()[10:20])
    unchanged = hub.anonymous.head(path, headers={"if-none-match": head.headers["etag"]})
    assert unchanged.status_code == 304


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("nobody/nothing/resolve/main/x", "RepoNotFound"),
        ("{repo}/resolve/nope/x", "RevisionNotFound"),
        ("{repo}/resolve/main/x", "EntryNotFound"),
        ("{repo}/resolve/main", "EntryNotFound"),
        ("{creator}/a..b/resolve/main/x", "RepoNotFound"),
        ("{creator}/%2e%2e%2fv1/resolve/main/x", None),
        ("api/models/{repo}/tree/main/folder", "EntryNotFound"),
        ("api/models/{repo}/revision/nope", "RevisionNotFound"),
        ("api/models/nobody/nothing", "RepoNotFound"),
    ],
)
def test_an_error_has_the_code_that_clients_read(hub: HubDriver, harbour: Harbour, path: str, code: str | None) -> None:
    answer = hub.anonymous.get("/" + path.format(repo=harbour.repo, creator=harbour.creator))
    assert answer.status_code == 404
    assert answer.headers.get("x-error-code") == code
    assert ("x-repo-commit" in answer.headers) == (code == "EntryNotFound")


def test_drafts_and_withdrawn_models_are_no_repositories(hub: HubDriver, tmp_path: Path) -> None:
    creator, client = hub.new_account()
    name = f"Ebb {secrets.token_hex(4)}"
    path = f"/api/models/{creator}/{name.lower().replace(' ', '-')}"
    hub.new_version(client, name)
    assert hub.anonymous.get(path).status_code == 404
    version = hub.ask_to_publish(client, name, small_safetensors(tmp_path / "ebb.safetensors"))
    assert hub.wait_settled(version["id"])["status"] == "Published"
    assert hub.anonymous.get(path).status_code == 200
    body = {"modelId": version["modelId"], "reason": "A test."}
    # The moderators' service learns of a model by its event.
    eventually(lambda: hub.admin.post("/api/hub/moderation/takedowns", json=body).status_code == 202, 60)
    eventually(lambda: hub.anonymous.get(path).status_code == 404)


def test_the_first_model_of_a_name_keeps_it_until_it_is_deleted(hub: HubDriver, tmp_path: Path) -> None:
    creator, client = hub.new_account()
    path = f"/api/models/{creator}/flood-tide"

    def publish() -> Json:
        file = small_safetensors(tmp_path / f"{secrets.token_hex(4)}.safetensors")
        version = hub.ask_to_publish(client, "Flood Tide", file)
        assert hub.wait_settled(version["id"])["status"] == "Published"
        return version

    first, second = publish(), publish()
    commit = hub.anonymous.get(path).json()["sha"]
    assert commit == hub.anonymous.get(f"{path}.{first['modelId']}").json()["sha"]
    assert commit != hub.anonymous.get(f"{path}.{second['modelId']}").json()["sha"]
    client.patch(f"/api/hub/models/{first['modelId']}", json={"name": "Spring Tide"}).raise_for_status()
    assert hub.anonymous.get(path).json()["sha"] == commit, "an address that was given away goes on"
    assert hub.anonymous.get(f"/api/models/{creator}/spring-tide").json()["sha"] == commit
    assert client.delete(f"/api/hub/models/{first['modelId']}").status_code == 204
    third = publish()
    assert hub.anonymous.get(path).json()["sha"] == hub.anonymous.get(f"{path}.{third['modelId']}").json()["sha"]


def test_diffusers_loads_a_checkpoint_and_a_lora_by_repository(
    hub: HubDriver, shapes: Shared, sketch: Shared, library: Library
) -> None:
    code = """
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer
from services.render.families import load_family
family = load_family("tiny-shapes-v1")
vocabulary = str((family.folder / family.tokenizers["tokenizer"]).resolve())
pipe = StableDiffusionPipeline.from_single_file(
    f"https://huggingface.co/{given[0]}/blob/main/{given[1]}", config=str(family.config_folder),
    tokenizer=CLIPTokenizer.from_pretrained(vocabulary, local_files_only=True),
)
pipe.load_lora_weights(given[2], weight_name=given[3])
answer = [pipe.get_list_adapters(), sum(p.numel() for p in pipe.unet.parameters())]"""
    adapters, parameters = library.run(
        code, "admin/quayside-shapes", shapes.path.name, "admin/quayside-sketch", sketch.path.name
    )
    assert adapters, "the LoRA is not there"
    assert parameters > 100_000
