"""Storage of the public documents: written in the transaction of each change, read by one look at one index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.catalog.domain.documents import Document, documents
from services.catalog.domain.model import Model
from services.catalog.domain.wire import Wire
from shared.engines.mongo import ASCENDING, DeleteOne, IndexModel, Mongo, ReplaceOne, Session


class Documents:
    """Documents by id. `layout` names the shapes and settings that they are made with; others are as good as none."""

    def __init__(self, mongo: Mongo, wire: Wire, layout: str) -> None:
        self._rows = mongo["documents"]
        self._wire = wire
        self._layout = layout
        by_hash = [("hashes", ASCENDING), ("published_at", ASCENDING), ("version_id", ASCENDING)]
        mongo.index(
            {"documents": [IndexModel(by_hash, sparse=True), IndexModel([("model_id", ASCENDING)])]},
        )

    async def update(self, before: Model | None, after: Model, session: Session) -> None:
        """Write what a change has changed. `before` is None if it has no documents of this layout."""
        known = documents(before, self._wire) if before is not None else {}
        wanted = documents(after, self._wire)
        if before is None:
            await self._rows.delete_many({"model_id": after.id}, session=session)
        writes: list[Any] = [
            ReplaceOne({"_id": key}, self._row(key, document), upsert=True)
            for key, document in wanted.items()
            if known.get(key) != document
        ]
        writes += [DeleteOne({"_id": key}) for key in known.keys() - wanted.keys()]
        if writes:
            await self._rows.bulk_write(writes, session=session)

    def _row(self, key: str, document: Document) -> dict[str, Any]:
        fields: dict[str, Any] = msgspec.to_builtins(document, builtin_types=(datetime, bytes))
        kept = {name: value for name, value in fields.items() if value is not None}
        return {"_id": key, "layout": self._layout, **kept}

    async def find(self, keys: Iterable[str], field: str = "body") -> dict[str, bytes]:
        """Documents (or their `offers`, empty where there are none) by id, those that there are."""
        asked = {"_id": {"$in": list(keys)}}
        rows = await self._rows.find(asked, {field: 1, "layout": 1}).to_list(None)
        return {row["_id"]: row.get(field, b"") for row in rows if row["layout"] == self._layout}

    async def find_listed(self, ids: Iterable[int], levels: int) -> dict[int, bytes]:
        """Listed models by id: those whose pictures may all be seen by who may see these levels."""
        asked = {"_id": {"$in": [f"listed:{model_id}" for model_id in ids]}}
        rows = await self._rows.find(asked, {"_id": 0}).to_list(None)
        return {
            row["model_id"]: row["body"]
            for row in rows
            if row["layout"] == self._layout and not row["levels"] & ~levels
        }

    async def find_by_hash(self, hashes: Sequence[str]) -> dict[str, bytes]:
        """For each hash (upper case) the version that was first published with a file of it, if there is one."""
        order = [("published_at", ASCENDING), ("version_id", ASCENDING)]
        shown = {"body": 1, "layout": 1, "hashes": 1, "_id": 0}
        asked = set(hashes)
        rows = await self._rows.find({"hashes": {"$in": sorted(asked)}}, shown).sort(order).to_list(None)
        found: dict[str, bytes] = {}
        for row in rows:
            if row["layout"] == self._layout:
                found |= {value: row["body"] for value in row["hashes"] if value in asked and value not in found}
        return found
