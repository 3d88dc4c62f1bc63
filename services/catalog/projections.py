"""What is read without opening models, changed in the transaction of each change of a model.

`documents` has what is shown of each model and version (`documents.py`), `images` a row for each public picture;
`creators` and `tags` count the visible models of each, and `tag_ids` gives
each name its number for good. A model's document says which layout it was projected with; those of another layout,
and those from before there was any, are projected again in the background (`Repository.project_waiting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from services.catalog.documents import Documents
from services.catalog.domain.image_rows import ImageRow, image_rows
from services.catalog.domain.model import Model
from services.catalog.domain.wire import Wire
from shared.engines.mongo import ASCENDING, DESCENDING, DeleteOne, IndexModel, Mongo, Session, UpdateOne

_LAYOUT = 4
_ORDER = [("level", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]
# Each way to ask for pictures has an index in their order, so that a page reads as many rows as it shows.
_WAYS = ("model_id", "version_id", "user_id", "base_model", "tag_ids")


class Projections:
    """The rows of models; written here alone."""

    def __init__(self, mongo: Mongo, wire: Wire) -> None:
        self._mongo = mongo
        self._wire = wire
        self._images = mongo["images"]
        self._creators = mongo["creators"]
        self._tags = mongo["tags"]
        self._tag_ids = mongo["tag_ids"]
        self.layout = f"{_LAYOUT}.{wire.unrated_level}"
        """Changes with what an unrated picture counts as, since rows keep the level that is shown."""
        self.documents = Documents(mongo, wire, self.layout)
        mongo.index(
            {
                "images": [
                    IndexModel(_ORDER),
                    *(IndexModel([(way, ASCENDING), *_ORDER]) for way in _WAYS),
                    IndexModel([("meta", ASCENDING), *_ORDER], partialFilterExpression={"meta": {"$eq": {}}}),
                ],
                "creators": [
                    IndexModel([("username_lower", ASCENDING)]),
                    IndexModel([("suffixes", ASCENDING)]),
                ],
                "tags": [
                    IndexModel([("models", DESCENDING), ("_id", ASCENDING)]),
                    IndexModel([("prefixes", ASCENDING), ("length", ASCENDING), ("_id", ASCENDING)]),
                ],
            }
        )

    async def update(self, before: Model | None, layout: str | None, after: Model, session: Session) -> None:
        """Bring the rows up to date with a change. `before` was projected with `layout`; None: it never was."""
        current = before if layout == self.layout else None
        await self.documents.update(current, after, session)
        known = image_rows(current, self._wire) if current is not None else None
        await self._update_images(known, image_rows(after, self._wire), after.id, session)
        counted = before if before is not None and layout is not None and before.is_visible else None
        shown = after if after.is_visible else None
        await self._count_tags(set(counted.tags if counted else ()), set(shown.tags if shown else ()), session)
        if (counted is None) != (shown is None):
            await self._count_creator(after, 1 if shown else -1, session)

    async def _update_images(
        self, known: Mapping[int, ImageRow] | None, wanted: Mapping[int, ImageRow], model_id: int, session: Session
    ) -> None:
        if known is None:
            await self._images.delete_many({"model_id": model_id}, session=session)
        elif gone := [image_id for image_id, row in known.items() if wanted.get(image_id) != row]:
            await self._images.delete_many({"_id": {"$in": gone}}, session=session)
        new = [row for image_id, row in wanted.items() if known is None or known.get(image_id) != row]
        if new:
            numbers = await self.number_tags({tag for row in new for tag in row.tags})
            await self._images.insert_many([_document(row, numbers) for row in new], session=session)

    async def _count_tags(self, before: set[str], after: set[str], session: Session) -> None:
        writes: list[UpdateOne | DeleteOne] = []
        for tag in sorted(before - after):
            writes += [
                UpdateOne({"_id": tag}, {"$inc": {"models": -1}}),
                DeleteOne({"_id": tag, "models": {"$lte": 0}}),
            ]
        for tag in sorted(after - before):
            searched = {"length": len(tag), "prefixes": [tag[:end] for end in range(1, len(tag) + 1)]}
            writes.append(UpdateOne({"_id": tag}, {"$inc": {"models": 1}, "$setOnInsert": searched}, upsert=True))
        if writes:
            await self._tags.bulk_write(writes, session=session)

    async def _count_creator(self, model: Model, change: int, session: Session) -> None:
        lower = model.owner.lower()
        named = {
            "username": model.owner, "username_lower": lower,
            "suffixes": sorted({lower[start:] for start in range(len(lower))}),
        }  # fmt: skip
        await self._creators.update_one(
            {"_id": model.owner_id}, {"$inc": {"models": change}, "$set": named}, upsert=True, session=session
        )
        await self._creators.delete_one({"_id": model.owner_id, "models": {"$lte": 0}}, session=session)

    async def number_tags(self, names: Iterable[str]) -> dict[str, int]:
        """The number of each tag. A new one is given outside of any transaction: names keep theirs whatever happens."""
        wanted = set(names)
        numbers = {row["_id"]: row["number"] async for row in self._tag_ids.find({"_id": {"$in": sorted(wanted)}})}
        for name in sorted(wanted - numbers.keys()):
            number = await self._mongo.next_id("tag")
            await self._tag_ids.update_one({"_id": name}, {"$setOnInsert": {"number": number}}, upsert=True)
            kept = await self._tag_ids.find_one({"_id": name})
            assert kept is not None
            numbers[name] = kept["number"]
        return numbers


def _document(row: ImageRow, numbers: Mapping[str, int]) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(row, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    document["tag_ids"] = [numbers[tag] for tag in row.tags]
    return document
