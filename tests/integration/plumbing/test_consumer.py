"""Reading: every event has its effect once, none blocks those behind it, none is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect
from tenacity import wait_fixed

from deploy.laptop.hub import CHECKOUT
from shared.consumer import ATTEMPTS, INBOX, Consumer
from shared.engines.kafka import Kafka, client_options
from shared.engines.mongo import Mongo, Session
from shared.events import Event, encode
from shared.events.usage import Downloaded
from shared.lag import LagProbe
from shared.service import Loop
from tests.integration.inner_service import until_true
from tests.integration.plumbing import crashing_reader
from tests.integration.plumbing.events import TOPIC, downloaded, event, publish, publish_bytes, records

Effect = Callable[[Event[Downloaded], Session], Awaitable[None]]


@asynccontextmanager
async def reading(mongo: Mongo, kafka: Kafka, effect: Effect, name: str = "reader") -> AsyncIterator[Consumer]:
    consumer = Consumer(mongo, kafka, name)
    consumer.on(Downloaded, effect)
    consumer.subscribe((TOPIC,))
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


def recorded(mongo: Mongo) -> Effect:
    async def effect(event: Event[Downloaded], session: Session) -> None:
        await mongo["effects"].insert_one({"number": event.data.file_id}, session=session)

    return effect


async def effects(mongo: Mongo) -> list[int]:
    return [row["number"] async for row in mongo["effects"].find().sort("_id", 1)]


async def until_effects(mongo: Mongo, numbers: list[int]) -> None:
    async for attempt in until_true():
        with attempt:
            assert await effects(mongo) == numbers


async def until_committed(kafka: Kafka, group: str, offset: int) -> None:
    reader = AIOKafkaConsumer(**client_options(kafka.settings), group_id=group, enable_auto_commit=False)
    await reader.start()
    try:
        async for attempt in until_true():
            with attempt:
                assert await reader.committed(TopicPartition(kafka.topic(TOPIC), 0)) == offset
    finally:
        await reader.stop()


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"easel_{name}", labels) or 0.0


async def test_an_event_that_is_delivered_again_and_again_has_its_effect_once(mongo: Mongo, kafka: Kafka) -> None:
    seen = count("events_skipped_total", topic=TOPIC, reason="seen")
    twice, last = event(downloaded(1, 1)), event(downloaded(1, 2))
    await publish(kafka, twice, twice, twice, last)
    async with reading(mongo, kafka, recorded(mongo)):
        await until_effects(mongo, [1, 2])
    assert count("events_skipped_total", topic=TOPIC, reason="seen") == seen + 2


async def test_two_reader_groups_on_one_database_each_have_their_effect(mongo: Mongo, kafka: Kafka) -> None:
    await publish(kafka, event(downloaded(1, 1)))
    async with reading(mongo, kafka, recorded(mongo), "one"), reading(mongo, kafka, recorded(mongo), "two"):
        await until_effects(mongo, [1, 1])


async def test_an_event_that_fails_is_tried_again_with_growing_pauses_and_then_set_aside(
    mongo: Mongo, kafka: Kafka
) -> None:
    times: list[float] = []

    async def fails_on_one(event: Event[Downloaded], session: Session) -> None:
        await recorded(mongo)(event, session)
        if event.data.file_id == 1:
            times.append(time.monotonic())
            raise ValueError("cannot count to one")

    bad = event(downloaded(1, 1))
    await publish(kafka, bad, event(downloaded(1, 2)))
    async with reading(mongo, kafka, fails_on_one) as consumer:
        await until_effects(mongo, [2])  # the event behind it was not blocked, and what it wrote is rolled back
        await until_committed(kafka, consumer.group, 2)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == ATTEMPTS
    assert all(pause >= 0.2 * 2**number for number, pause in enumerate(pauses)), pauses
    assert await mongo[INBOX].count_documents({"_id": {"$regex": bad.id}}) == 0
    [dead] = await records(kafka, f"{TOPIC}.dead")
    assert (dead.value, dead.key) == (encode(bad), b"1")
    headers = {name: value.decode() for name, value in dead.headers}
    assert headers["event-id"] == bad.id
    assert headers["dead-group"] == consumer.group
    assert (headers["dead-topic"], headers["dead-partition"], headers["dead-offset"]) == (TOPIC, "0", "0")
    assert headers["dead-attempts"] == str(ATTEMPTS)
    assert headers["dead-error"] == "ValueError: cannot count to one"
    assert "fails_on_one" in headers["dead-traceback"]


async def test_an_event_that_fails_for_a_while_has_its_effect_in_the_end(
    mongo: Mongo, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.consumer.wait_exponential_jitter", lambda *_, **__: wait_fixed(0.01))
    tries = 0

    async def fails_twice(event: Event[Downloaded], session: Session) -> None:
        nonlocal tries
        tries += 1
        await recorded(mongo)(event, session)
        if tries < 3:
            raise ValueError("not yet")

    await publish(kafka, event(downloaded(1, 1)))
    async with reading(mongo, kafka, fails_twice):
        await until_effects(mongo, [1])
    assert await records(kafka, f"{TOPIC}.dead") == []


async def test_an_engine_that_is_away_is_waited_for_however_long(
    mongo: Mongo, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.consumer.wait_exponential_jitter", lambda *_, **__: wait_fixed(0.01))
    tries = 0

    async def away_for_long(event: Event[Downloaded], session: Session) -> None:
        nonlocal tries
        tries += 1
        if tries <= 3 * ATTEMPTS:
            raise AutoReconnect("the server is away")
        await recorded(mongo)(event, session)

    await publish(kafka, event(downloaded(1, 1)))
    async with reading(mongo, kafka, away_for_long):
        await until_effects(mongo, [1])
    assert await records(kafka, f"{TOPIC}.dead") == []


async def test_bytes_that_are_no_event_are_set_aside_as_they_are(mongo: Mongo, kafka: Kafka) -> None:
    reasons = {
        b"\x00\xff not json": "the envelope is not valid",
        b"": "the envelope is not valid",
        b'{"specversion": "1.0"}': "missing required field",
        encode(event(downloaded(1))).replace(b'"versionId":1', b'"versionId":"one"'): "Expected `int`, got `str`",
    }
    for value in reasons:
        await publish_bytes(kafka, value, key="9")
    await publish(kafka, event(downloaded(1, 2)))
    async with reading(mongo, kafka, recorded(mongo)):
        await until_effects(mongo, [2])
    dead = await records(kafka, f"{TOPIC}.dead")
    assert [record.value or b"" for record in dead] == list(reasons)
    for record, reason in zip(dead, reasons.values(), strict=True):
        headers = {name: value.decode() for name, value in record.headers}
        assert record.key == b"9"
        assert headers["made-by"] == "somebody"  # what it came with is still there
        assert headers["dead-attempts"] == "1"
        assert reason in headers["dead-error"]


async def test_an_event_of_a_type_from_the_future_is_skipped(mongo: Mongo, kafka: Kafka) -> None:
    unknown = count("events_skipped_total", topic=TOPIC, reason="unknown")
    future = encode(event(downloaded(1, 1))).replace(b"easel.Downloaded", b"easel.Teleported")
    await publish_bytes(kafka, future)
    await publish(kafka, event(downloaded(1, 2)))
    async with reading(mongo, kafka, recorded(mongo)) as consumer:
        await until_effects(mongo, [2])
        await until_committed(kafka, consumer.group, 2)
    assert count("events_skipped_total", topic=TOPIC, reason="unknown") == unknown + 1
    assert await records(kafka, f"{TOPIC}.dead") == []


async def test_a_reader_that_dies_between_effect_and_commit_gets_the_event_again_and_does_nothing(
    mongo: Mongo, kafka: Kafka
) -> None:
    await publish(kafka, event(downloaded(1, 1)), event(downloaded(1, 2)))
    command = [sys.executable, "-m", crashing_reader.__name__, "reader"]
    died = await asyncio.to_thread(subprocess.run, command, timeout=60, check=False, cwd=CHECKOUT)
    assert died.returncode == crashing_reader.EXIT_STATUS
    assert await effects(mongo) == [1]
    seen = count("events_skipped_total", topic=TOPIC, reason="seen")
    async with reading(mongo, kafka, recorded(mongo)) as consumer:  # the same group: it goes on where the offset is
        await until_effects(mongo, [1, 2])
        await until_committed(kafka, consumer.group, 2)
    assert count("events_skipped_total", topic=TOPIC, reason="seen") == seen + 1


async def test_lag_is_what_a_group_has_not_committed_yet(mongo: Mongo, kafka: Kafka) -> None:
    await publish(kafka, *(event(downloaded(1, number)) for number in range(3)))
    group = kafka.group("reader")

    async def until_lag(consumer: Consumer, wanted: int) -> None:
        probe = Loop("lag probe under test", LagProbe(kafka, consumer).run)
        await probe.start()
        try:
            async for attempt in until_true():
                with attempt:
                    assert REGISTRY.get_sample_value("easel_consumer_lag", {"topic": TOPIC, "group": group}) == wanted
        finally:
            await probe.stop()

    async with reading(mongo, kafka, recorded(mongo)) as consumer:
        await until_effects(mongo, [0, 1, 2])
        await until_committed(kafka, group, 3)
    await until_lag(consumer, 0)
    await publish(kafka, *(event(downloaded(1, number)) for number in range(3, 5)))
    await until_lag(consumer, 2)
