"""A client of other people, driven in its own environment; the models it finds; a proxy in between."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.e2e.clients.environments import HERE, Environments
from tests.e2e.clients.proxy import Proxy
from tests.hub_driver import HubDriver, Json, created, eventually, small_safetensors

CLIENT_SECONDS = 120


class Driven(msgspec.Struct, frozen=True):
    """What a client left: what it found, what it printed, and the folder it ran in."""

    found: Json
    printed: str
    folder: Path

    def sha256(self, path: str) -> str:
        """The hash of a file that it wrote."""
        return hashlib.sha256((self.folder / path).read_bytes()).hexdigest()


class ClientFailed(AssertionError):
    """The client ended with an error: its standard error is the message."""


class Published(msgspec.Struct, frozen=True):
    """A version of a model as it was published, with the bytes of its files by their names in the API."""

    model_id: int
    version_id: int
    name: str
    creator: str
    files: dict[str, bytes]

    @property
    def primary(self) -> str:
        """The name of the file that comes first."""
        return next(iter(self.files))

    def sha256(self, name: str | None = None) -> str:
        """The hash of a file, of the first one unless another is named."""
        return hashlib.sha256(self.files[name or self.primary]).hexdigest()


Drive = Callable[..., Driven]


@pytest.fixture(scope="session")
def environments(pytestconfig: pytest.Config) -> Iterator[Environments]:
    """In pytest's cache folder, where the next run finds them."""
    made = Environments(pytestconfig.cache.mkdir("client-environments"))
    yield made
    made.close()


@pytest.fixture
def drive(environments: Environments, tmp_path: Path) -> Drive:
    """Run the driver of a client with these facts, in a folder and a home of its own, without our environment."""

    def run(client: str, **facts: Any) -> Driven:
        folder = tmp_path / secrets.token_hex(4)
        folder.mkdir()
        driver = HERE / "drive" / f"{client.replace('-', '_').removesuffix('_ultimate')}_client.py"
        done = subprocess.run(
            # -P: the driver's folder is no place to import from.
            [str(environments.bin(client) / "python"), "-P", str(driver), json.dumps(facts)],
            cwd=folder, env={"PATH": os.environ["PATH"], "HOME": str(folder)}, capture_output=True, text=True,
            timeout=CLIENT_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise ClientFailed(done.stdout[-2000:] + done.stderr[-4000:])
        *printed, last = done.stdout.splitlines()
        return Driven(json.loads(last), "\n".join(printed) + done.stderr, folder)

    return run


@pytest.fixture(scope="session")
def _proxies(hub: HubDriver) -> Iterator[tuple[Proxy, Proxy]]:
    pair = Proxy(hub.url), Proxy(hub.url)
    for proxy in pair:
        proxy.start()
    yield pair
    for proxy in pair:
        proxy.stop()


@pytest.fixture
def proxy(_proxies: tuple[Proxy, Proxy]) -> Proxy:
    """Honest until a test says otherwise."""
    _proxies[0].reset()
    return _proxies[0]


@pytest.fixture
def other_port(_proxies: tuple[Proxy, Proxy]) -> Proxy:
    """Another one, on another port of the same host."""
    _proxies[1].reset()
    return _proxies[1]


class Shelf(msgspec.Struct, frozen=True):
    """Two models of one creator: a checkpoint with an older version, and a LoRA with several files."""

    mark: str
    key: str
    older: Published
    harbour: Published
    pier: Published


@pytest.fixture(scope="session")
def shelf(hub: HubDriver, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Published through the public API, and found by search."""
    folder = tmp_path_factory.mktemp("clients")
    mark = secrets.token_hex(3)
    creator, client = hub.new_account()

    def publish(name: str, files: dict[str, bytes], model_id: int | None = None, **facts: Any) -> Published:
        version_facts = facts.pop("version")
        if model_id is None:
            model_id = created(client.post("/api/hub/models", json={"name": name, **facts}))["id"]
        version = created(client.post(f"/api/hub/models/{model_id}/versions", json=version_facts))
        for file_name, data in files.items():
            path = folder / f"{version['id']}-{file_name}"
            path.write_bytes(data)
            _send(hub, client, version["id"], file_name, path)
        assert client.post(f"/api/hub/versions/{version['id']}/publish").status_code == 202
        assert hub.wait_settled(version["id"])["status"] == "Published"
        listed = hub.anonymous.get(f"/api/v1/model-versions/{version['id']}").json()["files"]
        by_hash = {hashlib.sha256(data).hexdigest().upper(): data for data in files.values()}
        named = {file["name"]: by_hash[file["hashes"]["SHA256"]] for file in listed}
        return Published(model_id, version["id"], name, creator, named)

    def weights(size: int) -> bytes:
        return small_safetensors(folder / "weights", size).read_bytes()

    harbour: dict[str, Any] = {"type": "Checkpoint", "description": "Soft *light*.", "tags": ["harbour"]}
    name = f"Harbour Mix {mark}"
    older = publish(
        name, {"harbour.safetensors": weights(90_001)}, version={"name": "v1", "baseModel": "SDXL 1.0"}, **harbour
    )
    newer = publish(
        name, {f"harbour_mix_{mark}.safetensors": weights(3 << 20)}, older.model_id,
        version={"name": "v2", "baseModel": "SDXL 1.0"},
    )  # fmt: skip
    pier = publish(
        f"Pier Lights {mark}",
        {
            f"pier_lights_{mark}_v2.safetensors": weights(2_500_003),
            f"pier_lights_{mark}_small.safetensors": weights(50_001),
            f"pier_lights_{mark}.yaml": f"strength: 0.8  # {mark}\n".encode(),
        },
        type="LORA", tags=["harbour"],
        version={"name": "v2.0", "baseModel": "SDXL 1.0", "trainedWords": ["pier lights"], "description": "Two sizes."},
    )  # fmt: skip
    eventually(lambda: {newer.model_id, pier.model_id} <= set(hub.search(mark)))
    key = client.headers["authorization"].removeprefix("Bearer ")
    return Shelf(mark, key, older, newer, pier)


def _send(hub: HubDriver, client: Any, version_id: int, name: str, path: Path) -> None:
    body = {"name": name, "sizeBytes": path.stat().st_size, "type": "Config" if name.endswith(".yaml") else "Model"}
    upload = created(client.post(f"/api/hub/versions/{version_id}/uploads", json=body))
    parts = [hub.send_part(client, upload, path, number) for number in range(1, upload["partCount"] + 1)]
    assert client.post(f"/api/hub/uploads/{upload['id']}/complete", json={"parts": parts}).status_code == 200
