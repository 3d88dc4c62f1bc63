"""Storage of refused files and of the appeals for them.

Like with models (`repository`), whatever changes a file's appeals first writes the file's row in its transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from services.moderation.domain import Decision
from services.moderation.files import Appeal, FileRuling, KnownFile, require_refused
from shared.engines.mongo import ASCENDING, DESCENDING, IndexModel, Mongo, ReturnDocument, Session
from shared.events.payload import Payload
from shared.outbox import Outbox
from shared.problems import NotFound


def _to_document(value: Appeal | Decision | KnownFile) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    return document


def _to_appeal(document: dict[str, Any]) -> Appeal:
    return msgspec.convert({"id": document["_id"], **document}, Appeal)


class Appeals:
    """Files that were refused, and what their uploaders say."""

    def __init__(self, mongo: Mongo, outbox: Outbox) -> None:
        self._mongo = mongo
        self._files = mongo["files"]
        self._appeals = mongo["appeals"]
        self._decisions = mongo["decisions"]
        self._outbox = outbox
        mongo.index(
            {
                "appeals": [
                    IndexModel([("status", ASCENDING), ("_id", ASCENDING)]),
                    IndexModel([("file_id", ASCENDING), ("_id", DESCENDING)]),
                ]
            }
        )

    async def remember(self, file: KnownFile, closed_with: str, at: datetime, session: Session) -> None:
        """What the last scan says of a file; one that is clean now leaves nothing to decide."""
        if not file.is_refused and await self._files.find_one({"_id": file.id}, session=session) is None:
            return  # the usual case: it never was refused
        await self._files.update_one({"_id": file.id}, {"$set": _to_document(file)}, upsert=True, session=session)
        if not file.is_refused:
            closing = {"status": "closed", "reason": closed_with, "decided_at": at}
            await self._appeals.update_many({"file_id": file.id, "status": "open"}, {"$set": closing}, session=session)

    async def open(
        self, file_id: int, appellant_id: int, make: Callable[[int, KnownFile], tuple[Appeal, list[Payload]]]
    ) -> tuple[Appeal, bool]:
        """Keep a new appeal with its events, or find the one that is open; True if it is new. Raises what is wrong."""

        async def work(session: Session) -> tuple[Appeal, bool]:
            file = await self._hold(file_id, session)
            mine = {"file_id": file_id, "appellant_id": appellant_id, "status": "open"}
            row = await self._appeals.find_one(mine, session=session)
            if row is not None:
                return _to_appeal(row), False
            appeal, events = make(await self._mongo.next_id("appeal"), file)
            await self._appeals.insert_one(_to_document(appeal), session=session)
            await self._outbox.add(events, session)
            return appeal, True

        return await self._mongo.transact(work)

    async def override(
        self, file_id: int, rule: Callable[[int, KnownFile, tuple[Appeal, ...]], FileRuling]
    ) -> Decision:
        """Log a decision to let a file pass, with its effects and events. Raises NotFound or Conflict."""

        async def work(session: Session) -> Decision:
            file = await self._hold(file_id, session)
            rows = self._appeals.find({"file_id": file_id, "status": "open"}, session=session)
            appeals = tuple([_to_appeal(row) async for row in rows])
            return await self._keep(rule(await self._mongo.next_id("decision"), file, appeals), session)

        return await self._mongo.transact(work)

    async def reject(self, appeal_id: int, rule: Callable[[int, Appeal], FileRuling]) -> Decision:
        """Log a decision against an appeal. Raises NotFound or Conflict."""
        found = await self.get(appeal_id)

        async def work(session: Session) -> Decision:
            await self._hold(found.file_id, session)
            row = await self._appeals.find_one({"_id": appeal_id}, session=session)
            assert row is not None
            return await self._keep(rule(await self._mongo.next_id("decision"), _to_appeal(row)), session)

        return await self._mongo.transact(work)

    async def _keep(self, ruling: FileRuling, session: Session) -> Decision:
        await self._decisions.insert_one(_to_document(ruling.decision), session=session)
        for appeal in ruling.appeals:
            await self._appeals.replace_one({"_id": appeal.id}, _to_document(appeal), session=session)
        await self._outbox.add(ruling.events, session)
        return ruling.decision

    async def _hold(self, file_id: int, session: Session) -> KnownFile:
        row = await self._files.find_one_and_update(
            {"_id": file_id}, {"$inc": {"changes": 1}}, return_document=ReturnDocument.AFTER, session=session
        )
        return require_refused(file_id, msgspec.convert({"id": row["_id"], **row}, KnownFile) if row else None)

    async def get(self, appeal_id: int) -> Appeal:
        """The appeal of that id; raises NotFound."""
        row = await self._appeals.find_one({"_id": appeal_id})
        if row is None:
            raise NotFound(f"There is no appeal with id {appeal_id}.")
        return _to_appeal(row)

    async def list_by_status(self, status: str, limit: int, after: int) -> list[Appeal]:
        """Appeals of a status, oldest first; `after` is the id of the last one already seen."""
        rows = self._appeals.find({"status": status, "_id": {"$gt": after}}).sort("_id", ASCENDING).limit(limit)
        return [_to_appeal(row) async for row in rows]

    async def find_last(self, file_id: int) -> Appeal | None:
        """The newest appeal for a file."""
        row = await self._appeals.find_one({"file_id": file_id}, sort=[("_id", DESCENDING)])
        return _to_appeal(row) if row else None
