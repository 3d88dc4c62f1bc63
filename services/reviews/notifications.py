"""Storage of notifications: who has downloaded what, who is to be told, and what they were told.

A notice to all who have a file may mean many rows. It is kept as one row first, in the transaction of its event, and
spread in batches afterwards, from where the last one ended; a row that is written twice is the same row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.reviews.notices import Notice, Notification, notification
from shared.engines.mongo import ASCENDING, DESCENDING, IndexModel, Mongo, Session

_BATCH = 500
_MOST_COUNTED = 100


def _document(value: Notification) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    return document


class Notifications:
    """Notifications by account, and the downloads that some of them are about."""

    def __init__(self, mongo: Mongo) -> None:
        self._downloads = mongo["downloads"]
        self._withdrawn = mongo["withdrawn_files"]
        self._notifications = mongo["notifications"]
        mongo.index(
            {
                "downloads": [IndexModel([("file_id", ASCENDING), ("account_id", ASCENDING)], unique=True)],
                "withdrawn_files": [IndexModel([("is_spread", ASCENDING)])],
                "notifications": [
                    IndexModel([("account_id", ASCENDING), ("_id", DESCENDING)]),
                    IndexModel([("account_id", ASCENDING), ("read_at", ASCENDING)]),
                ],
            }
        )

    async def add(self, told: Notification, session: Session) -> None:
        """Tell one account."""
        await self._notifications.replace_one({"_id": told.id}, _document(told), upsert=True, session=session)

    async def note_download(self, file_id: int, account_id: int, at: datetime, session: Session) -> None:
        """An account has a file. If that was withdrawn meanwhile, it is told so at once."""
        mine = {"file_id": file_id, "account_id": account_id}
        times = {"$min": {"first_at": at}, "$max": {"last_at": at}}
        await self._downloads.update_one(mine, times, upsert=True, session=session)
        row = await self._withdrawn.find_one({"_id": file_id}, session=session)
        if row is not None and account_id != row["creator_id"]:
            notice = msgspec.convert(row["notice"], Notice)
            await self.add(notification(row["event_id"], account_id, notice, row["at"]), session)

    async def file_withdrawn(
        self, file_id: int, creator_id: int, event_id: str, notice: Notice, at: datetime, session: Session
    ) -> None:
        """All who have this file are to be told, except for its creator; `spread` does it."""
        row = {
            "event_id": event_id, "creator_id": creator_id, "notice": msgspec.to_builtins(notice), "at": at,
            "is_spread": False, "after": 0,
        }  # fmt: skip
        await self._withdrawn.replace_one({"_id": file_id}, row, upsert=True, session=session)

    async def file_restored(self, file_id: int, session: Session) -> None:
        """Who downloads it from now on need not be told."""
        await self._withdrawn.delete_one({"_id": file_id}, session=session)

    async def spread(self) -> int:
        """Tell the next of those who are to be told; how many. 0: nobody is left."""
        row = await self._withdrawn.find_one({"is_spread": False})
        if row is None:
            return 0
        wanted = {"file_id": row["_id"], "account_id": {"$gt": row["after"], "$ne": row["creator_id"]}}
        found = self._downloads.find(wanted).sort("account_id", ASCENDING).limit(_BATCH)
        accounts = [int(download["account_id"]) async for download in found]
        notice = msgspec.convert(row["notice"], Notice)
        for account_id in accounts:
            told = notification(row["event_id"], account_id, notice, row["at"])
            await self._notifications.update_one({"_id": told.id}, {"$setOnInsert": _document(told)}, upsert=True)
        done = {"is_spread": True} if len(accounts) < _BATCH else {"after": accounts[-1]}
        await self._withdrawn.update_one({"_id": row["_id"], "event_id": row["event_id"]}, {"$set": done})
        return max(1, len(accounts))

    async def list_newest(self, account_id: int, limit: int, before: str | None) -> list[Notification]:
        """An account's notifications, newest first; `before` is the id of the last one already seen."""
        wanted: dict[str, Any] = {"account_id": account_id}
        if before is not None:
            wanted["_id"] = {"$lt": before}
        rows = self._notifications.find(wanted).sort("_id", DESCENDING).limit(limit)
        return [msgspec.convert({"id": row["_id"], **row}, Notification) async for row in rows]

    async def count_unread(self, account_id: int) -> int:
        """How many are not read, 100 at most."""
        unread = {"account_id": account_id, "read_at": None}
        return int(await self._notifications.count_documents(unread, limit=_MOST_COUNTED))

    async def mark_read(self, account_id: int, ids: list[str] | None, at: datetime) -> None:
        """Some of an account's notifications, or all, are read."""
        wanted: dict[str, Any] = {"account_id": account_id, "read_at": None}
        if ids is not None:
            wanted["_id"] = {"$in": ids}
        await self._notifications.update_many(wanted, {"$set": {"read_at": at}})
