"""The embedded broker, killed and started again."""

from __future__ import annotations

import signal

import pytest
from aiokafka import AIOKafkaProducer

from shared.engines.kafka import make_topics, read_records
from shared.settings import Settings
from tests.integration.plumbing.own_broker import OwnBroker


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_what_is_written_first_after_a_restart_goes_behind_what_is_there(
    own_broker: OwnBroker, settings: Settings, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setenv("EASEL_KAFKA_BOOTSTRAP", own_broker.address)
    settings = Settings()
    topic = f"{settings.kafka_prefix}easel.usage"
    await own_broker.start()
    await make_topics(settings)
    offsets = []
    for turn in range(3):
        producer = AIOKafkaProducer(bootstrap_servers=own_broker.address, acks="all", enable_idempotence=False)
        await producer.start()
        for number in range(3):
            sent = await producer.send_and_wait(topic, f"{turn}.{number}".encode())
            offsets.append(sent.offset)
        await producer.stop()
        own_broker.end(how)
        await own_broker.start()
    assert offsets == list(range(9))
    kept = [record.value.decode() for record in await read_records(settings, [topic])]
    assert kept == [f"{turn}.{number}" for turn in range(3) for number in range(3)]
