"""The transactional outbox: events are written with the state they tell of, and a relay publishes them.

A relay of the service (one at a time, by a lease) sends the rows in the order of their ids and deletes what the broker
has acknowledged. A crash between the two sends a row twice; readers skip what they have seen (`shared.consumer`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from shared.batching import Batch
from shared.clock import new_id, now
from shared.engines.kafka import Kafka
from shared.engines.mongo import DuplicateKeyError, Mongo, ReturnDocument, Session
from shared.events.envelope import encode, envelope
from shared.events.payload import Payload
from shared.telemetry import CORRELATION_HEADER, EVENTS_PRODUCED, OUTBOX_DEPTH, correlation_id

COLLECTION = "outbox"
_BATCH = 200
_LEASE = timedelta(seconds=5)
_WAKE_MS = 1_000
_LEASE_ID = "outbox-relay"


class _Rows:
    """Rows of one `add`."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows


class Outbox:
    """Where a repository puts the events of a change, inside the change's transaction."""

    def __init__(self, mongo: Mongo, source: str) -> None:
        self._mongo = mongo
        self._source = source
        self._alone: Batch[_Rows, None] = Batch(self._write)

    async def add(self, payloads: Sequence[Payload], session: Session | None = None) -> None:
        """Write the events. Without a session the write stands alone (for events that accompany no state)."""
        if not payloads:
            return
        correlation = correlation_id()
        rows: list[dict[str, Any]] = []
        for payload in payloads:
            event = envelope(payload, source=f"easel/{self._source}", correlation_id=correlation)
            rows.append(
                {
                    "_id": event.id,
                    "topic": payload.topic_name(),
                    "key": payload.partition_key,
                    "type": type(payload).__name__,
                    "value": encode(event),
                    "correlation": correlation,
                }
            )
        if session is None:
            await self._alone.ask(_Rows(rows))
        else:
            await self._mongo[COLLECTION].insert_many(rows, session=session)

    async def _write(self, waiting: Sequence[_Rows]) -> list[None]:
        """Events that accompany no state and come at the same time are written, and flushed to the disk, together."""
        await self._mongo[COLLECTION].insert_many([row for each in waiting for row in each.rows])
        return [None] * len(waiting)


class Relay:
    """Publishes what the outbox holds. Run it as a loop in every process of the service; one of them works."""

    def __init__(self, mongo: Mongo, kafka: Kafka) -> None:
        self._rows = mongo[COLLECTION]
        self._leases = mongo["leases"]
        self._kafka = kafka
        self._owner = new_id()
        self._held_until = now()

    async def run(self) -> None:
        """Publish until cancelled. Raises when an engine is away; the loop around it starts it again."""
        await self._wait_for_lease()
        try:
            await self._publish_for_ever()
        finally:
            # So that the next one need not wait for the lease to run out.
            await asyncio.shield(self._leases.delete_one({"_id": _LEASE_ID, "owner": self._owner}))

    async def _publish_for_ever(self) -> None:
        # Opened before the first look, so that a row written in between still wakes us.
        async with self._rows.watch([{"$match": {"operationType": "insert"}}], max_await_time_ms=_WAKE_MS) as stream:
            while True:
                if now() > self._held_until - _LEASE / 2 and not await self._take_lease():
                    return
                if not await self._publish_batch():
                    await stream.try_next()

    async def _wait_for_lease(self) -> None:
        while not await self._take_lease():  # noqa: ASYNC110 (the lease is in the database)
            await asyncio.sleep(_WAKE_MS / 1000)

    async def _take_lease(self) -> bool:
        until = now() + _LEASE
        try:
            await self._leases.find_one_and_update(
                {"_id": _LEASE_ID, "$or": [{"owner": self._owner}, {"until": {"$lt": now()}}]},
                {"$set": {"owner": self._owner, "until": until}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            return False
        self._held_until = until
        return True

    async def _publish_batch(self) -> bool:
        """Publish the oldest rows; False when there were none. One key's rows go in order, keys side by side."""
        rows = [row async for row in self._rows.find().sort("_id", 1).limit(_BATCH)]
        OUTBOX_DEPTH.set(len(rows) if len(rows) < _BATCH else await self._rows.estimated_document_count())
        if not rows:
            return False
        by_key = groupby(
            sorted(rows, key=lambda row: (row["topic"], row["key"])), key=lambda row: (row["topic"], row["key"])
        )
        await asyncio.gather(*(self._publish_in_order(list(group)) for _, group in by_key))
        await self._rows.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
        return True

    async def _publish_in_order(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            headers = {
                "event-id": row["_id"],
                "content-type": "application/json",
                CORRELATION_HEADER: row["correlation"],
            }
            await self._kafka.publish(row["topic"], row["key"], row["value"], headers)
            EVENTS_PRODUCED.labels(row["topic"], row["type"]).inc()
