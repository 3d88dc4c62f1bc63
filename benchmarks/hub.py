"""A hub for one benchmark: of its own, on its own ports, with a state folder that is removed at the end."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import say
from cli.client import HubClient
from deploy.laptop.environment import SERVICE_NAMES, Laptop, LaptopSettings
from deploy.laptop.hub import RunningHub
from shared.engines.s3 import Store
from shared.settings import Settings

DEFAULT_PORT = 23_000
_READY_SECONDS = 600.0


def benchmark_port() -> int:
    """The gateway's port of a benchmark's own hub."""
    return int(os.environ.get("EASEL_BENCHMARK_PORT", DEFAULT_PORT))


def _end_when_told() -> None:
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("told to stop"))


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder under TMPDIR, removed at the end, also when the benchmark is told to stop."""
    _end_when_told()
    folder = Path(tempfile.mkdtemp(prefix="easel-benchmark-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def own_hub(folder: Path, services: tuple[str, ...] = SERVICE_NAMES, **settings: str) -> Iterator[Laptop]:
    """A ready hub whose state is in `folder`, of these services with these settings; stopped when the block ends."""
    _end_when_told()
    # What the caller's shell says about another hub must not leak into this one.
    for name in [name for name in os.environ if name.startswith("EASEL_") and name != "EASEL_BENCHMARK_PORT"]:
        del os.environ[name]
    os.environ.update(settings)
    laptop = Laptop(LaptopSettings(port=benchmark_port(), state=folder))
    say(f"starting a hub on port {laptop.settings.port} …")
    with RunningHub(laptop, services) as running:
        running.wait_ready(_READY_SECONDS)
        yield laptop


def admin_client(laptop: Laptop) -> HubClient:
    """The client of the command line, with the administrator's key."""
    return HubClient(laptop.url("gateway"), laptop.admin_key_file.read_text().strip())


def store_of(laptop: Laptop) -> Store:
    """The hub's object store, reached past the gateway."""
    environment = laptop.environment()
    return Store(
        Settings(
            s3_endpoint=environment["EASEL_S3_ENDPOINT"],
            s3_access_key=environment["EASEL_S3_ACCESS_KEY"],
            s3_secret_key=environment["EASEL_S3_SECRET_KEY"],
        )
    )
