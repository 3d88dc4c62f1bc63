"""Reading events: at least once, counted once, never blocked for ever, never lost.

* The offset is committed after the effect (manual acknowledgement; FastStream's default would commit before).
* The event's id is recorded in the same transaction as its effect, so a redelivered event changes nothing.
* A handler that raises is tried again with growing pauses; after `ATTEMPTS` the original bytes go to `<topic>.dead`
  with the error. While an engine is away the reader waits instead: that is not the event's fault.
* A reader of many small events may take those in batches, each in one transaction; a batch that fails is taken apart.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, TypeVar, cast

import structlog
from faststream import AckPolicy
from faststream.kafka.annotations import KafkaMessage
from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter

from shared.clock import now
from shared.engines.kafka import Kafka, KafkaError
from shared.engines.mongo import IndexModel, Mongo, Session, is_outage
from shared.events.envelope import Event, MalformedEvent, UnknownEventType, decode
from shared.events.payload import Payload
from shared.events.topics import DEAD_SUFFIX
from shared.telemetry import (
    CORRELATION_HEADER,
    EVENT_SECONDS,
    EVENTS_CONSUMED,
    EVENTS_DEAD,
    EVENTS_FAILED,
    EVENTS_SKIPPED,
    begin_correlation,
    logger,
)

P = TypeVar("P", bound=Payload)
Handler = Callable[[Event[P], Session], Awaitable[None]]
BatchHandler = Callable[[Sequence[Event[Payload]], Session], Awaitable[None]]

ATTEMPTS = 5
INBOX = "inbox"
_BATCH = 500
_BATCH_WAIT_MS = 100
"""How long a batch waits for its first record; one that has some does not wait for more."""
_REMEMBER = timedelta(days=40)
"""Longer than any topic that is replayed keeps its events (moderation keeps 90 days, but is not replayed by hand)."""

log = logger(__name__)


def _engine_is_away(error: BaseException) -> bool:
    return is_outage(error) or isinstance(error, (ConnectionError, TimeoutError, KafkaError))


def _given_up(state: RetryCallState) -> bool:
    """Stop after ATTEMPTS, unless the fault is an engine that is away."""
    error = state.outcome.exception() if state.outcome else None
    return state.attempt_number >= ATTEMPTS and error is not None and not _engine_is_away(error)


class Consumer:
    """The one reader group of a process, and a component of it. Register handlers with `on`, then `subscribe`."""

    def __init__(self, mongo: Mongo, kafka: Kafka, name: str) -> None:
        self._mongo = mongo
        self._kafka = kafka
        self._broker = kafka.new_broker()
        self._reader = name
        self.name = "consumer"
        self.group = kafka.group(name)
        self.topics: tuple[str, ...] = ()
        self._handlers: dict[type[Payload], Handler[Any]] = {}
        self._batch_handler: BatchHandler | None = None
        self._batched: frozenset[type[Payload]] = frozenset()
        mongo.index({INBOX: [IndexModel("at", expireAfterSeconds=int(_REMEMBER.total_seconds()))]})

    def on(self, payload_type: type[P], handler: Handler[P]) -> None:
        """Call `handler` for each event of that type, in one transaction with the record that it was seen."""
        self._handlers[payload_type] = handler

    def on_batch(self, payload_types: Sequence[type[Payload]], handler: BatchHandler) -> None:
        """Call `handler` for many events of those types at once, in one transaction; `on` is not needed for them.

        It gets events in the order of their partition, and must do the same for a batch as for its events one by one.
        """

        async def one(event: Event[Payload], session: Session) -> None:
            await handler([event], session)

        self._batch_handler = handler
        self._batched = frozenset(payload_types)
        for payload_type in payload_types:
            self._handlers[payload_type] = one

    def subscribe(self, topics: Sequence[str]) -> None:
        """Read these topics of the contract from their beginning, as one group."""
        settings = self._kafka.settings
        self.topics = tuple(topics)
        names = [self._kafka.topic(topic) for topic in topics]
        if self._batch_handler is not None:
            batches = self._broker.subscriber(
                *names,
                batch=True,
                max_records=_BATCH,
                batch_timeout_ms=_BATCH_WAIT_MS,
                group_id=self.group,
                auto_offset_reset="earliest",
                ack_policy=AckPolicy.MANUAL,
                session_timeout_ms=settings.kafka_session_timeout_ms,
                heartbeat_interval_ms=settings.kafka_heartbeat_ms,
            )

            @batches
            async def receive_batch(message: KafkaMessage) -> None:
                await self.process_batch(cast(Sequence[Any], message.raw_message))
                await message.ack()

            return
        subscriber = self._broker.subscriber(
            *names,
            group_id=self.group,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=settings.kafka_session_timeout_ms,
            heartbeat_interval_ms=settings.kafka_heartbeat_ms,
        )

        @subscriber
        async def receive(message: KafkaMessage) -> None:
            record = cast(Any, message.raw_message)
            await self.process(record)
            await message.ack()

    async def start(self) -> None:
        """Join the group; on some brokers that takes half the session time-out, or twice it after a restart."""
        await self._broker.start()

    async def check(self) -> None:
        """Raise if the broker does not answer."""
        if not await self._broker.ping(timeout=2.0):
            raise ConnectionError("the broker does not answer")

    async def stop(self) -> None:
        """Finish the event in hand and leave the group."""
        await self._broker.stop()

    async def process_batch(self, records: Sequence[Any]) -> None:
        """Bring many records to their end, in their order: those for the batch handler together, as far as they follow
        each other and nothing is wrong with any of them, the others one by one."""
        for events, run in self._runs(records):
            if not events or not await self._together(events, run):
                for record in run:
                    await self.process(record)

    def _runs(self, records: Sequence[Any]) -> Iterator[tuple[list[Event[Payload]], list[Any]]]:
        """Parts of a batch: events for its handler with their records, or records alone for the handlers of one."""
        pairs = [(self._batched_event(record), record) for record in records]
        for _, group in groupby(pairs, key=lambda pair: pair[0] is not None):
            run = list(group)
            yield [event for event, _ in run if event is not None], [record for _, record in run]

    def _batched_event(self, record: Any) -> Event[Payload] | None:
        """The event in a record, if it is one for the batch handler."""
        try:
            event = decode(record.value or b"")
        except (UnknownEventType, MalformedEvent):
            return None
        return event if type(event.data) in self._batched else None

    async def _together(self, events: Sequence[Event[Payload]], records: Sequence[Any]) -> bool:
        """Run the handler of batches once; False, and no effect, if it could not."""
        assert self._batch_handler is not None
        try:
            new = await self._all_once(events, self._batch_handler)
        except Exception as error:  # one by one shows which event it is, and whether an engine is away
            log.warning("a batch failed and is taken apart", events=len(events), error=repr(error))
            return False
        processed_at = now()
        for event, record in zip(events, records, strict=True):
            topic, kind = self._kafka.contract_topic(record.topic), type(event.data).__name__
            if event.id not in new:
                EVENTS_SKIPPED.labels(topic, "seen").inc()
                continue
            EVENTS_CONSUMED.labels(topic, kind).inc()
            EVENT_SECONDS.labels(topic).observe(max(0.0, (processed_at - event.time).total_seconds()))
            structlog.contextvars.clear_contextvars()
            begin_correlation(event.correlation_id)
            log.info("event processed", type=kind, subject=event.data.partition_key, event_id=event.id)
        return True

    async def _all_once(self, events: Sequence[Event[Payload]], handler: BatchHandler) -> set[str]:
        """Run the handler for those that were not seen before, in the transaction that records their ids."""

        async def effect(session: Session) -> set[str]:
            marks = {f"{self._reader}:{event.id}": event for event in events}
            known = self._mongo[INBOX].find({"_id": {"$in": list(marks)}}, {"_id": 1}, session=session)
            for seen in [row["_id"] async for row in known]:
                del marks[seen]
            if marks:
                at = now()
                await self._mongo[INBOX].insert_many([{"_id": mark, "at": at} for mark in marks], session=session)
                await handler(list(marks.values()), session)
            return {event.id for event in marks.values()}

        return await self._mongo.transact(effect)

    async def process(self, record: Any) -> None:
        """Bring one record to its end: effect recorded, skipped, or dead-lettered."""
        topic = self._kafka.contract_topic(record.topic)
        structlog.contextvars.clear_contextvars()
        headers = {key: value.decode("utf-8", "replace") for key, value in record.headers}
        begin_correlation(headers.get(CORRELATION_HEADER))
        structlog.contextvars.bind_contextvars(event_id=headers.get("event-id", ""))
        try:
            event = decode(record.value or b"")
        except UnknownEventType:
            EVENTS_SKIPPED.labels(topic, "unknown").inc()
            return
        except MalformedEvent as error:
            await self._dead_letter(record, topic, error, attempts=1)
            return
        handler = self._handlers.get(type(event.data))
        if handler is None:
            EVENTS_SKIPPED.labels(topic, "not handled").inc()
            return
        await self._attempt(record, topic, event, handler)

    async def _attempt(self, record: Any, topic: str, event: Event[Payload], handler: Handler[Any]) -> None:
        kind = type(event.data).__name__
        attempts = 0

        def failed(state: RetryCallState) -> None:
            EVENTS_FAILED.labels(topic, kind).inc()
            error = state.outcome.exception() if state.outcome else None
            log.warning("event failed", type=kind, attempt=state.attempt_number, error=repr(error))

        try:
            async for attempt in AsyncRetrying(
                stop=_given_up, wait=wait_exponential_jitter(0.2, max=10), after=failed, reraise=True
            ):
                attempts = attempt.retry_state.attempt_number
                with attempt:
                    seen = await self._once(event, handler)
        except Exception as error:
            await self._dead_letter(record, topic, error, attempts=attempts)
            return
        if seen:
            EVENTS_SKIPPED.labels(topic, "seen").inc()
            return
        EVENTS_CONSUMED.labels(topic, kind).inc()
        EVENT_SECONDS.labels(topic).observe(max(0.0, (now() - event.time).total_seconds()))
        log.info("event processed", type=kind, subject=event.data.partition_key)

    async def _once(self, event: Event[Payload], handler: Handler[Any]) -> bool:
        """Run the handler in the transaction that records the event's id; True if it had been recorded before."""
        mark = f"{self._reader}:{event.id}"

        async def effect(session: Session) -> bool:
            if await self._mongo[INBOX].find_one({"_id": mark}, session=session):
                return True
            await self._mongo[INBOX].insert_one({"_id": mark, "at": now()}, session=session)
            await handler(event, session)
            return False

        return await self._mongo.transact(effect)

    async def _dead_letter(self, record: Any, topic: str, error: BaseException, *, attempts: int) -> None:
        """Move the record, as it came, to the dead-letter topic. Waits for the broker as long as it takes."""
        headers = {key: value.decode("utf-8", "replace") for key, value in record.headers} | {
            "dead-group": self.group,
            "dead-topic": topic,
            "dead-partition": str(record.partition),
            "dead-offset": str(record.offset),
            "dead-attempts": str(attempts),
            "dead-error": f"{type(error).__name__}: {error}"[:2_000],
            "dead-traceback": "".join(traceback.format_exception(error))[-4_000:],
            "dead-at": now().isoformat(),
        }
        async for attempt in AsyncRetrying(wait=wait_exponential_jitter(0.5, max=15), reraise=True):
            with attempt:
                await self._kafka.broker.publish(
                    record.value or b"", topic=record.topic + DEAD_SUFFIX, key=record.key, headers=headers
                )
        EVENTS_DEAD.labels(topic).inc()
        log.error("event moved to the dead letters", topic=topic, attempts=attempts, error=repr(error))
