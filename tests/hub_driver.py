"""A hub as its users see it: the public API, the command line, and (for fault tests) its processes."""

from __future__ import annotations

import json
import os
import secrets
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
from tenacity import retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from deploy.laptop.hub import RunningHub, process_states

T = TypeVar("T")


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

    def easel(self, *arguments: str, key: str | None = None, timeout: float = 120) -> Finished:
        """Run the command line as a person would."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "EASEL_URL": self.url,
            "EASEL_TOKEN": key if key is not None else self.admin_key,
        }
        done = subprocess.run(
            [str(Path(sys.executable).with_name("easel")), *arguments],
            env=environment, capture_output=True, text=True, timeout=timeout, cwd=self.home, check=False,
        )  # fmt: skip
        return Finished(done.returncode, done.stdout, done.stderr)

    def publish(self, path: Path, name: str, model_type: str = "LORA", *more: str) -> dict[str, Any]:
        """Publish a file by the command line and wait until it can be found."""
        done = self.easel(
            "publish", str(path), "--model-name", name, "--type", model_type, "--base-model", "Other", "--wait", "--json",
            *more,
        )  # fmt: skip
        assert done.status == 0, done.stderr + done.stdout
        report: dict[str, Any] = done.document
        return report

    def pid_of(self, name: str) -> int:
        """The process id that the process manager has for a process."""
        return int(next(row["pid"] for row in process_states(self.running.hub) if row["name"] == name))

    def kill(self, name: str) -> int:
        """Kill a process as a power cut would; the process manager starts it again."""
        pid = self.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        return pid


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


def small_safetensors(path: Path, size_bytes: int = 4096, **metadata: str) -> Path:
    """A valid safetensors file with random weights, so that no two have the same hash."""
    header = {
        "__metadata__": metadata or {"format": "pt"},
        "weight": {"dtype": "U8", "shape": [size_bytes], "data_offsets": [0, size_bytes]},
    }
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + secrets.token_bytes(size_bytes))
    return path
