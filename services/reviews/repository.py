"""Storage of reviews: reviews with their events, and what is known of the versions they are about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from services.reviews.domain import Change, ModelState, Place, PublishedVersion, Review
from shared.engines.mongo import ASCENDING, DESCENDING, IndexModel, Mongo, Session
from shared.events.payload import Payload
from shared.outbox import Outbox
from shared.problems import NotFound


def _to_document(value: Review | PublishedVersion) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    return document


def _to_review(document: dict[str, Any]) -> Review:
    return msgspec.convert({"id": document["_id"], **document}, Review)


class Repository:
    """Reviews by author and version, and by model."""

    def __init__(self, mongo: Mongo, outbox: Outbox) -> None:
        self._mongo = mongo
        self._reviews = mongo["reviews"]
        self._versions = mongo["versions"]
        self._models = mongo["models"]
        self._outbox = outbox
        mongo.index(
            {
                "reviews": [
                    IndexModel([("version_id", ASCENDING), ("author_id", ASCENDING)], unique=True),
                    IndexModel([("model_id", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]),
                ]
            }
        )

    async def save_version(self, version: PublishedVersion, session: Session) -> None:
        """Know a version; knowing it already is fine."""
        await self._versions.replace_one({"_id": version.id}, _to_document(version), upsert=True, session=session)

    async def find_version(self, version_id: int) -> PublishedVersion | None:
        """The version of that id, once the catalog's event of it has arrived."""
        row = await self._versions.find_one({"_id": version_id})
        return msgspec.convert({"id": row["_id"], **row}, PublishedVersion) if row else None

    async def find_model_state(self, model_id: int, session: Session | None = None) -> ModelState | None:
        """Whether the model is visible; None for one that is not known."""
        row = await self._models.find_one({"_id": model_id}, session=session)
        return row.get("state") if row else None

    async def change_model_state(
        self, model_id: int, change: Callable[[ModelState | None], ModelState], session: Session
    ) -> None:
        """Apply a pure change to the model's state."""
        state = change(await self.find_model_state(model_id, session))
        await self._models.update_one({"_id": model_id}, {"$set": {"state": state}}, upsert=True, session=session)

    async def list_by_model(self, model_id: int, limit: int, after: Place | None) -> list[Review]:
        """Reviews of a model, newest first; `after` is the last one already shown."""
        wanted: dict[str, Any] = {"model_id": model_id}
        if after is not None:
            wanted["$or"] = [
                {"created_at": {"$lt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$lt": after.review_id}},
            ]
        rows = self._reviews.find(wanted).sort([("created_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
        return [_to_review(row) async for row in rows]

    async def save_own(
        self, version_id: int, author_id: int, *, post: Callable[[int], Change], change: Callable[[Review], Change]
    ) -> tuple[Review, bool]:
        """Post an author's review of a version under a new id, or change the one there is; True if it is new.

        The review and its events are kept in one transaction. Of two first posts at once, one becomes a change.
        """

        async def work(session: Session) -> tuple[Review, bool]:
            row = await self._reviews.find_one({"version_id": version_id, "author_id": author_id}, session=session)
            if row is None:
                after, events = post(await self._mongo.next_id("review"))
                await self._reviews.insert_one(_to_document(after), session=session)
            else:
                after, events = change(_to_review(row))
                if events:
                    await self._reviews.replace_one({"_id": after.id}, _to_document(after), session=session)
            await self._outbox.add(events, session)
            return after, row is None

        return await self._mongo.transact(work)

    async def remove(self, review_id: int, decide: Callable[[Review], list[Payload]]) -> None:
        """Delete a review with the events of that, in one transaction. Raises NotFound, or what `decide` raises."""

        async def work(session: Session) -> None:
            row = await self._reviews.find_one({"_id": review_id}, session=session)
            if row is None:
                raise NotFound(f"There is no review with id {review_id}.")
            events = decide(_to_review(row))
            await self._reviews.delete_one({"_id": review_id}, session=session)
            await self._outbox.add(events, session)

        await self._mongo.transact(work)
