"""civitdl 2.2.0: the file's name from `Content-Disposition`, its hashes in a table, pictures with their recipes."""

from __future__ import annotations

import csv
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from shared.api.v1 import NO_PICTURE
from tests.e2e.clients import faults
from tests.e2e.clients.conftest import Drive, Driven, Published, Shelf
from tests.e2e.clients.proxy import Proxy
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver


def run(drive: Drive, base: str, source: str, **facts: Any) -> Driven:
    return drive("civitdl", base=base, source=source, **{"runs": 1, **facts})


def stem(path: str) -> str:
    return Path(path).stem


def named_after(published: Published, driven: Driven) -> str | None:
    """The file that it makes of the primary one, with the ids in its name."""
    name = f"{stem(published.primary)}-mid_{published.model_id}-vid_{published.version_id}.safetensors"
    return next((path for path in driven.found["files"] if Path(path).name == name), None)


@pytest.mark.parametrize("with_key", [False, True])
def test_it_downloads_a_model_with_its_hashes_and_pictures(
    hub: HubDriver, drive: Drive, shelf: Shelf, shapes: Shared, with_key: bool
) -> None:
    """Without a key it shows `Bearer None` for one."""
    hub.wait_previews(shapes.version_id)
    driven = run(drive, hub.url, str(shapes.model_id), token=shelf.key if with_key else None)
    version = hub.anonymous.get(f"/api/v1/model-versions/{shapes.version_id}").json()
    name = version["files"][0]["name"]
    mark = f"{stem(name)}-mid_{shapes.model_id}-vid_{shapes.version_id}"
    by_name = {Path(path).name: driven.folder / path for path in driven.found["files"]}
    assert by_name[f"{mark}.safetensors"].read_bytes() == shapes.path.read_bytes()
    table = dict(csv.reader(by_name[f"{mark}.csv"].open(), skipinitialspace=True))
    assert table["SHA256"] == version["files"][0]["hashes"]["SHA256"]
    pictures = [path for each, path in by_name.items() if each.endswith(".png")]
    assert len(pictures) == 2
    for picture in pictures:
        width, height = struct.unpack(">II", picture.read_bytes()[16:24])
        sidecar = json.loads(picture.with_suffix(".json").read_text())
        assert (sidecar["width"], sidecar["height"]) == (width, height)
    model = by_name[f"model_dict-mid_{shapes.model_id}-vid_{shapes.version_id}.json"]
    assert json.loads(model.read_text())["name"] == shapes.name


def test_it_matches_an_older_version_by_its_page(hub: HubDriver, drive: Drive, shelf: Shelf) -> None:
    older = shelf.older
    page = f"https://civitai.red/models/{older.model_id}/harbour?modelVersionId={older.version_id}"
    driven = run(drive, hub.url, page)
    path = named_after(older, driven)
    assert path is not None
    assert driven.sha256(path) == older.sha256()


def test_a_model_without_pictures_is_downloaded_with_one_that_stands_for_them(
    hub: HubDriver, drive: Drive, shelf: Shelf
) -> None:
    driven = run(drive, hub.url, str(shelf.pier.model_id), runs=2)
    path = named_after(shelf.pier, driven)
    assert path is not None
    assert driven.sha256(path) == shelf.pier.sha256()
    assert "already existed" in driven.printed
    [picture] = [driven.folder / path for path in driven.found["files"] if path.endswith(".png")]
    assert f"{hashlib.sha256(picture.read_bytes()).hexdigest()}.png" == NO_PICTURE


def test_it_notices_a_lower_case_hash(proxy: Proxy, drive: Drive, shelf: Shelf) -> None:
    proxy.fault = faults.SHA256_LOWER
    driven = run(drive, proxy.url, str(shelf.pier.model_id), runs=2)
    assert "does not match the hash" in driven.printed
    assert "already existed" not in driven.printed


def test_it_misreads_a_name_that_is_followed_by_another_spelling(proxy: Proxy, drive: Drive, shelf: Shelf) -> None:
    proxy.fault = faults.NAME_ENCODED_AFTER
    driven = run(drive, proxy.url, str(shelf.pier.model_id))
    assert named_after(shelf.pier, driven) is None
    assert any("filename*" in path for path in driven.found["files"])
