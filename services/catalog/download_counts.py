"""Downloads that are noted as they are told of, and added to their models a little later, many at once.

A model is one document: counting each download in it would change it, and all that is made of it, for every one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from services.catalog.domain.model import Model
from services.catalog.repository import Repository
from shared.engines.mongo import ASCENDING, Mongo, Session, UpdateOne
from shared.events.payload import Payload

Apply = Callable[[Model, int, int], tuple[Model, Sequence[Payload]]]
"""Add so many downloads of a version to its model."""
_AT_ONCE = 500


class DownloadCounts:
    """Notes by version."""

    def __init__(self, mongo: Mongo, models: Repository) -> None:
        self._mongo = mongo
        self._models = models
        self._notes = mongo["downloads"]

    async def note(self, versions: Mapping[int, int], session: Session) -> None:
        """Note so many downloads of each version."""
        notes = [
            UpdateOne({"_id": version_id}, {"$inc": {"times": times}}, upsert=True)
            for version_id, times in versions.items()
        ]
        await self._notes.bulk_write(notes, session=session)

    async def waiting(self) -> list[int]:
        """Versions with downloads not yet added up."""
        rows = self._notes.find({}, {"_id": 1}).sort("_id", ASCENDING).limit(_AT_ONCE)
        return [row["_id"] async for row in rows]

    async def add_up(self, version_id: int, apply: Apply) -> None:
        """Add the noted downloads of a version to its model, in one transaction."""

        async def work(session: Session) -> None:
            row = await self._notes.find_one_and_delete({"_id": version_id}, session=session)
            if row is not None:
                await self._models.change_version(
                    version_id, lambda model: apply(model, version_id, int(row["times"])), session
                )

        await self._mongo.transact(work)
