"""A new signature, a rescan, and a published file that is gone within seconds: downloads, pages, bytes, and word of it.

The hub's scanner is replaced by one with a real clamd, and comes back afterwards.
"""

from __future__ import annotations

import json
import secrets
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from shared.engines.s3 import Store
from shared.settings import Settings
from tests.clamd import EICAR, RunningClamd, running_clamd
from tests.e2e.authorization.table import PASSWORD, post_form
from tests.hub_driver import HubDriver, Json, eventually

SECONDS = 15.0
"""From the request for a rescan until nobody can download the file any more, on a busy machine too."""
NAME = "withdrawn.safetensors"


@pytest.fixture(scope="module")
def clamd(hub: HubDriver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClamd]:
    """The antivirus of the hub's scanner, while this module is tested."""
    laptop = hub.running.hub
    with running_clamd(tmp_path_factory.mktemp("clamd")) as clamd:
        hub.stop("scanner")
        environment = laptop.environment() | laptop.process_environment("scanner") | {"EASEL_CLAMD_URL": clamd.unix}
        process = subprocess.Popen([sys.executable, "-m", "shared.serve", "scanner"], env=environment)
        try:
            hub.wait_ready("scanner")
            yield clamd
        finally:
            process.terminate()
            process.wait(30)
            hub.start("scanner")
            hub.wait_ready("scanner")


@pytest.fixture
def store(hub: HubDriver, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The hub's store, as the gateway of a hub with a public store would sign its addresses."""
    for name, value in hub.running.hub.environment().items():
        if name.startswith("EASEL_"):
            monkeypatch.setenv(name, value)
    return Store(Settings())


def weights(path: Path, body: bytes) -> Path:
    """A valid file of random weights with `body` among them."""
    data = secrets.token_bytes(3000) + body + secrets.token_bytes(500)
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return path


def notices(client: httpx.Client) -> list[Json]:
    items: list[Json] = client.get("/api/hub/notifications").json()["items"]
    return items


def test_a_virus_in_weights_is_refused_and_a_clean_file_is_virus_scanned(
    hub: HubDriver, clamd: RunningClamd, tmp_path: Path
) -> None:
    _, owner = hub.new_account()
    refused = hub.wait_settled(hub.ask_to_publish(owner, "Ill", weights(tmp_path / "ill.safetensors", EICAR))["id"])
    assert refused["status"] == "Refused" and "Eicar" in refused["statusReason"]
    clean = hub.wait_settled(hub.ask_to_publish(owner, "Well", weights(tmp_path / "well.safetensors", b""))["id"])
    assert clean["status"] == "Published"
    [file] = hub.anonymous.get(f"/api/v1/model-versions/{clean['id']}").json()["files"]
    assert (file["virusScanResult"], file["virusScanMessage"]) == ("Success", None)


def test_a_file_that_turns_dangerous_is_withdrawn_within_seconds_and_everybody_learns_why(
    hub: HubDriver, clamd: RunningClamd, store: Store, tmp_path: Path
) -> None:
    body = secrets.token_bytes(24)
    _, owner = hub.new_account()
    word = f"Driftwood{secrets.token_hex(4)}"
    version = hub.wait_settled(hub.ask_to_publish(owner, word, weights(tmp_path / NAME, body))["id"])
    model_id, version_id = version["modelId"], version["id"]
    sha256 = version["files"][0]["sha256"]
    eventually(lambda: hub.search(word) == [model_id])
    (_, reader), (_, bystander) = hub.new_account("member"), hub.new_account("member")
    name, clicker = hub.new_account("member")
    browser = httpx.Client(base_url=hub.url, timeout=30)
    assert clicker.post("/api/hub/me/password", json={"password": PASSWORD}).status_code == 204
    assert post_form(browser, "/sign-in", {"username": name, "password": PASSWORD}).status_code == 303
    assert browser.get(f"/api/download/models/{version_id}").status_code == 307
    relayed = reader.get(f"/api/download/models/{version_id}").headers["location"]
    signed = store.sign_get(store.models, sha256, timedelta(days=1), inside=True)
    bytes_then = httpx.get(relayed).content
    assert body in bytes_then and httpx.get(signed).content == bytes_then
    assert hub.anonymous.get(f"/api/v1/model-versions/by-hash/{sha256}").status_code == 200

    clamd.add_signature(f"Found-Later-{secrets.token_hex(3)}", body)
    started = time.monotonic()
    ran = hub.easel("rescan", "--sha256", sha256, "--json")
    assert ran.status == 0, ran.stderr + ran.stdout
    assert (ran.document["files"], ran.document["filesLeft"], ran.document["refused"]) == (1, 0, 1)

    def is_gone() -> bool:
        return all(
            (
                hub.anonymous.get(f"/api/download/models/{version_id}").status_code == 404,
                httpx.get(relayed).status_code == 410,
                httpx.get(signed).status_code == 404,
                hub.anonymous.get(f"/api/v1/model-versions/by-hash/{sha256}").status_code == 404,
                hub.anonymous.get(f"/api/v1/models/{model_id}").status_code == 404,
                hub.search(word) == [],
            )
        )

    eventually(is_gone, SECONDS)
    assert time.monotonic() - started < SECONDS
    now = hub.version(version_id)
    assert (now["status"], now["files"][0]["state"]) == ("Refused", "dangerous")
    assert "Found-Later" in now["statusReason"]

    [to_owner] = eventually(lambda: notices(owner))
    assert to_owner["kind"] == "file-withdrawn" and "Found-Later" in to_owner["text"]
    for client in (reader, clicker):
        [told] = eventually(lambda client=client: notices(client))  # type: ignore[misc]
        assert told["kind"] == "download-withdrawn" and NAME in told["title"]
    assert notices(bystander) == []
    shown = reader.get(f"/api/hub/files/{version['files'][0]['id']}/scan").json()
    assert shown["antivirus"]["status"] == "infected" and "Found-Later" in shown["findings"][0]["message"]
