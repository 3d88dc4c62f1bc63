"""Reading in batches: the same effects as one by one, in the same order, with fewer transactions."""

from __future__ import annotations

from collections.abc import Sequence

from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo, Session
from shared.events import Event, Payload, encode
from shared.events.models import ModelDeleted
from shared.events.usage import Downloaded
from tests.integration.inner_service import until_true
from tests.integration.plumbing.events import TOPIC, downloaded, event, publish, publish_bytes, records


class Effects:
    """What happened, in the order in which it did."""

    def __init__(self, mongo: Mongo, kafka: Kafka, refuses: int | None = None) -> None:
        self._mongo = mongo
        self._refuses = refuses
        self.batches: list[int] = []
        self.consumer = Consumer(mongo, kafka, "batches")
        self.consumer.on_batch([Downloaded], self.on_downloaded)
        self.consumer.on(ModelDeleted, self.on_deleted)
        self.consumer.subscribe((TOPIC,))

    async def on_downloaded(self, events: Sequence[Event[Payload]], session: Session) -> None:
        numbers = [each.data.file_id for each in events if isinstance(each.data, Downloaded)]
        self.batches.append(len(numbers))
        if self._refuses in numbers:
            raise ValueError("not this one")
        await self._mongo["effects"].insert_many([{"number": number} for number in numbers], session=session)

    async def on_deleted(self, event: Event[ModelDeleted], session: Session) -> None:
        await self._mongo["effects"].insert_one({"number": -event.data.model_id}, session=session)

    async def until(self, numbers: list[int]) -> None:
        await self.consumer.start()
        try:
            async for attempt in until_true():
                with attempt:
                    assert [row["number"] async for row in self._mongo["effects"].find().sort("_id", 1)] == numbers
        finally:
            await self.consumer.stop()


async def test_what_is_for_batches_goes_together_and_the_rest_between_them_alone(mongo: Mongo, kafka: Kafka) -> None:
    twice = event(downloaded(1, 3))
    await publish(kafka, event(downloaded(1, 1)), event(downloaded(1, 2)))
    await publish_bytes(kafka, encode(event(ModelDeleted(model_id=9))), key="1")
    await publish(kafka, twice)
    await publish_bytes(kafka, b"no event", key="1")
    await publish(kafka, twice, event(downloaded(1, 4)))
    effects = Effects(mongo, kafka)
    await effects.until([1, 2, -9, 3, 4])
    assert len(effects.batches) < 4
    assert [record.value for record in await records(kafka, f"{TOPIC}.dead")] == [b"no event"]


async def test_a_batch_that_fails_is_taken_apart_and_only_the_bad_event_set_aside(mongo: Mongo, kafka: Kafka) -> None:
    bad = event(downloaded(1, 2))
    await publish(kafka, event(downloaded(1, 1)), bad, event(downloaded(1, 3)))
    await Effects(mongo, kafka, refuses=2).until([1, 3])
    assert [record.value for record in await records(kafka, f"{TOPIC}.dead")] == [encode(bad)]
