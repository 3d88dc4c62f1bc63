"""Consumer lag, measured without the admin client (not every broker answers its group calls)."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.consumer import Consumer
from shared.engines.kafka import Kafka, client_options
from shared.telemetry import CONSUMER_LAG

_EVERY_SECONDS = 15.0


class LagProbe:
    """Sets `easel_consumer_lag` from committed and end offsets; assigns partitions by hand, so it joins no group."""

    def __init__(self, kafka: Kafka, consumer: Consumer) -> None:
        self._kafka = kafka
        self._consumer = consumer

    async def run(self) -> None:
        """Measure until cancelled."""
        reader = AIOKafkaConsumer(
            **client_options(self._kafka.settings), group_id=self._consumer.group, enable_auto_commit=False
        )
        await reader.start()
        try:
            while True:
                for topic in self._consumer.topics:
                    await self._measure(reader, topic)
                await asyncio.sleep(_EVERY_SECONDS)
        finally:
            await reader.stop()

    async def _measure(self, reader: AIOKafkaConsumer, topic: str) -> None:
        name = self._kafka.topic(topic)
        await reader.topics()
        partitions = [TopicPartition(name, number) for number in reader.partitions_for_topic(name) or ()]
        if not partitions:
            return
        reader.assign(partitions)
        ends = await reader.end_offsets(partitions)
        behind = 0
        for partition in partitions:
            behind += max(0, ends[partition] - (await reader.committed(partition) or 0))
        CONSUMER_LAG.labels(topic, self._consumer.group).set(behind)
