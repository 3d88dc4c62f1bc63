"""The rows: what search knows of each model, from which the index can be made again at any time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from services.search.domain.news import is_news
from services.search.domain.trend import trend_of
from shared.engines.mongo import ASCENDING, IndexModel, Mongo, ReplaceOne, Session, UpdateOne
from shared.events.models import SearchDocument

COLLECTION = "rows"
_WAKE_MS = 1_000
_INSERTED_OR_REPLACED = {"operationType": {"$in": ["insert", "replace"]}}
_MARKED = {"updateDescription.updatedFields.dirty": True}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A model as of its newest event. A removed model keeps its row, so that no late event brings it back."""

    model_id: int
    seq: int
    document: SearchDocument | None
    trend: float = 0.0
    """The logarithm of its recent downloads and likes (`domain.trend`)."""
    changed_at: datetime | None = None
    """When the event was made that the index does not show yet; None when the index is only being repaired."""
    news_at: datetime | None = None
    """When it was published or changed; None once saved searches were matched against that, or if it is no news."""


class RowChanges:
    """Tells that some row became dirty, by whichever process of the service."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def wait(self) -> None:
        """Return at the next change, or after a second without one."""
        await self._stream.try_next()


class Rows:
    """One row per model; `dirty` rows are not in the index as they are."""

    def __init__(self, mongo: Mongo) -> None:
        self._rows = mongo[COLLECTION]
        dirty = IndexModel([("dirty", ASCENDING), ("_id", ASCENDING)], partialFilterExpression={"dirty": True})
        news = IndexModel([("news_at", ASCENDING)], partialFilterExpression={"news_at": {"$exists": True}})
        mongo.index({COLLECTION: [dirty, news]})

    async def save_all(self, states: Sequence[Row], *, session: Session) -> int:
        """Keep each state that is newer than its model's row and than all others given; returns how many were kept."""
        newest: dict[int, Row] = {}
        for state in states:
            if state.model_id not in newest or newest[state.model_id].seq < state.seq:
                newest[state.model_id] = state
        found = self._rows.find({"_id": {"$in": list(newest)}}, session=session)
        known = {row["_id"]: _row(row) async for row in found}
        kept = [
            _following(known.get(state.model_id), state)
            for state in newest.values()
            if state.model_id not in known or known[state.model_id].seq < state.seq
        ]
        if kept:
            writes = [ReplaceOne({"_id": state.model_id}, _as_row(state), upsert=True) for state in kept]
            await self._rows.bulk_write(writes, ordered=False, session=session)
        return len(kept)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[RowChanges]:
        """Watch for dirty rows from now on; committed changes alone are seen."""
        wanted: list[dict[str, Any]] = [
            {"$match": {"$or": [_INSERTED_OR_REPLACED, _MARKED]}},
            {"$project": {"operationType": 1}},
        ]
        async with self._rows.watch(wanted, max_await_time_ms=_WAKE_MS) as stream:
            yield RowChanges(stream)

    async def list_dirty(self, limit: int) -> list[Row]:
        """Rows that wait to be written into the index."""
        return [_row(row) async for row in self._rows.find({"dirty": True}).sort("_id", ASCENDING).limit(limit)]

    async def list_from(self, after_id: int, limit: int) -> list[Row]:
        """Rows of models that are not removed, by id."""
        found = self._rows.find({"_id": {"$gt": after_id}, "removed": {"$ne": True}})
        return [_row(row) async for row in found.sort("_id", ASCENDING).limit(limit)]

    async def count_live(self) -> int:
        """How many models are not removed."""
        return int(await self._rows.count_documents({"removed": {"$ne": True}}))

    async def settle(self, written: Sequence[Row], refused: Mapping[int, str]) -> None:
        """Mark rows as done, except those that changed meanwhile.

        Those stay dirty, or become so again: another process may have written the newer state before our older one.
        A row that the engine refuses keeps the reason and waits for its next event or the next comparison.
        """
        if not written:
            return
        await self._rows.bulk_write(
            [
                UpdateOne(
                    {"_id": row.model_id},
                    [{"$set": {"dirty": {"$ne": ["$seq", row.seq]}, "refused": refused.get(row.model_id)}}],
                )
                for row in written
            ],
            ordered=False,
        )

    async def live_seqs(self, after_id: int, up_to_id: int | None) -> dict[int, int | None]:
        """Sequence numbers of rows with `after_id` < id <= `up_to_id`; None for a row that is dirty at the moment."""
        wanted: dict[str, Any] = {"$gt": after_id} | ({"$lte": up_to_id} if up_to_id is not None else {})
        found = self._rows.find({"_id": wanted, "removed": {"$ne": True}}, {"seq": 1, "dirty": 1})
        return {row["_id"]: None if row["dirty"] else row["seq"] async for row in found}

    async def list_seqs(self, after_id: int, up_to_id: int | None) -> dict[int, int]:
        """Sequence numbers of the same rows, dirty or not."""
        wanted: dict[str, Any] = {"$gt": after_id} | ({"$lte": up_to_id} if up_to_id is not None else {})
        found = self._rows.find({"_id": wanted, "removed": {"$ne": True}}, {"seq": 1})
        return {row["_id"]: row["seq"] async for row in found}

    async def list_of(self, model_ids: Sequence[int]) -> list[Row]:
        """The rows of these models, removed ones too."""
        return [_row(row) async for row in self._rows.find({"_id": {"$in": list(model_ids)}})]

    async def list_news(self, limit: int) -> list[Row]:
        """Rows that the index has and saved searches were not matched against, the oldest news first."""
        found = self._rows.find({"news_at": {"$exists": True}, "dirty": False})
        return [_row(row) async for row in found.sort("news_at", ASCENDING).limit(limit)]

    async def settle_news(self, rows: Sequence[Row]) -> None:
        """Saved searches know of these states. A row that changed meanwhile stays news."""
        writes = [UpdateOne({"_id": row.model_id, "seq": row.seq}, {"$unset": {"news_at": ""}}) for row in rows]
        await self._rows.bulk_write(writes, ordered=False)

    async def mark_dirty(self, model_ids: Iterable[int]) -> None:
        """Have these rows written again."""
        await self._rows.update_many({"_id": {"$in": list(model_ids)}}, {"$set": {"dirty": True, "changed_at": None}})

    async def list_known(self, model_ids: Iterable[int]) -> set[int]:
        """Which of these models have a row, removed or not."""
        return {row["_id"] async for row in self._rows.find({"_id": {"$in": list(model_ids)}}, {"_id": 1})}


def _following(before: Row | None, state: Row) -> Row:
    """The state with what follows from the one before: its trend, and whether saved searches are to see it."""
    known = before.document if before else None
    if state.document is None or state.changed_at is None:
        return state
    return msgspec.structs.replace(
        state,
        trend=trend_of(known, before.trend if before else 0.0, state.document, state.changed_at),
        news_at=state.changed_at if is_news(known, state.document) else (before.news_at if before else None),
    )


def _as_row(state: Row) -> dict[str, Any]:
    row: dict[str, Any] = {
        "_id": state.model_id, "seq": state.seq, "dirty": True, "changed_at": state.changed_at, "trend": state.trend,
    }  # fmt: skip
    if state.news_at is not None:
        row["news_at"] = state.news_at
    if state.document is None:
        row["removed"] = True
    else:
        row["document"] = msgspec.to_builtins(state.document, builtin_types=(datetime,))
    return row


def _row(row: dict[str, Any]) -> Row:
    document = msgspec.convert(row["document"], SearchDocument) if "document" in row else None
    return Row(
        model_id=row["_id"], seq=row["seq"], document=document, changed_at=row.get("changed_at"),
        trend=row.get("trend", 0.0), news_at=row.get("news_at"),
    )  # fmt: skip
