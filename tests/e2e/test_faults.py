"""Every process and every engine is killed while somebody publishes; the publication gets to its end all the same."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec
import psutil
import pytest

from deploy.laptop.environment import Laptop, LaptopSettings
from deploy.laptop.hub import RunningHub
from tests.conftest import READY_SECONDS, free_gateway_port
from tests.e2e.conftest import Shared
from tests.hub_driver import (
    HubDriver,
    Json,
    eventually,
    publish_arguments,
    small_safetensors,
    sparse_safetensors,
)

T = TypeVar("T")
RECOVERY_SECONDS = 90.0
"""A killed reader's group waits for its session to end, a killed scanner's file for its lease (20 s)."""


def patiently(look: Callable[[], T]) -> T:
    """`eventually`, for as long as a recovery may take."""
    return eventually(look, RECOVERY_SECONDS, every=0.3)


def check_published(hub: HubDriver, version: Json, name: str, data: bytes) -> None:
    """The version is found by search and its bytes arrive."""
    settled = patiently(lambda: found if (found := hub.version(version["id"]))["status"] != "Scanning" else None)
    assert settled is not None
    assert settled["status"] == "Published", settled["statusReason"]
    patiently(lambda: version["modelId"] in hub.search(name))
    assert patiently(lambda: hub.download(version["id"])) == data
    by_hash = hub.anonymous.get(f"/api/v1/model-versions/by-hash/{hashlib.sha256(data).hexdigest()}")
    assert by_hash.json()["id"] == version["id"]


class Interrupted(msgspec.Struct, frozen=True):
    """Publications whose workers were killed with the work in hand."""

    drawn: Json
    scanned: Json
    name: str
    path: Path


@pytest.fixture(scope="module")
def interrupted(
    hub: HubDriver, shapes: Shared, demo_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Interrupted:
    """Work goes on when a dead worker's lease ends (20 s, 30 s); meanwhile other stories are told."""
    drawn = hub.ask_to_publish(hub.admin, f"Neon {secrets.token_hex(4)}", demo_models / "tiny-neon.safetensors")
    eventually(lambda: hub.version(drawn["id"])["previews"]["status"] == "rendering", 60, every=0.02)
    hub.kill("renderer")
    path = sparse_safetensors(tmp_path_factory.mktemp("interrupted") / "barge.safetensors", 120_000_000)
    name = f"Barge {secrets.token_hex(4)}"
    scanned = hub.ask_to_publish(hub.admin, name, path)
    hub.kill("scanner")
    hub.kill("planner")
    return Interrupted(drawn, scanned, name, path)


def test_killed_workers_come_back(hub: HubDriver, interrupted: Interrupted) -> None:
    hub.wait_ready("renderer", "scanner", "planner")
    assert hub.version(interrupted.drawn["id"])["status"] == "Published"


@pytest.mark.parametrize("killed", [["gateway", "upload"], ["s3"], ["mongo"]], ids=" and ".join)
def test_a_command_that_is_sending_a_file_survives_the_death_of(
    hub: HubDriver, tmp_path: Path, killed: list[str]
) -> None:
    path = sparse_safetensors(tmp_path / "ferry.safetensors", 110_000_000)
    _, client = hub.new_account()
    name = f"Ferry {secrets.token_hex(4)}"
    arguments = [*publish_arguments(path, name), "--wait", "--timeout", "90"]
    key = client.headers["authorization"].removeprefix("Bearer ")
    command = hub.start_easel(*arguments, key=key)
    eventually(lambda: client.get("/api/hub/uploads").json()["items"], every=0.02)
    for process in killed:
        hub.kill(process)
    stdout, stderr = command.communicate(timeout=150)
    if command.returncode == 6:  # it could not wait so long, and says that the same command goes on
        assert "the same command again" in stdout, stderr
        eventually(lambda: client.get("/health/ready").status_code == 200, seconds=90)
        again = hub.easel(*arguments, key=key, timeout=150)
        assert again.status == 0, again.stdout
        stdout = again.stdout
    else:
        assert command.returncode == 0, stdout
    found = patiently(lambda: hub.search(name))
    assert len(found) == 1, "an interrupted command must not publish twice"
    version = hub.anonymous.get(f"/api/v1/models/{found[0]}").json()["modelVersions"][0]
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    assert version["files"][0]["hashes"]["SHA256"].lower() == digest
    assert hashlib.sha256(patiently(lambda: hub.download(version["id"]))).hexdigest() == digest


@pytest.mark.parametrize(
    "killed",
    [["catalog"], ["search"], ["mongo"], ["kafka"], ["s3"], ["reviews", "moderation"]],
    ids=" and ".join,
)
def test_an_accepted_publication_survives_the_death_of(hub: HubDriver, tmp_path: Path, killed: list[str]) -> None:
    path = small_safetensors(tmp_path / f"buoy-{secrets.token_hex(4)}.safetensors", 500_000)
    name = f"Buoy {path.stem[5:]}"
    version = hub.ask_to_publish(hub.admin, name, path)
    for process in killed:
        hub.kill(process)
    check_published(hub, version, name, path.read_bytes())
    hub.wait_ready(*(process for process in killed if process not in ("mongo", "kafka", "s3")))
    check_community(hub, version)


def check_community(hub: HubDriver, version: Json) -> None:
    """Reviews and moderation have heard of the version, and the review is counted: the events flow again."""
    _, member = hub.new_account("member")
    body = {"recommended": True, "text": "Still afloat."}
    # 200 where an attempt came through whose answer did not.
    patiently(lambda: member.post(f"/api/hub/versions/{version['id']}/reviews", json=body).raise_for_status())
    report = {"subjectType": "model", "subjectId": version["modelId"], "reason": "other"}
    patiently(lambda: member.post("/api/hub/reports", json=report).raise_for_status())

    def counted() -> bool:
        stats = hub.anonymous.get(f"/api/v1/model-versions/{version['id']}").json()["stats"]
        return bool(stats["thumbsUpCount"] == 1)

    patiently(counted)


def test_without_search_models_and_downloads_go_on(hub: HubDriver, shapes: Shared, tmp_path: Path) -> None:
    browser = {"accept": "text/html"}
    hub.stop("search")
    try:
        for params in ({"query": "quayside"}, {"tag": "quayside"}, {"types": "Checkpoint"}):
            answer = hub.anonymous.get("/api/v1/models", params=params)
            assert answer.status_code == 503, answer.text
            assert answer.json() == {"error": "Model search is temporarily overloaded — please retry."}
            assert answer.headers["retry-after"] == "2"
            assert answer.headers["cache-control"] == "no-store"
        page = hub.anonymous.get("/models", params={"query": "quayside"}, headers=browser)
        assert page.status_code == 503
        assert "Search is unavailable" in page.text
        assert hub.anonymous.get(f"/models/{shapes.model_id}", headers=browser).status_code == 200
        assert hub.anonymous.get(f"/api/v1/models/{shapes.model_id}").status_code == 200
        newest = hub.anonymous.get("/api/v1/models", params={"limit": 2}).json()
        assert len(newest["items"]) == 2
        following = httpx.get(newest["metadata"]["nextPage"]).json()
        assert following["items"]
        assert not {model["id"] for model in newest["items"]} & {model["id"] for model in following["items"]}
        assert hub.download(shapes.version_id) == shapes.path.read_bytes()
        path = small_safetensors(tmp_path / "unsought.safetensors")
        name = f"Unsought {secrets.token_hex(4)}"
        version = hub.ask_to_publish(hub.admin, name, path)
        assert hub.wait_settled(version["id"])["status"] == "Published"
        assert hub.anonymous.get(f"/api/v1/models/{version['modelId']}").status_code == 200
        searching = hub.easel("search", name, "--json")
        assert (searching.status, searching.document["error"]["status"]) == (6, 503)
    finally:
        hub.start("search")
    patiently(lambda: hub.search(name) == [version["modelId"]])
    patiently(lambda: shapes.model_id in hub.search("quayside"))


@pytest.fixture
def small_hub(tmp_path: Path) -> Laptop:
    """A hub of its own, which only this test may lose."""
    return Laptop(LaptopSettings(port=free_gateway_port(), state=tmp_path / "state", kafka_session_ms=2_000))


PUBLISHING = ("gateway", "catalog", "upload", "scanner", "search")


def test_after_a_power_cut_the_hub_starts_again_with_everything_it_had_acknowledged(
    small_hub: Laptop, tmp_path: Path
) -> None:
    files = [small_safetensors(tmp_path / f"raft-{number}.safetensors", 50_000) for number in range(3)]
    running = RunningHub(small_hub, PUBLISHING)
    running.start()
    try:
        running.wait_ready(READY_SECONDS)
        hub = HubDriver(running, tmp_path)
        versions = [hub.ask_to_publish(hub.admin, f"Raft {path.stem[5:]}", path) for path in files[:2]]
        patiently(lambda: len(hub.search("raft")) == 2)
        versions.append(hub.ask_to_publish(hub.admin, "Raft 2", files[2]))  # accepted, and not yet scanned
    finally:
        cut_the_power(small_hub)
    with RunningHub(small_hub, PUBLISHING) as again:
        again.wait_ready(READY_SECONDS)
        hub = HubDriver(again, tmp_path)
        for version, path in zip(versions, files, strict=True):
            check_published(hub, version, f"Raft {path.stem[5:]}", path.read_bytes())
        assert sorted(hub.search("raft")) == [version["modelId"] for version in versions]


def cut_the_power(hub: Laptop) -> None:
    """Kill the process manager and all below it, giving nobody the time to save anything."""
    manager = psutil.Process(int((hub.state / "supervisord.pid").read_text()))
    manager.suspend()  # so that it starts nothing again, and its end does not warn the others
    doomed = manager.children(recursive=True)
    for process in doomed:
        os.kill(process.pid, signal.SIGKILL)
    manager.kill()
    psutil.wait_procs([manager, *doomed], timeout=10)


def test_the_work_of_killed_workers_is_finished_by_others(hub: HubDriver, interrupted: Interrupted) -> None:
    """The scan is done, the version planned, and no picture is missing, made or shown twice."""
    check_published(hub, interrupted.scanned, interrupted.name, interrupted.path.read_bytes())
    planned = hub.wait_previews(interrupted.scanned["id"], RECOVERY_SECONDS)["previews"]
    assert (planned["status"], bool(planned["reason"])) == ("failed", True)
    previews = hub.wait_previews(interrupted.drawn["id"], RECOVERY_SECONDS)["previews"]
    assert (previews["status"], previews["done"], previews["total"]) == ("done", 4, 4)

    def four() -> list[Json]:
        at = f"/api/v1/model-versions/{interrupted.drawn['id']}"
        images: list[Json] = hub.anonymous.get(at).json()["images"]
        assert len(images) == 4
        return images

    images = patiently(four)
    assert len({image["url"] for image in images}) == 4
    assert all(httpx.get(image["url"]).status_code == 200 for image in images)
