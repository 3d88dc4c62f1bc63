"""comfy-resolve 0.1.0: a model found from the name of its file alone, as a workflow mentions it."""

from __future__ import annotations

import pytest

from tests.e2e.clients.conftest import Drive, Shelf
from tests.hub_driver import HubDriver


@pytest.mark.parametrize("with_key", [False, True])
def test_a_file_name_leads_to_its_model(hub: HubDriver, drive: Drive, shelf: Shelf, with_key: bool) -> None:
    pier, harbour = shelf.pier, shelf.harbour
    names = {name: kind for each, kind in ((pier, "loras"), (harbour, "checkpoints")) for name in each.files}
    token = shelf.key if with_key else None
    found = drive("comfy-resolve", base=hub.url, token=token, names=names).found
    for published in (pier, harbour):
        for name, data in published.files.items():
            if not name.endswith(".safetensors"):
                continue
            best = found[name][0]
            assert best["confidence"] == "high", name
            assert best["repo"] == f"civitai:{published.model_id}"
            assert best["sha256"] == published.sha256(name).upper()
            assert best["file_size_bytes"] == len(data)
            assert best["download_url"].startswith(f"{hub.url}/api/download/models/{published.version_id}")


def test_the_name_before_the_upload_finds_it_too(hub: HubDriver, drive: Drive, shelf: Shelf) -> None:
    """A checkpoint is downloaded under a name made from its model's; workflows may still say the old one."""
    name = f"harbour_mix_{shelf.mark}.safetensors"
    best = drive("comfy-resolve", base=hub.url, names={name: "checkpoints"}).found[name][0]
    assert best["repo"] == f"civitai:{shelf.harbour.model_id}"
