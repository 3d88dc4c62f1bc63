"""Storage of collections: who keeps which models, how often a model is kept, and what can be seen of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.reviews.collection_rules import MOST_COLLECTIONS, MOST_ITEMS, Collection, OwnKind, require_room
from shared.engines.mongo import ASCENDING, DESCENDING, IndexModel, Mongo, ReturnDocument, Session, UpdateOne
from shared.events.reviews import ModelCollected
from shared.outbox import Outbox
from shared.problems import Conflict

_LEVELS = 63


class Listing(msgspec.Struct, frozen=True):
    """What lists show of a model since a change of that number: its maturity, or nothing (None)."""

    model_id: int
    seq: int
    level: int | None

    @property
    def known(self) -> dict[str, Any]:
        """The fields that rows of models and items have of it."""
        return {"listed": self.level is not None, "level": self.level or 0}

    def is_news(self, row: Mapping[str, Any]) -> bool:
        """Whether the row of the model says something else."""
        return {"listed": row.get("listed", False), "level": row.get("level", 0)} != self.known


def _to_collection(document: dict[str, Any]) -> Collection:
    return msgspec.convert({"id": document["_id"], **document}, Collection)


def _to_document(collection: Collection) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(collection, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    return document


class Collections:
    """Collections, and the models in them (`items`, each with what is known of its model)."""

    def __init__(self, mongo: Mongo, outbox: Outbox) -> None:
        self._mongo = mongo
        self._outbox = outbox
        self._collections = mongo["collections"]
        self._items = mongo["collection_items"]
        self._follows = mongo["collection_follows"]
        self._models = mongo["models"]
        own = {"kind": {"$in": ["favorites", "hidden"]}}
        mongo.index(
            {
                "collections": [
                    IndexModel(
                        [("owner_id", ASCENDING), ("kind", ASCENDING)], unique=True, partialFilterExpression=own
                    ),
                    IndexModel([("owner_id", ASCENDING), ("_id", DESCENDING)], name="of_owner"),
                    IndexModel([("is_public", ASCENDING), ("_id", DESCENDING)]),
                    IndexModel([("is_public", ASCENDING), ("followers", DESCENDING), ("_id", DESCENDING)]),
                ],
                "collection_items": [
                    IndexModel([("collection_id", ASCENDING), ("model_id", ASCENDING)], unique=True),
                    IndexModel([("collection_id", ASCENDING), ("added_at", DESCENDING), ("_id", DESCENDING)]),
                    IndexModel([("model_id", ASCENDING)]),
                ],
                "collection_follows": [
                    IndexModel([("collection_id", ASCENDING), ("account_id", ASCENDING)], unique=True)
                ],
            }
        )

    async def find(self, collection_id: int, session: Session | None = None) -> Collection | None:
        """The collection of that id."""
        document = await self._collections.find_one({"_id": collection_id}, session=session)
        return _to_collection(document) if document else None

    async def list_own(self, owner_id: int) -> list[Collection]:
        """The collections that an account has made, newest first."""
        rows = self._collections.find({"owner_id": owner_id, "kind": "models"}).sort("_id", DESCENDING)
        return [_to_collection(row) async for row in rows]

    async def list_public(
        self, limit: int, *, begin: int | None, like: str | None, levels: int | None, by_followers: bool
    ) -> list[Collection]:
        """Public ones, newest (or most followed) first, from the id `begin` on; empty ones are of every level."""
        wanted: dict[str, Any] = {"is_public": True, "kind": "models"}
        if begin is not None:
            wanted["_id"] = {"$lte": begin}
        if like:
            wanted["name_lower"] = {"$regex": _literal(like.lower())}
        if levels is not None:
            wanted["$or"] = [{"level": {"$bitsAnySet": levels}}, {"level": 0}]
        order = [("followers", DESCENDING)] if by_followers else []
        rows = self._collections.find(wanted).sort([*order, ("_id", DESCENDING)]).limit(limit)
        return [_to_collection(row) async for row in rows]

    async def create(self, owner_id: int, make: Callable[[int], Collection]) -> Collection:
        """Keep a new collection. Raises Conflict for an account that has too many."""
        if await self._collections.count_documents({"owner_id": owner_id}) >= MOST_COLLECTIONS:
            raise Conflict(f"You have {MOST_COLLECTIONS} collections, which is the most; delete one first.")
        made = make(await self._mongo.next_id("collection"))
        await self._collections.insert_one(_to_document(made) | {"name_lower": made.name.lower()})
        return made

    async def own(self, owner_id: int, kind: OwnKind, make: Callable[[int], Collection]) -> Collection:
        """The account's collection of its own kind, made when it is first used."""
        wanted = {"owner_id": owner_id, "kind": kind}
        found = await self._collections.find_one(wanted)
        if found is None:
            made = _to_document(make(await self._mongo.next_id("collection")))
            await self._collections.update_one(wanted, {"$setOnInsert": made}, upsert=True)
            found = await self._collections.find_one(wanted)
        assert found is not None
        return _to_collection(found)

    async def change(self, collection_id: int, change: Callable[[Collection | None], Collection]) -> Collection:
        """Apply a pure change. Raises what `change` raises."""

        async def work(session: Session) -> Collection:
            after = change(await self.find(collection_id, session))
            said = {"name": after.name, "description": after.description, "is_public": after.is_public}
            said |= {"name_lower": after.name.lower(), "changed_at": after.changed_at}
            await self._collections.update_one({"_id": collection_id}, {"$set": said}, session=session)
            return after

        return await self._mongo.transact(work)

    async def delete(self, collection_id: int) -> None:
        """Forget a collection with all that is in it."""

        async def work(session: Session) -> None:
            rows = self._items.find({"collection_id": collection_id}, session=session)
            counted = [row["model_id"] async for row in rows if row["counts"]]
            for model_id in sorted(counted):
                await self._count(model_id, -1, session)
            await self._items.delete_many({"collection_id": collection_id}, session=session)
            await self._follows.delete_many({"collection_id": collection_id}, session=session)
            await self._collections.delete_one({"_id": collection_id}, session=session)

        await self._mongo.transact(work)

    async def add(self, collection: Collection, model_id: int, now: datetime) -> None:
        """Put a model in; it may be there already. Raises Conflict when the collection is full."""

        async def work(session: Session) -> None:
            mine = {"collection_id": collection.id}
            if await self._items.find_one({**mine, "model_id": model_id}, session=session):
                return
            require_room(collection, await self._items.count_documents(mine, session=session))
            counts = collection.kind != "hidden"
            model = await self._count(model_id, int(counts), session)
            made = {"_id": f"{collection.id}|{model_id}", **mine, "model_id": model_id, "added_at": now}
            made |= {"counts": counts, "listed": model.get("listed", False), "level": model.get("level", 0)}
            await self._items.insert_one(made, session=session)
            await self._summarise(collection.id, session)

        await self._mongo.transact(work)

    async def remove(self, collection_id: int, model_id: int) -> None:
        """Take a model out, if it is there."""

        async def work(session: Session) -> None:
            mine = {"collection_id": collection_id, "model_id": model_id}
            item = await self._items.find_one_and_delete(mine, session=session)
            if item is not None:
                await self._count(model_id, -int(item["counts"]), session)
                await self._summarise(collection_id, session)

        await self._mongo.transact(work)

    async def list_models(self, collection_id: int, *, listed_only: bool = True) -> list[int]:
        """Ids of the models in it, the last added first; all of them, which are not many."""
        wanted: dict[str, Any] = {"collection_id": collection_id} | ({"listed": True} if listed_only else {})
        rows = self._items.find(wanted, {"model_id": 1}).sort([("added_at", DESCENDING), ("_id", DESCENDING)])
        return [row["model_id"] async for row in rows.limit(MOST_ITEMS)]

    async def holding(self, collection_ids: Sequence[int], model_id: int) -> set[int]:
        """Which of these collections have the model."""
        rows = self._items.find({"collection_id": {"$in": list(collection_ids)}, "model_id": model_id})
        return {row["collection_id"] async for row in rows}

    async def follow(self, collection_id: int, account_id: int, *, follows: bool) -> None:
        """Begin or end to follow; doing so again changes nothing."""

        async def work(session: Session) -> None:
            mine = {"collection_id": collection_id, "account_id": account_id}
            known = await self._follows.find_one(mine, session=session)
            if (known is not None) == follows:
                return
            if follows:
                await self._follows.insert_one({"_id": f"{collection_id}|{account_id}", **mine}, session=session)
            else:
                await self._follows.delete_one(mine, session=session)
            change = {"$inc": {"followers": 1 if follows else -1}}
            await self._collections.update_one({"_id": collection_id}, change, session=session)

        await self._mongo.transact(work)

    async def models_listed(self, states: Sequence[Listing], session: Session) -> None:
        """What lists show of models now. Of several words on one model the newest counts, an older one changes nothing.

        That is how it ends, too, if each comes alone, in any order.
        """
        newest = {state.model_id: state for state in sorted(states, key=lambda state: state.seq)}
        rows = {row["_id"]: row async for row in self._models.find({"_id": {"$in": list(newest)}}, session=session)}
        news = [state for state in newest.values() if rows.get(state.model_id, {}).get("state_seq", -1) < state.seq]
        if not news:
            return
        writes = [
            UpdateOne({"_id": state.model_id}, {"$set": {"state_seq": state.seq, **state.known}}, upsert=True)
            for state in news
        ]
        await self._models.bulk_write(writes, ordered=False, session=session)
        changed = [state for state in news if state.is_news(rows.get(state.model_id, {}))]
        kept = {"model_id": {"$in": [state.model_id for state in changed]}}
        shown = {"collection_id": 1, "model_id": 1, "_id": 0}
        items = [row async for row in self._items.find(kept, shown, session=session)]
        held = {item["model_id"] for item in items}
        for state in changed:
            if state.model_id in held:
                await self._items.update_many({"model_id": state.model_id}, {"$set": state.known}, session=session)
        for collection_id in sorted({item["collection_id"] for item in items}):
            await self._summarise(collection_id, session)

    async def _count(self, model_id: int, change: int, session: Session) -> dict[str, Any]:
        """Count how often a model is kept, and tell. Written to, so that two such changes wait for each other."""
        row: dict[str, Any] = await self._models.find_one_and_update(
            {"_id": model_id}, {"$inc": {"collected": change}}, upsert=True, session=session,
            return_document=ReturnDocument.AFTER,
        )  # fmt: skip
        if change:
            await self._outbox.add([ModelCollected(model_id=model_id, collected=max(0, row["collected"]))], session)
        return row

    async def _summarise(self, collection_id: int, session: Session) -> None:
        rows = self._items.find({"collection_id": collection_id, "listed": True}, session=session)
        found = [row async for row in rows.sort([("added_at", DESCENDING), ("_id", DESCENDING)])]
        level = 0
        for row in found:
            level |= row["level"] & _LEVELS
        cover = found[0]["model_id"] if found else None
        summary = {"item_count": len(found), "level": level, "cover_model_id": cover}
        await self._collections.update_one({"_id": collection_id}, {"$set": summary}, session=session)


def _literal(text: str) -> str:
    """A pattern for the text itself; the zero character, which no pattern may hold, by its number."""
    kept = (f"\\{char}" if not char.isalnum() and not char.isspace() else char for char in text)
    return "".join(r"\x00" if char == "\\\0" else char for char in kept)
