"""civitai-dl 0.1.2: `HEAD` before `GET`, the name from the headers, a cut download resumed by appending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients import faults
from tests.e2e.clients.conftest import Drive, Driven, Shelf
from tests.e2e.clients.proxy import Proxy
from tests.hub_driver import HubDriver


def run(drive: Drive, base: str, shelf: Shelf, **facts: Any) -> Driven:
    harbour = shelf.harbour
    return drive(
        "civitai-dl",
        base=base,
        model=harbour.model_id,
        version=harbour.version_id,
        tag="harb",
        **{"resume": True, **facts},
    )


@pytest.mark.parametrize("with_key", [False, True])
def test_it_searches_looks_up_downloads_and_resumes(hub: HubDriver, drive: Drive, shelf: Shelf, with_key: bool) -> None:
    driven = run(drive, hub.url, shelf, token=shelf.key if with_key else None)
    found, harbour = driven.found, shelf.harbour
    assert found["listed"]
    assert found["model"] == harbour.name
    assert "harbour" in found["tags"]
    assert found["url"] == f"{hub.url}/api/download/models/{harbour.version_id}"
    assert found["path"] == found["resumed"]
    assert Path(found["path"]).name == harbour.primary
    assert driven.sha256(found["resumed"]) == harbour.sha256()


def test_it_probes_first_and_asks_for_the_rest_alone(proxy: Proxy, drive: Drive, shelf: Shelf) -> None:
    driven = run(drive, proxy.url, shelf)
    stored = [each for each in proxy.passed if each.path.startswith("/store/")]
    assert [(each.method, each.status) for each in stored] == [
        ("HEAD", 200), ("GET", 200), ("HEAD", 200), ("GET", 206),
    ]  # fmt: skip
    assert driven.sha256(driven.found["resumed"]) == shelf.harbour.sha256()


def test_it_doubles_a_file_whose_range_was_ignored(proxy: Proxy, drive: Drive, shelf: Shelf) -> None:
    proxy.fault = faults.RANGE_IGNORED
    driven = run(drive, proxy.url, shelf)
    whole = shelf.harbour.files[shelf.harbour.primary]
    assert (driven.folder / driven.found["resumed"]).read_bytes() == whole[: len(whole) // 2] + whole
