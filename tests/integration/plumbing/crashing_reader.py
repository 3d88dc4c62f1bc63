"""A process that reads events and dies by itself after the first effect is recorded, before it says so to the broker.

`python -m tests.integration.plumbing.crashing_reader NAME`, with the environment of a service.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo, Session
from shared.events import Event
from shared.events.usage import Downloaded
from shared.settings import Settings
from tests.integration.plumbing.events import TOPIC

EXIT_STATUS = 70


class CrashingConsumer(Consumer):
    """Power is cut between the effect and the commit of the offset."""

    async def process(self, record: Any) -> None:
        """As the real one, but the process does not survive it."""
        await super().process(record)
        os._exit(EXIT_STATUS)


async def main(name: str) -> None:
    """Read until the crash."""
    settings = Settings()
    mongo, kafka = Mongo(settings, "plumbing"), Kafka(settings)
    await mongo.start()
    await kafka.start()
    consumer = CrashingConsumer(mongo, kafka, name)

    async def effect(event: Event[Downloaded], session: Session) -> None:
        await mongo["effects"].insert_one({"event": event.id, "number": event.data.file_id}, session=session)

    consumer.on(Downloaded, effect)
    consumer.subscribe((TOPIC,))
    await consumer.start()
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
