"""Events of the contract as these tests use them, and what of them is on a topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.engines.kafka import Kafka, read_records
from shared.events import Event, Payload, encode
from shared.events.envelope import envelope
from shared.events.usage import Downloaded

TOPIC = "easel.usage"


def downloaded(key: int, number: int = 0) -> Downloaded:
    """An event of `TOPIC` with that key; `number` tells it from others."""
    return Downloaded(model_id=1, version_id=key, file_id=number)


def event(payload: Payload) -> Event[Payload]:
    """A new event around it."""
    return envelope(payload, source="easel/test", correlation_id="test")


async def publish(kafka: Kafka, *events: Event[Payload]) -> None:
    """Send events as the relay does."""
    for each in events:
        await kafka.publish(each.data.topic_name(), each.data.partition_key, encode(each), {"event-id": each.id})


async def publish_bytes(kafka: Kafka, value: bytes, key: str = "7") -> None:
    """Send a record that may be no event at all."""
    await kafka.publish(TOPIC, key, value, {"event-id": "none", "made-by": "somebody"})


async def records(kafka: Kafka, topic: str = TOPIC) -> Sequence[Any]:
    """Every record on a topic."""
    return await read_records(kafka.settings, [kafka.topic(topic)])
