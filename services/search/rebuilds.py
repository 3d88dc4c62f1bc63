"""How far the index is that somebody asked for, kept so that every process of the service can say it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.clock import new_id, now
from shared.engines.mongo import Mongo

_NEWEST = "newest"


class Rebuild(msgspec.Struct, frozen=True, kw_only=True):
    """The rebuild that was asked for last; `total` counts the rows there were when it began, 0 before."""

    rebuild_id: str
    asked_at: datetime
    total: int = 0
    done: int = 0
    ended_at: datetime | None = None


class Rebuilds:
    """One row: a request that comes while an index is being made is answered by that one."""

    def __init__(self, mongo: Mongo) -> None:
        self._asked = mongo["rebuilds"]

    async def ask(self) -> Rebuild:
        """Note that the index is to be made again."""
        asked = Rebuild(rebuild_id=new_id(), asked_at=now())
        row = msgspec.to_builtins(asked, builtin_types=(datetime,))
        await self._asked.replace_one({"_id": _NEWEST}, row, upsert=True)
        return asked

    async def find(self) -> Rebuild | None:
        """The newest; None where nobody has ever asked."""
        row = await self._asked.find_one({"_id": _NEWEST})
        return msgspec.convert(row, Rebuild) if row else None

    async def is_open(self) -> bool:
        """Whether one was asked for and has not ended, in a process that died perhaps."""
        found = await self.find()
        return found is not None and found.ended_at is None

    async def note(self, done: int, total: int) -> None:
        """So many documents are in the new index."""
        await self._asked.update_one({"_id": _NEWEST, "ended_at": None}, {"$set": {"done": done, "total": total}})

    async def end(self, done: int) -> None:
        """The new index has taken its place."""
        ended = {"done": done, "total": done, "ended_at": now()}
        await self._asked.update_one({"_id": _NEWEST, "ended_at": None}, {"$set": ended})
