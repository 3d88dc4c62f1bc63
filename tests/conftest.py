"""One hub of real engines and real processes for the whole test session, on ports and in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.laptop.environment import Laptop, LaptopSettings
from deploy.laptop.hub import RunningHub
from shared.migrate import MigrateSettings, migrate_patiently
from shared.processes import ENGINES, SERVICES, port_of
from tests.hub_driver import HubDriver

READY_SECONDS = 240.0


def pytest_configure() -> None:
    """A shell ignores SIGINT for what it runs in the background, and everything started here would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def free_gateway_port() -> int:
    """A gateway port whose derived ports are all free; a random one, as other test runs may look at this moment."""
    for port in random.sample(range(21_000, 29_000, 11), 700):
        names = [process.name for process in SERVICES + ENGINES]
        if all(_is_free(port_of(name, port)) for name in names):
            return port
    raise RuntimeError("no free range of ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """Engines and services as `make up` starts them; short group sessions, so that readers join quickly."""
    for name in [name for name in os.environ if name.startswith("EASEL_")]:
        del os.environ[name]
    state = tmp_path_factory.mktemp("hub") / "state"
    settings = LaptopSettings(port=free_gateway_port(), state=state, kafka_session_ms=3_000)
    with RunningHub(Laptop(settings)) as hub:
        hub.wait_ready(READY_SECONDS)
        yield hub


@pytest.fixture(scope="session")
def hub(running_hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> HubDriver:
    """The hub as people and scripts use it: its public API and the command line."""
    return HubDriver(running_hub, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def engine_environment(running_hub: RunningHub) -> dict[str, str]:
    """The environment of a service under test: the session's engines, with names of its own on each."""
    mark = secrets.token_hex(4)
    environment = {
        name: value for name, value in running_hub.hub.environment().items() if name.startswith("EASEL_")
    } | {
        "EASEL_MONGO_PREFIX": f"test_{mark}",
        "EASEL_KAFKA_PREFIX": f"test-{mark}.",
        "EASEL_S3_PREFIX": f"test-{mark}",
        "EASEL_SEARCH_PREFIX": f"test-{mark}",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = MigrateSettings(mongo_initiate=None)
    asyncio.run(migrate_patiently(settings))
    return environment


@pytest.fixture(scope="session")
def demo_models() -> Path:
    """The folder of the small real models that come with the project."""
    return Path(__file__).parents[1] / "demo" / "models"
