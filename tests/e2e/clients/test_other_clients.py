"""Three more that are built quite differently: strict schemas, a cache with checks of its own, a bare downloader."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.clients.conftest import Drive, Shelf
from tests.e2e.clients.environments import Environments
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver

KINDS = {"SHA256": 64, "AutoV1": 8, "AutoV2": 10, "AutoV3": 12, "CRC32": 8, "BLAKE3": 64}


def test_civitai_api_finds_all_that_its_schemas_demand(
    hub: HubDriver, drive: Drive, shelf: Shelf, shapes: Shared
) -> None:
    """Its files need six hashes each, also those that are no weights and those that are small."""
    hub.wait_previews(shapes.version_id)
    pier = shelf.pier
    found = drive(
        "civitai-api", base=hub.url, token=shelf.key, word=shelf.mark, model=pier.model_id, version=pier.version_id,
        sha256=pier.sha256(), pictured=shapes.model_id, creator=pier.creator, tag="harbour",
    ).found  # fmt: skip
    assert {pier.model_id, shelf.harbour.model_id} <= set(found["plain"])
    assert found["narrow"] == [1, 1]
    assert found["model"] == [pier.model_id, pier.creator, [0]]
    assert list(found["files"]) == list(pier.files)
    for name, hashes in found["files"].items():
        assert {kind: len(value) for kind, value in hashes.items()} == KINDS
        for value in hashes.values():
            answer = hub.anonymous.get(f"/api/v1/model-versions/by-hash/{value}")
            assert answer.json()["id"] == pier.version_id, f"{name}: {value}"
    assert found["version"] == [pier.model_id, "Created", "Download", pier.name]
    assert found["by_hash"] == pier.version_id
    assert found["images"]
    assert found["creators"] == 1
    assert "harbour" in found["tags"]


def test_civitai_hub_searches_and_keeps_verified_files(hub: HubDriver, drive: Drive, shelf: Shelf) -> None:
    pier = shelf.pier
    driven = drive(
        "civitai-hub", base=hub.url, token=shelf.key, word=shelf.mark, model=pier.model_id, sha256=pier.sha256()
    )
    found = driven.found
    assert set(found["searched"]) == {pier.model_id, shelf.harbour.model_id}
    assert found["by_hash"] == [pier.model_id, pier.version_id]
    assert shelf.harbour.model_id in found["related"]
    assert driven.sha256(found["one"]) == pier.sha256()
    assert {Path(path).name: driven.sha256(path) for path in found["all"]} == {
        name: pier.sha256(name) for name in pier.files
    }


def test_civitai_downloader_reads_the_name_from_the_redirect(
    hub: HubDriver, environments: Environments, shelf: Shelf, tmp_path: Path
) -> None:
    harbour = shelf.harbour
    done = subprocess.run(
        [
            environments.bin("civitai-downloader") / "python", "-m", "civitai_downloader.downloader",
            "--url", f"{hub.url}/api/download/models/{harbour.version_id}", "--output_path", tmp_path,
            "--token", shelf.key,
        ],
        env={"HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (tmp_path / harbour.primary).read_bytes() == harbour.files[harbour.primary], done.stdout
