"""Each test has a database and topics of its own on the session's engines; some have a broker that they may kill."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from shared.engines.kafka import Kafka, make_topics
from shared.engines.mongo import Mongo
from shared.settings import Settings
from tests.integration.inner_service import own_environment
from tests.integration.plumbing.own_broker import OwnBroker


@pytest.fixture
def settings(engine_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in own_environment(engine_environment).items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.fixture
async def mongo(settings: Settings) -> AsyncIterator[Mongo]:
    mongo = Mongo(settings, "plumbing")
    await mongo.start()
    yield mongo
    await mongo.database.client.drop_database(mongo.database.name)
    await mongo.stop()


@pytest.fixture
async def kafka(settings: Settings) -> AsyncIterator[Kafka]:
    await make_topics(settings)
    kafka = Kafka(settings)
    await kafka.start()
    yield kafka
    await kafka.stop()


@pytest.fixture
def closed_port() -> int:
    """A port of this machine on which nothing listens. Not one that the system gives to clients: one of those that
    tries again and again to connect to such a port in the end connects to itself."""
    while True:
        port = random.randrange(10_000, 20_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@pytest.fixture
def own_broker(engine_environment: Mapping[str, str], closed_port: int, tmp_path: Path) -> Iterator[OwnBroker]:
    """A broker beside the session's, not started yet; the test may kill it without harm to others."""
    broker = OwnBroker(engine_environment, closed_port, tmp_path / "broker.log")
    yield broker
    broker.kill()
