"""Brings dirty rows into the index, as soon as they are committed.

A change stream of the rows wakes the indexer; rows that come while it works are written together in the next round.
Each bulk write refreshes the index, since that is what makes documents findable, and rounds begin `flush_pause_seconds`
apart. Every process of the service does this; a row that two of them write is written twice with the same version.
"""

from __future__ import annotations

import asyncio
import time

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from services.search.index import ModelIndex
from services.search.metrics import FINDABLE_SECONDS, FLUSH_SECONDS, WRITES
from services.search.repository import Row, Rows
from shared.clock import now
from shared.engines.opensearch import IndexMissing, SearchDown
from shared.telemetry import logger

log = logger(__name__)
_BATCH = 500


class Indexer:
    """The loop that empties the set of dirty rows."""

    def __init__(self, rows: Rows, index: ModelIndex, *, pause_seconds: float) -> None:
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
            retry=retry_if_exception_type((SearchDown, IndexMissing)),
            wait=wait_exponential_jitter(0.1, max=1, jitter=0.1),
            after=waiting,
        ):
            with attempt:
                return await self.flush()
        raise AssertionError("unreachable: it is tried until it succeeds")

    async def flush(self) -> int:
        """Write all rows that are dirty now, and return how many. Raises SearchDown or IndexMissing."""
        done = 0
        while rows := await self._rows.list_dirty(_BATCH):
            await self._write(rows)
            done += len(rows)
            if len(rows) < _BATCH:
                break
        return done

    async def _write(self, rows: list[Row]) -> None:
        with FLUSH_SECONDS.time():
            refused = await self._index.write(rows, refresh=True)
        await self._rows.settle(rows, refused)
        for model_id, reason in refused.items():
            log.error("document refused by the index", model_id=model_id, reason=reason)
        WRITES.labels("refused").inc(len(refused))
        WRITES.labels("written").inc(len(rows) - len(refused))
        findable_at = now()
        for row in rows:
            if row.changed_at is not None:
                FINDABLE_SECONDS.observe(max(0.0, (findable_at - row.changed_at).total_seconds()))
