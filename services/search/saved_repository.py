"""Storage of saved searches, and of the models that each of them knows, is to tell, or has told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from services.search.domain.wanted import Wanted
from shared.engines.mongo import ASCENDING, IndexModel, Mongo, Session, UpdateOne
from shared.events.searches import SearchMatched
from shared.outbox import Outbox
from shared.problems import Conflict, NotFound

MOST_SAVED = 50
"""Searches that one account may save."""
State: TypeAlias = Literal["known", "waiting"]


class SavedSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A search that somebody saved. `filters` is its query string, as they wrote it; `wanted` is what that means."""

    id: str
    account_id: int
    name: str
    filters: str
    wanted: Wanted
    saved_at: datetime
    knows_all: bool
    """Whether every model that matched when it was saved is kept as known."""


class SavedSearches:
    """Searches by account, and one row per search and model, so that nobody is told twice."""

    def __init__(self, mongo: Mongo, outbox: Outbox) -> None:
        self._mongo = mongo
        self._outbox = outbox
        self._searches = mongo["saved_searches"]
        self._matches = mongo["saved_search_matches"]
        waiting = IndexModel([("at", ASCENDING)], partialFilterExpression={"state": "waiting"})
        mongo.index(
            {
                "saved_searches": [IndexModel([("account_id", ASCENDING), ("_id", ASCENDING)])],
                "saved_search_matches": [IndexModel([("search_id", ASCENDING), ("state", ASCENDING)]), waiting],
            }
        )

    async def add(self, search: SavedSearch, known: Sequence[int]) -> None:
        """Keep a search and the models that it found. Raises Conflict for an account that has too many."""
        if await self._searches.count_documents({"account_id": search.account_id}, limit=MOST_SAVED) >= MOST_SAVED:
            raise Conflict(f"You have {MOST_SAVED} saved searches, the most there can be; delete one first.")
        document = msgspec.to_builtins(search, builtin_types=(datetime,))
        document["_id"] = document.pop("id")
        rows = [_match(search.id, model_id, "known", search.saved_at) for model_id in known]

        async def write(session: Session) -> None:
            await self._searches.insert_one(document, session=session)
            if rows:
                await self._matches.insert_many(rows, session=session)

        await self._mongo.transact(write)

    async def list_own(self, account_id: int) -> list[SavedSearch]:
        """An account's, the oldest first."""
        return [_search(row) async for row in self._searches.find({"account_id": account_id}).sort("_id", ASCENDING)]

    async def remove(self, account_id: int, search_id: str) -> None:
        """Forget one's search and what it matched. Raises NotFound."""

        async def write(session: Session) -> None:
            gone = await self._searches.delete_one({"_id": search_id, "account_id": account_id}, session=session)
            if not gone.deleted_count:
                raise NotFound("You have no such saved search.")
            await self._matches.delete_many({"search_id": search_id}, session=session)

        await self._mongo.transact(write)

    async def list_after(self, search_id: str, limit: int) -> list[SavedSearch]:
        """Everybody's, by id."""
        found = self._searches.find({"_id": {"$gt": search_id}}).sort("_id", ASCENDING).limit(limit)
        return [_search(row) async for row in found]

    async def find(self, search_id: str) -> SavedSearch | None:
        """One, whoever saved it."""
        row = await self._searches.find_one({"_id": search_id})
        return _search(row) if row else None

    async def note(self, search_id: str, states: dict[int, State], at: datetime) -> None:
        """Models that match, unless they are noted already."""
        writes = [
            UpdateOne({"_id": row.pop("_id")}, {"$setOnInsert": row}, upsert=True)
            for row in (_match(search_id, model_id, state, at) for model_id, state in states.items())
        ]
        if writes:
            await self._matches.bulk_write(writes, ordered=False)

    async def find_due(self, before: datetime) -> str | None:
        """A search with a model that has waited since then."""
        row = await self._matches.find_one({"state": "waiting", "at": {"$lte": before}}, sort=[("at", ASCENDING)])
        return str(row["search_id"]) if row else None

    async def list_waiting(self, search_id: str, limit: int) -> list[int]:
        """Models that its owner is to be told of."""
        found = self._matches.find({"search_id": search_id, "state": "waiting"}, {"model_id": 1})
        return [int(row["model_id"]) async for row in found.sort("_id", ASCENDING).limit(limit)]

    async def drop(self, search_id: str, model_ids: Sequence[int]) -> None:
        """Models that match no more before anybody was told; they may match again later."""
        await self._matches.delete_many(
            {"search_id": search_id, "state": "waiting", "model_id": {"$in": list(model_ids)}}
        )

    async def tell(self, event: SearchMatched, model_ids: Sequence[int]) -> None:
        """Say that these match, once: nothing is said if another process or a deletion came first."""
        wanted = {"search_id": event.search_id, "state": "waiting", "model_id": {"$in": list(model_ids)}}

        async def write(session: Session) -> None:
            if await self._matches.count_documents(wanted, session=session) != len(model_ids):
                return
            await self._matches.update_many(wanted, {"$set": {"state": "told"}}, session=session)
            await self._outbox.add([event], session)

        await self._mongo.transact(write)


def _match(search_id: str, model_id: int, state: State, at: datetime) -> dict[str, Any]:
    key = f"{search_id}:{model_id}"
    return {"_id": key, "search_id": search_id, "model_id": model_id, "state": state, "at": at}


def _search(row: dict[str, Any]) -> SavedSearch:
    return msgspec.convert({**row, "id": row["_id"]}, SavedSearch)
