"""Brings dirty rows into the index, as soon as they are committed.

A change stream of the rows wakes the indexer; rows that come while it works are written together in the next round.
Each round makes its documents findable, and rounds begin `flush_pause_seconds` apart. Every process of the service does
this; a row that two of them write is written twice with the same version.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from services.search.domain.documents import Document, index_document
from services.search.engine import Down, IndexMissing, SearchIndex, Write
from services.search.metrics import FINDABLE_SECONDS, FLUSH_SECONDS, WRITES
from services.search.repository import Row, Rows
from shared.clock import now
from shared.telemetry import logger

log = logger(__name__)
_BATCH = 500


def writes_of(rows: Sequence[Row]) -> list[Write]:
    """What the index is to say of these rows."""
    return [Write(model_id=row.model_id, seq=row.seq, document=_document(row)) for row in rows]


def _document(row: Row) -> Document | None:
    if row.document is None:
        return None
    return index_document(row.model_id, row.seq, row.document, trend=row.trend)


class Indexer:
    """The loop that empties the set of dirty rows."""

    def __init__(self, rows: Rows, index: SearchIndex, *, pause_seconds: float) -> None:
        self._rows = rows
        self._index = index
        self._pause_seconds = pause_seconds

    async def run(self) -> None:
        """Flush until cancelled; wait while the engine is away or the index is being made."""
        # Opened before the first look, so that a row written in between still wakes us.
        async with self._rows.changes() as changes:
            while True:
                began = time.monotonic()
                if await self._flush_patiently():
                    await asyncio.sleep(max(0.0, began + self._pause_seconds - time.monotonic()))
                await changes.wait()

    async def _flush_patiently(self) -> int:
        def waiting(state: RetryCallState) -> None:
            if state.attempt_number in (1, 10) or state.attempt_number % 100 == 0:
                log.warning("cannot index now", error=repr(state.outcome.exception() if state.outcome else None))

        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type((Down, IndexMissing)),
            wait=wait_exponential_jitter(0.1, max=1, jitter=0.1),
            after=waiting,
        ):
            with attempt:
                return await self.flush()
        raise AssertionError("unreachable: it is tried until it succeeds")

    async def flush(self) -> int:
        """Write all rows that are dirty now, and return how many. Raises Down or IndexMissing."""
        done = 0
        while rows := await self._rows.list_dirty(_BATCH):
            await self._write(rows)
            done += len(rows)
            if len(rows) < _BATCH:
                break
        return done

    async def _write(self, rows: list[Row]) -> None:
        with FLUSH_SECONDS.time():
            # In a thread: analysing 500 documents takes longer than a search may wait.
            refused = await self._index.write(await asyncio.to_thread(writes_of, rows))
        await self._rows.settle(rows, refused)
        for model_id, reason in refused.items():
            log.error("document refused by the index", model_id=model_id, reason=reason)
        WRITES.labels("refused").inc(len(refused))
        WRITES.labels("written").inc(len(rows) - len(refused))
        findable_at = now()
        for row in rows:
            if row.changed_at is not None:
                FINDABLE_SECONDS.observe(max(0.0, (findable_at - row.changed_at).total_seconds()))
