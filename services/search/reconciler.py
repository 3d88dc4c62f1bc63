"""Keeps the index what the rows say, whatever happened to the engine: lost writes, lost index, restored backups.

The rows are the truth. They are compared with the index at the start, whenever the engine was away or restarted or the
index is another one, and every `reconcile_seconds`. A missing index is made and filled before it takes the place of the
old one; that is also how another release's fields come into use without a gap.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from services.search.engine import Down, IndexMissing, SearchIndex
from services.search.indexer import writes_of
from services.search.metrics import COMPARISONS, DOCUMENTS, DRIFT
from services.search.rebuilds import Rebuilds
from services.search.repository import Rows
from shared.telemetry import logger

log = logger(__name__)
_PAGE = 1_000
_FILL = 500


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What one comparison found: documents of the index, and how many differ from the rows in which way."""

    documents: int = 0
    missing: int = 0
    stale: int = 0
    strangers: int = 0

    def __add__(self, other: Drift) -> Drift:
        return Drift(
            documents=self.documents + other.documents, missing=self.missing + other.missing,
            stale=self.stale + other.stale, strangers=self.strangers + other.strangers,
        )  # fmt: skip


class Reconciler:
    """The loop that watches the engine and repairs the index."""

    def __init__(
        self, rows: Rows, index: SearchIndex, *, every_seconds: float, watch_seconds: float = 0.5,
        rebuilds: Rebuilds | None = None,
    ) -> None:  # fmt: skip
        self._rows = rows
        self._index = index
        self._every_seconds = every_seconds
        self._watch_seconds = watch_seconds
        self._rebuilds = rebuilds
        self._rebuild_asked = False

    def ask_for_rebuild(self) -> None:
        """Have the loop make a new index, in this process, as soon as it looks again."""
        self._rebuild_asked = True

    async def run(self) -> None:
        """Watch until cancelled."""
        seen: str | None = None
        due = 0.0
        if self._rebuilds is not None and await self._rebuilds.is_open():
            self._rebuild_asked = True  # in a process that did not live to do it
        while True:
            try:
                found = await self._index.identity()
                if found != seen or self._rebuild_asked or time.monotonic() >= due:
                    await self.reconcile()
                    seen = await self._index.identity()
                    due = time.monotonic() + self._every_seconds
            except (Down, IndexMissing) as error:
                if seen is not None:
                    log.warning("the search engine went away; the index is compared when it is back", error=repr(error))
                seen = None
            await asyncio.sleep(self._watch_seconds)

    async def reconcile(self) -> Drift:
        """Make and fill the index if need be, then compare. Raises Down, or IndexMissing if it vanishes."""
        if self._rebuild_asked or not await self._index.is_current():
            filled = await self.rebuild()
            self._rebuild_asked = False
            if self._rebuilds is not None:
                await self._rebuilds.end(filled)
        drift = await self._compare()
        DOCUMENTS.set(drift.documents)
        COMPARISONS.inc()
        for kind in ("missing", "stale", "strangers"):
            DRIFT.labels(kind).inc(getattr(drift, kind))
        log.info("index compared with rows", **msgspec.structs.asdict(drift))
        return drift

    async def rebuild(self) -> int:
        """Fill a new index from the rows, then let it take the place of the old one; returns how many documents.

        Rows that changed meanwhile are brought in before that moment by a comparison, and those of the last instant
        after it, by the next one.
        """
        async with self._index.rebuild() as fresh:
            filled = await self._fill(fresh)
            late = await Reconciler(self._rows, fresh, every_seconds=self._every_seconds)._catch_up()
        log.info("index made", documents=filled, changed_meanwhile=late)
        return filled

    async def _fill(self, fresh: SearchIndex) -> int:
        filled, last = 0, 0
        total = await self._rows.count_live() if self._rebuilds is not None else 0
        while rows := await self._rows.list_from(last, _FILL):
            refused = await fresh.write(await asyncio.to_thread(writes_of, rows))
            for model_id, reason in refused.items():
                log.error("document refused by the index", model_id=model_id, reason=reason)
            filled, last = filled + len(rows), rows[-1].model_id
            if self._rebuilds is not None:
                await self._rebuilds.note(filled, max(filled, total))
        return filled

    async def _catch_up(self) -> int:
        """Write what changed while the index was being filled; returns how many rows."""
        again: set[int] = set()
        last = 0
        async for page in self._index.walk(_PAGE):
            highest = max(page)
            again |= _different(page, await self._rows.list_seqs(last, highest))
            last = highest
        again |= _different({}, await self._rows.list_seqs(last, None))
        ids = sorted(again)
        for start in range(0, len(ids), _FILL):
            rows = await self._rows.list_of(ids[start : start + _FILL])
            await self._index.write(await asyncio.to_thread(writes_of, rows))
        return len(ids)

    async def _compare(self) -> Drift:
        """Mark what is missing or stale as dirty and delete what no row knows.

        A page of the index is read before the rows of the same ids: rows come first into being, so a document without
        one is a stranger. A row written in between looks missing and is written once more, which does no harm.
        """
        drift, last = Drift(), 0
        async for page in self._index.walk(_PAGE):
            highest = max(page)
            drift += await self._repair(page, await self._rows.live_seqs(last, highest))
            last = highest
        return drift + await self._repair({}, await self._rows.live_seqs(last, None))

    async def _repair(self, indexed: dict[int, int], rows: dict[int, int | None]) -> Drift:
        settled = {model_id: seq for model_id, seq in rows.items() if seq is not None}
        missing = settled.keys() - indexed.keys()
        stale = {model_id for model_id, seq in settled.items() if indexed.get(model_id, seq) != seq}
        unknown = indexed.keys() - rows.keys()
        removed = await self._rows.list_known(unknown) if unknown else set()
        # A document newer than its row comes from a future that a restored backup does not know: it makes way.
        ahead = {model_id for model_id in stale if indexed[model_id] > settled[model_id]}
        if forgotten := sorted(ahead | unknown):
            await self._index.forget(forgotten)
        if again := missing | stale | removed:
            await self._rows.mark_dirty(again)
        return Drift(documents=len(indexed), missing=len(missing), stale=len(stale), strangers=len(unknown))


def _different(indexed: dict[int, int], rows: dict[int, int]) -> set[int]:
    return {model_id for model_id, seq in rows.items() if indexed.get(model_id) != seq} | (indexed.keys() - rows.keys())
