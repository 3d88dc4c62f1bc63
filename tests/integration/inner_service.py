"""One service under test on the real engines: its HTTP as the gateway calls it, the events it reads and writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from httpx import Response
from litestar import Litestar
from litestar.testing import AsyncTestClient
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from shared.actor import NOBODY, Actor
from shared.engines.kafka import Kafka, make_topics, read_records
from shared.engines.mongo import Mongo
from shared.events import Event, Payload, decode, encode
from shared.events.envelope import envelope
from shared.outbox import Outbox
from shared.settings import Settings

DEADLINE_SECONDS = 30.0


def until_true() -> AsyncRetrying:
    """Try a block again until its assertions hold; the last failure is raised at the deadline."""
    return AsyncRetrying(
        retry=retry_if_exception_type(AssertionError), wait=wait_fixed(0.05), stop=stop_after_delay(DEADLINE_SECONDS),
        reraise=True,
    )  # fmt: skip


def own_environment(engines: Mapping[str, str]) -> dict[str, str]:
    """The engines' environment with prefixes of its own, so that nothing here meets what another test left there."""
    mark = f"t{uuid4().hex[:10]}"
    return {**engines, "EASEL_MONGO_PREFIX": mark, "EASEL_KAFKA_PREFIX": f"{mark}."}


@asynccontextmanager
async def own_database(
    engines: Mapping[str, str], service: str, name_indexes: Callable[[Mongo, Outbox], object]
) -> AsyncIterator[Mongo]:
    """A database that a service has for one test, gone afterwards. What `name_indexes` makes asks for the indexes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own_environment(engines).items():
            patch.setenv(name, value)
        mongo = Mongo(Settings(), service)
        name_indexes(mongo, Outbox(mongo, service))
        await mongo.start()
        try:
            yield mongo
            await mongo.database.client.drop_database(mongo.database.name)
        finally:
            await mongo.stop()


class InnerService:
    """A running service. `call` asks it over HTTP, `tell` is another service's event, `told` what it published."""

    def __init__(self, client: AsyncTestClient[Litestar], settings: Settings, kafka: Kafka) -> None:
        self.settings = settings
        self._client = client
        self._kafka = kafka
        self._token = settings.internal_token.get_secret_value()

    async def call(
        self, method: str, path: str, *, actor: Actor = NOBODY, json: object = None, params: Any = None
    ) -> Response:
        """One request with the hub's token, on behalf of `actor`."""
        headers = {"authorization": f"Bearer {self._token}", **actor.headers()}
        return await self._client.request(method, path, headers=headers, json=json, params=params)

    async def call_without_token(self, path: str) -> Response:
        """One request as a stranger on the network sends it."""
        return await self._client.get(path)

    async def tell(self, *payloads: Payload) -> list[Event[Payload]]:
        """Publish events as the service that owns their topic does."""
        events = [envelope(payload, source="easel/test", correlation_id="test") for payload in payloads]
        await self.tell_again(events)
        return events

    async def tell_again(self, events: Sequence[Event[Payload]]) -> None:
        """Publish the very same events (their ids too), as a relay does that crashed before it forgot them."""
        for event in events:
            key = event.data.partition_key
            await self._kafka.publish(event.data.topic_name(), key, encode(event), {"event-id": event.id})

    async def told(self, topic: str, *, count: int, of: Callable[[Any], bool] = lambda _: True) -> list[Any]:
        """The payloads on a topic that satisfy `of`, once there are `count` or more."""
        async for attempt in until_true():
            with attempt:
                records = await read_records(self.settings, [self._kafka.topic(topic)])
                found = [data for record in records if of(data := decode(record.value).data)]
                assert len(found) >= count, f"{len(found)} of {count} events on {topic}: {found}"
        return found

    async def dead(self, topic: str) -> list[Any]:
        """The records in the dead letters of a topic."""
        return await read_records(self.settings, [self._kafka.topic(topic) + ".dead"])


@asynccontextmanager
async def running(create_app: Callable[[], Litestar], engines: Mapping[str, str]) -> AsyncIterator[InnerService]:
    """Start a service on the engines, with topics and a database of its own; ready when it is handed out."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own_environment(engines).items():
            patch.setenv(name, value)
        settings = Settings()
        await make_topics(settings)
        app = create_app()
    kafka = Kafka(settings)
    await kafka.start()
    try:
        async with AsyncTestClient(app) as client:
            async for attempt in until_true():
                with attempt:
                    answer = await client.get("/health/ready")
                    assert answer.status_code == 200, answer.text
            yield InnerService(client, settings, kafka)
    finally:
        await kafka.stop()
