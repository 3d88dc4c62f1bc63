"""A process is alive at once and ready when its engines are; it names each one that is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from shared.engines.kafka import Kafka, make_topics
from shared.engines.mongo import Mongo
from shared.engines.s3 import Store
from shared.service import Component, create_service
from shared.settings import Settings
from tests.integration.inner_service import until_true
from tests.integration.plumbing.own_broker import OwnBroker


@asynccontextmanager
async def serving() -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A service of three engines, as the environment says where they are."""
    settings = Settings()
    components: list[Component] = [Mongo(settings, "plumbing"), Store(settings), Kafka(settings)]
    async with AsyncTestClient(create_service("under test", settings, components=components)) as client:
        yield client


async def until_missing(client: AsyncTestClient[Litestar], *names: str) -> dict[str, str]:
    """What `/health/ready` gives as reasons once exactly these are missing."""
    async for attempt in until_true():
        with attempt:
            answer = await client.get("/health/ready")
            body: dict[str, Any] = answer.json()
            assert set(body["missing"]) == set(names), body
            assert answer.status_code == (503 if names else 200)
            assert "not started" not in [body["missing"][name] for name in names[:1]], body
    reasons: dict[str, str] = body["missing"]
    return reasons


@pytest.mark.parametrize(
    ("setting", "address", "missing"),
    [
        ("EASEL_MONGO_URL", "mongodb://127.0.0.1:{port}/?replicaSet=rs0", ("mongo", "s3", "kafka")),
        ("EASEL_S3_ENDPOINT", "http://127.0.0.1:{port}", ("s3", "kafka")),
        ("EASEL_KAFKA_BOOTSTRAP", "127.0.0.1:{port}", ("kafka",)),
    ],
)
async def test_a_process_whose_engine_does_not_answer_is_alive_and_says_what_it_waits_for(
    kafka: Kafka,
    closed_port: int,
    setting: str,
    address: str,
    missing: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(setting, address.format(port=closed_port))
    async with serving() as client:
        assert (await client.get("/health/live")).status_code == 200
        reasons = await until_missing(client, *missing)
        # Components start one after another: those behind the one that is away have not been tried.
        assert [reasons[name] for name in missing[1:]] == ["not started"] * len(missing[1:])
        assert (await client.get("/health/live")).status_code == 200
        assert kafka.settings.kafka_prefix  # the topics are there: it is the address alone that is wrong


@pytest.mark.usefixtures("mongo")
async def test_a_process_becomes_ready_loses_it_with_its_broker_and_gets_it_back(
    own_broker: OwnBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_KAFKA_BOOTSTRAP", own_broker.address)
    async with serving() as client:
        await until_missing(client, "kafka")
        await own_broker.start()
        reasons = await until_missing(client, "kafka")
        async for attempt in until_true():
            with attempt:
                reasons = (await client.get("/health/ready")).json()["missing"]
                assert "python -m shared.migrate" in reasons["kafka"]  # it answers, and has no topics
        await make_topics(Settings())
        await until_missing(client)
        own_broker.kill()
        await until_missing(client, "kafka")
        assert (await client.get("/health/live")).status_code == 200
        await own_broker.start()
        await until_missing(client)


@pytest.mark.usefixtures("kafka")
async def test_only_services_that_know_the_token_are_served_but_health_and_metrics_are_open() -> None:
    async with serving() as client:
        await until_missing(client)
        metrics = await client.get("/metrics")
        assert metrics.status_code == 200 and "easel_loop_crashes" in metrics.text
        assert (await client.get("/nothing")).status_code == 404


def test_a_process_without_a_token_refuses_to_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.internal_token.get_secret_value()
    monkeypatch.setenv("EASEL_INTERNAL_TOKEN", "short")
    with pytest.raises(SystemExit, match="EASEL_INTERNAL_TOKEN"):
        create_service("under test", Settings(), components=[])
