"""A hub as its users see it: the public API, the command line, and (for fault tests) its processes."""

from __future__ import annotations

import json
import os
import secrets
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from xmlrpc.client import ServerProxy

import httpx
import msgspec
from tenacity import retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from deploy.laptop.environment import HOST, load_secrets
from deploy.laptop.hub import RunningHub, not_ready, process_states

T = TypeVar("T")
Json = dict[str, Any]


class Finished(msgspec.Struct, frozen=True):
    """What a command left: its exit status and output."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document of a command run with `--json`."""
        return json.loads(self.stdout)


class HubDriver:
    """One running hub."""

    def __init__(self, running: RunningHub, home: Path) -> None:
        self.running = running
        self.url = running.hub.url("gateway")
        self.admin_key = running.hub.admin_key_file.read_text().strip()
        self.home = home
        self.admin = self.client(self.admin_key)
        self.anonymous = self.client(None)

    def client(self, key: str | None) -> httpx.Client:
        """An HTTP client with that key."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def new_account(self, role: str = "creator") -> tuple[str, httpx.Client]:
        """A new account's name, and a client with its key."""
        name = f"user_{secrets.token_hex(4)}"
        answer = self.admin.post("/api/hub/accounts", json={"username": name, "role": role})
        assert answer.status_code == 201, answer.text
        return name, self.client(answer.json()["key"])

    # The command line

    def start_easel(self, *arguments: str, key: str | None = None) -> subprocess.Popen[str]:
        """Start the command line as a person would, and go on without waiting for it."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "EASEL_URL": self.url,
            "EASEL_TOKEN": key if key is not None else self.admin_key,
        }
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("easel")), *arguments],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.home,
        )  # fmt: skip

    def easel(self, *arguments: str, key: str | None = None, timeout: float = 120) -> Finished:
        """Run the command line to its end."""
        process = self.start_easel(*arguments, key=key)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return Finished(process.returncode, stdout, stderr)

    def publish(self, path: Path, name: str, model_type: str = "LORA", *more: str) -> Json:
        """Publish a file by the command line and wait until it can be found."""
        done = self.easel(*publish_arguments(path, name, model_type), "--wait", *more)
        assert done.status == 0, done.stderr + done.stdout
        report: Json = done.document
        return report

    # Publishing, step by step

    def new_version(self, client: httpx.Client, name: str, **facts: Any) -> Json:
        """A draft version of a new model."""
        model = created(client.post("/api/hub/models", json={"name": name, "type": "LORA", **facts}))
        body = {"name": "v1.0", "baseModel": "Other"}
        return created(client.post(f"/api/hub/models/{model['id']}/versions", json=body))

    def open_upload(self, client: httpx.Client, version_id: int, path: Path) -> Json:
        """An upload for a file into a draft version."""
        body = {"name": path.name, "sizeBytes": path.stat().st_size}
        return created(client.post(f"/api/hub/versions/{version_id}/uploads", json=body))

    def send_part(self, client: httpx.Client, upload: Json, path: Path, number: int) -> Json:
        """Send one part of a file; its number and ETag, as `complete` wants them."""
        answer = client.post(f"/api/hub/uploads/{upload['id']}/urls", json={"parts": [number]})
        assert answer.status_code == 200, answer.text
        with path.open("rb") as file:
            file.seek((number - 1) * upload["partSizeBytes"])
            data = file.read(upload["partSizeBytes"])
        sent = httpx.put(answer.json()["urls"][0]["url"], content=data, timeout=60)
        assert sent.status_code == 200, sent.text
        return {"number": number, "etag": sent.headers["etag"]}

    def upload(
        self, client: httpx.Client, version_id: int, path: Path, headers: Mapping[str, str] | None = None
    ) -> Json:
        """Send a whole file into a draft version."""
        upload = self.open_upload(client, version_id, path)
        parts = [self.send_part(client, upload, path, number) for number in range(1, upload["partCount"] + 1)]
        answer = client.post(f"/api/hub/uploads/{upload['id']}/complete", json={"parts": parts}, headers=headers)
        assert answer.status_code == 200, answer.text
        completed: Json = answer.json()
        return completed

    def ask_to_publish(
        self, client: httpx.Client, name: str, path: Path, headers: Mapping[str, str] | None = None, **facts: Any
    ) -> Json:
        """A new model from one file, up to the accepted request to publish it; its version as it is then."""
        version = self.new_version(client, name, **facts)
        self.upload(client, version["id"], path, headers)
        answer = client.post(f"/api/hub/versions/{version['id']}/publish", headers=headers)
        assert answer.status_code == 202, answer.text
        accepted: Json = answer.json()
        return accepted

    # Looking

    def version(self, version_id: int, client: httpx.Client | None = None) -> Json:
        """A version as its publisher sees it."""
        answer = (client or self.admin).get(f"/api/hub/versions/{version_id}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def wait_settled(self, version_id: int, seconds: float = 60.0) -> Json:
        """The version once its scan is over: published or refused."""

        def settled() -> Json | None:
            version = self.version(version_id)
            return version if version["status"] in ("Published", "Refused") else None

        found = eventually(settled, seconds)
        assert found is not None
        return found

    def wait_previews(self, version_id: int, seconds: float = 180.0) -> Json:
        """The version once its pictures are drawn, or will not be."""

        def drawn() -> Json | None:
            version = self.version(version_id)
            return version if version["previews"]["status"] in ("done", "failed") else None

        found = eventually(drawn, seconds, every=0.3)
        assert found is not None
        return found

    def search(self, query: str, **parameters: str | int) -> list[int]:
        """Ids of the models that a search finds, best first."""
        answer = self.anonymous.get("/api/v1/models", params={"query": query, "limit": 100, **parameters})
        assert answer.status_code == 200, answer.text
        return [model["id"] for model in answer.json()["items"]]

    def address(self, version_id: int, **parameters: str) -> str:
        """The signed address that a download redirects to."""
        answer = self.anonymous.get(f"/api/download/models/{version_id}", params=parameters)
        assert answer.status_code == 307, answer.text
        return answer.headers["location"]

    def download(self, version_id: int, **parameters: str) -> bytes:
        """The bytes of a version's file."""
        answer = httpx.get(self.address(version_id, **parameters), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.content

    def log(self, process: str) -> list[Json]:
        """The JSON lines that a process has logged."""
        lines = (self.running.hub.state / "logs" / f"{process}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    # Its processes

    def pid_of(self, name: str) -> int:
        """The process id that the process manager has for a process."""
        return int(next(row["pid"] for row in process_states(self.running.hub) if row["name"] == name))

    def kill(self, name: str) -> int:
        """Kill a process as a power cut would; the process manager starts it again."""
        pid = self.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self, name: str) -> None:
        """Stop a process and leave it down."""
        self._tell_manager("stopProcess", name)

    def start(self, name: str) -> None:
        """Start a stopped process again."""
        self._tell_manager("startProcess", name)

    def _tell_manager(self, what: str, name: str) -> None:
        group = next(row["group"] for row in process_states(self.running.hub) if row["name"] == name)
        password = load_secrets(self.running.hub.state).supervisor_password
        proxy = ServerProxy(f"http://easel:{password}@{HOST}:{self.running.hub.port('supervisor')}/RPC2")
        getattr(proxy.supervisor, what)(f"{group}:{name}")

    def wait_ready(self, *names: str, seconds: float = 90.0) -> None:
        """Return when these services are ready."""

        def all_ready() -> bool:
            missing = {name: why for name in names if (why := not_ready(self.running.hub, name))}
            assert not missing, missing
            return True

        eventually(all_ready, seconds)


def publish_arguments(path: Path, name: str, model_type: str = "LORA") -> list[str]:
    """The words after `easel` that publish a file as a new model."""
    return ["publish", str(path), "--model-name", name, "--type", model_type, "--base-model", "Other", "--json"]


def created(answer: httpx.Response) -> Json:
    """The document of an answer that must be 201."""
    assert answer.status_code == 201, answer.text
    document: Json = answer.json()
    return document


def eventually(look: Callable[[], T], seconds: float = 30.0, every: float = 0.1) -> T:
    """What `look` returns once it is true (and raises nothing), asked again and again for so many seconds."""

    @retry(
        stop=stop_after_delay(seconds), wait=wait_fixed(every), reraise=True,
        retry=retry_if_result(lambda found: not found)
        | retry_if_exception_type((AssertionError, httpx.HTTPError, LookupError, OSError)),
    )  # fmt: skip
    def ask() -> T:
        return look()

    return ask()


def small_safetensors(path: Path, size_bytes: int = 4096, *, tensor: str = "weight", **metadata: str) -> Path:
    """A valid safetensors file with random weights, so that no two have the same hash."""
    path.write_bytes(
        _safetensors_head(size_bytes, tensor, metadata or {"format": "pt"}) + secrets.token_bytes(size_bytes)
    )
    return path


def sparse_safetensors(path: Path, size_bytes: int) -> Path:
    """A valid safetensors file of so many bytes of zeros, with a random mark in its header; takes no room on disk."""
    path.write_bytes(_safetensors_head(size_bytes, "weight", {"mark": secrets.token_hex(8)}))
    os.truncate(path, path.stat().st_size + size_bytes)
    return path


def _safetensors_head(size_bytes: int, tensor: str, metadata: dict[str, str]) -> bytes:
    header = {
        "__metadata__": metadata,
        tensor: {"dtype": "U8", "shape": [size_bytes], "data_offsets": [0, size_bytes]},
    }
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded
