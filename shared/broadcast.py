"""Events that every process hears, from now on: for what a process keeps in memory and must drop when it changes.

Unlike `shared.consumer` there is no group, no offset and no inbox: nothing that is heard is work to be done once. Who
starts, or had to start again, has missed what came before, and must begin with nothing kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.engines.kafka import Kafka, client_options
from shared.events import Event
from shared.events.envelope import MalformedEvent, UnknownEventType, decode
from shared.events.payload import Payload
from shared.telemetry import EVENTS_SKIPPED

_WAIT_MS = 1_000


class Listener(Protocol):
    """What wants to hear."""

    def begin(self) -> None:
        """From now on nothing is missed."""

    def hear(self, event: Event[Payload]) -> None:
        """One event; perhaps not for the first time."""

    def end(self) -> None:
        """From now on everything may be missed."""


class Broadcast:
    """Reads a topic of the contract from its end, all partitions of it."""

    def __init__(self, kafka: Kafka, topic: str, listener: Listener) -> None:
        self._kafka = kafka
        self._topic = topic
        self._listener = listener

    async def run(self) -> None:
        """Read until cancelled. Raises what the client raises; `Loop` then begins again."""
        reader = AIOKafkaConsumer(**client_options(self._kafka.settings), enable_auto_commit=False)
        await reader.start()
        try:
            while True:
                await self._read(reader, await self._assign(reader))
        finally:
            self._listener.end()
            await reader.stop()

    async def _partitions(self, reader: AIOKafkaConsumer) -> list[TopicPartition]:
        name = self._kafka.topic(self._topic)
        await reader.topics()
        return [TopicPartition(name, number) for number in sorted(reader.partitions_for_topic(name) or ())]

    async def _assign(self, reader: AIOKafkaConsumer) -> list[TopicPartition]:
        partitions = await self._partitions(reader)
        reader.assign(partitions)
        await reader.seek_to_end(*partitions)
        for partition in partitions:  # where reading begins is not settled before it is asked for
            await reader.position(partition)
        self._listener.begin()
        return partitions

    async def _read(self, reader: AIOKafkaConsumer, assigned: Sequence[TopicPartition]) -> None:
        """Read until the topic has other partitions than these."""
        while len(reader.partitions_for_topic(self._kafka.topic(self._topic)) or ()) == len(assigned):
            for records in (await reader.getmany(timeout_ms=_WAIT_MS)).values():
                for record in records:
                    self._tell(record.value or b"")
        self._listener.end()

    def _tell(self, raw: bytes) -> None:
        try:
            event = decode(raw)
        except (MalformedEvent, UnknownEventType) as error:  # whoever works on the topic reports or skips it
            EVENTS_SKIPPED.labels(self._topic, type(error).__name__).inc()
            return
        self._listener.hear(event)
