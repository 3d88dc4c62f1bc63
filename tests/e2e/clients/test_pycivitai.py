"""pycivitai 0.2.0: a model by any hash, by name and creator, and files of exactly the size that was told."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.e2e.clients import faults
from tests.e2e.clients.conftest import ClientFailed, Drive, Driven, Shelf
from tests.e2e.clients.proxy import Fault, Proxy
from tests.hub_driver import HubDriver


def run(drive: Drive, base: str, shelf: Shelf, **facts: Any) -> Driven:
    pier = shelf.pier
    given = {"look_up": False, "name": pier.name, "creator": pier.creator, "word": shelf.mark} | facts
    return drive("pycivitai", base=base, model=pier.model_id, version=pier.version_id, **given)


def test_it_finds_by_id_hash_and_name_and_downloads(hub: HubDriver, drive: Drive, shelf: Shelf) -> None:
    pier = shelf.pier
    second = list(pier.files)[1]
    driven = run(drive, hub.url, shelf, look_up=True, second=second)
    found = driven.found
    assert found["latest"] == pier.version_id
    assert found["version"] == ["v2.0", pier.primary, len(pier.files[pier.primary]), True]
    assert found["by_hash"] == dict.fromkeys(
        ("SHA256", "AutoV1", "AutoV2", "AutoV3", "CRC32", "BLAKE3"), pier.version_id
    )
    assert found["by_name"] == pier.model_id
    assert set(found["part_of_the_name"]) == {pier.model_id, shelf.harbour.model_id}
    assert found["second_file"] == len(pier.files[second])
    assert driven.sha256(found["path"]) == pier.sha256()
    assert driven.sha256(found["second_path"]) == pier.sha256(second)


def test_it_gets_on_with_a_model_of_two_versions(hub: HubDriver, drive: Drive, shelf: Shelf) -> None:
    older = shelf.older
    facts = {"model": older.model_id, "version": older.version_id, "look_up": False}
    driven = drive("pycivitai", base=hub.url, **facts)
    assert driven.found["latest"] == shelf.harbour.version_id
    assert driven.found["version"] == ["v1", older.primary, len(older.files[older.primary]), True]
    data = (driven.folder / driven.found["path"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == older.sha256()


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [(faults.SIZE_ROUNDED, "not of expected size"), (faults.SHA256_LOWER, "matches the given hash")],
    ids=["rounded size", "lower-case hash"],
)
def test_it_notices(proxy: Proxy, drive: Drive, shelf: Shelf, fault: Fault, complaint: str) -> None:
    run(drive, proxy.url, shelf)
    proxy.fault = fault
    with pytest.raises(ClientFailed, match=complaint):
        run(drive, proxy.url, shelf)
