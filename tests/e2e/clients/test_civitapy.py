"""civitapy 0.1.3: strict schemas for every answer, cursors, resumed downloads whose hash it verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients import faults
from tests.e2e.clients.conftest import ClientFailed, Drive, Driven, Shelf
from tests.e2e.clients.proxy import Fault, Proxy
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, eventually


def run(drive: Drive, base: str, shelf: Shelf, **facts: Any) -> Driven:
    given = {"look_up": False, "resume": False, "word": shelf.mark, "model": shelf.pier.model_id} | facts
    return drive("civitapy", base=base, version=shelf.pier.version_id, sha256=shelf.pier.sha256(), **given)


def wait_for_counts(hub: HubDriver) -> None:
    """Return when the list has kept its order for three seconds: downloads of tests before are counted a little later,
    and a model that rises while somebody pages through the list is not on the pages that follow."""
    seen: list[list[int]] = []

    def is_settled() -> bool:
        items = hub.anonymous.get("/api/v1/models", params={"limit": 100}).json()["items"]
        order = [item["stats"]["downloadCount"] for item in items]
        seen.append(order)
        return len(seen) > 30 and all(each == order for each in seen[-30:])

    eventually(is_settled, seconds=60)


@pytest.mark.parametrize("with_key", [False, True])
def test_it_searches_looks_up_and_downloads(
    hub: HubDriver, drive: Drive, shelf: Shelf, shapes: Shared, with_key: bool
) -> None:
    hub.wait_previews(shapes.version_id)
    wait_for_counts(hub)
    token = shelf.key if with_key else None
    driven = run(drive, hub.url, shelf, token=token, look_up=True, resume=True, pictured=shapes.model_id)
    found, pier = driven.found, shelf.pier
    assert set(found["listed"]) == {shelf.harbour.model_id, pier.model_id}
    assert found["model"] == pier.name
    assert len(found["all"]) == len(set(found["all"]))
    assert {shelf.harbour.model_id, pier.model_id, shapes.model_id} <= set(found["all"])
    assert found["by_hash"] == pier.version_id
    assert found["unknown"] is None
    assert found["bulk"] == [pier.version_id]
    assert [row["model_version_id"] for row in found["ids"]] == [pier.version_id]
    assert found["mini"] == pier.primary
    assert found["images"]
    assert [Path(path).name for path in found["paths"]] == found["files"] == list(pier.files)
    assert {Path(path).name: driven.sha256(path) for path in found["paths"]} == {
        name: pier.sha256(name) for name in pier.files
    }
    assert Path(found["resumed"]).name == pier.primary


def test_it_goes_on_with_a_cut_download(proxy: Proxy, drive: Drive, shelf: Shelf) -> None:
    driven = run(drive, proxy.url, shelf, resume=True, token=shelf.key)
    assert driven.sha256(driven.found["resumed"]) == shelf.pier.sha256()
    ranges = [each for each in proxy.passed if each.path.startswith("/store/") and "range" in each.sent]
    assert [each.status for each in ranges] == [206]
    assert ranges[0].sent["range"] == f"bytes={len(shelf.pier.files[shelf.pier.primary]) // 2}-"


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (faults.SIZE_ROUNDED, "416"),
        (faults.SHA256_LOWER, "SHA256 mismatch"),
        (faults.HASH_NULL, "AutoV3"),
        (faults.DESCRIPTION_NULL, "description"),
        (faults.CURSOR_INTEGER, "nextCursor"),
    ],
    ids=["rounded size", "lower-case hash", "null hash", "null description", "integer cursor"],
)
def test_it_notices(proxy: Proxy, drive: Drive, shelf: Shelf, fault: Fault, complaint: str) -> None:
    proxy.fault = fault
    with pytest.raises(ClientFailed, match=complaint):
        run(drive, proxy.url, shelf)
