"""The embedded broker's log is kept short, and nobody misses anything."""

from __future__ import annotations

from functools import partial

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.laptop import retention
from deploy.laptop.hub import RunningHub
from deploy.laptop.retention import from_store, prune, removable
from shared.engines.kafka import make_topics
from shared.events.topics import topic_named
from shared.settings import Settings
from tests.integration.plumbing.own_broker import OwnBroker

TOPIC = topic_named("easel.usage")


def batches(*starts: int) -> list[str]:
    return [f"{start:020}.batch" for start in starts]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_MOST_BATCHES", 30)
    monkeypatch.setattr(retention, "_KEPT_BATCHES", 10)


def test_what_is_not_read_and_the_newest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    twenty_each = batches(*range(0, 800, 20))
    assert removable(twenty_each, committed=0) == []
    assert removable(twenty_each, committed=59) == batches(0, 20)
    assert removable(twenty_each, committed=60) == batches(0, 20, 40)
    assert removable(twenty_each, committed=800) == twenty_each[:30]
    assert removable(twenty_each[:30], committed=800) == []


async def test_readers_go_on_where_they_were_and_writers_behind_what_was_there(
    own_broker: OwnBroker, running_hub: RunningHub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_KAFKA_BOOTSTRAP", own_broker.address)
    settings = Settings()
    prefix, topic = settings.kafka_prefix, settings.kafka_prefix + TOPIC.name
    place = TopicPartition(topic, 0)
    await own_broker.start()
    await make_topics(settings, [TOPIC])
    log = running_hub.hub.settings.state / "s3" / own_broker.bucket
    monkeypatch.setenv("AWS_ENDPOINT", settings.s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", settings.s3_access_key.get_secret_value())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", settings.s3_secret_key.get_secret_value())
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    async def write(numbers: range) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=own_broker.address, acks="all", enable_idempotence=False)
        await producer.start()
        for number in numbers:
            sent = await producer.send_and_wait(topic, b"%d" % number)  # one by one: a batch for each
            assert sent.offset == number
        await producer.stop()

    def reader(name: str) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=own_broker.address, group_id=f"{prefix}easel.{name}", enable_auto_commit=False,
            auto_offset_reset="earliest",
        )  # fmt: skip

    async def commit(name: str, offset: int) -> None:
        consumer = reader(name)
        await consumer.start()
        consumer.assign([place])
        await consumer.commit({place: offset})
        await consumer.stop()

    async def read(name: str) -> list[int]:
        consumer = reader(name)
        await consumer.start()
        consumer.assign([place])
        found: list[int] = []
        end = (await consumer.end_offsets([place]))[place]
        while not found or found[-1] < end - 1:
            found += [int(record.value) for record in (await consumer.getmany(place, timeout_ms=5_000)).get(place, [])]
        await consumer.stop()
        return found

    def shorten() -> int:
        return prune(log, prefix, partial(from_store, log.name))

    await write(range(60))
    assert shorten() == 0  # nobody has read anything
    await commit(TOPIC.readers[0], 55)
    assert shorten() == 0  # one of two has not
    await commit(TOPIC.readers[1], 40)
    assert shorten() == 40
    await write(range(60, 65))
    assert await read(TOPIC.readers[0]) == list(range(55, 65))
    assert await read(TOPIC.readers[1]) == list(range(40, 65))
    assert await read("somebody-new") == list(range(40, 65))
    own_broker.kill()
    await own_broker.start()
    await write(range(65, 70))
    assert await read(TOPIC.readers[1]) == list(range(40, 70))
