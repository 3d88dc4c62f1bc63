"""Storage of uploads and scans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.upload.domain import Scan, Session
from shared.engines.mongo import ASCENDING, IndexModel, Mongo, ReturnDocument
from shared.engines.mongo import Session as Transaction
from shared.events.payload import Payload
from shared.events.uploads import FileUploaded, UploadAborted
from shared.outbox import Outbox
from shared.problems import NotFound
from shared.telemetry import correlation_id


def _document(value: msgspec.Struct, key: str) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    document["_id"] = document.pop(key)
    return document


def _session(document: dict[str, Any]) -> Session:
    return msgspec.convert({"id": document["_id"], **document}, Session)


def _scan(document: dict[str, Any]) -> Scan:
    return msgspec.convert({"file_id": document["_id"], **document}, Scan)


class Repository:
    """Upload sessions and the files they became."""

    def __init__(self, mongo: Mongo, outbox: Outbox) -> None:
        self._mongo = mongo
        self._sessions = mongo["sessions"]
        self._scans = mongo["scans"]
        self._outbox = outbox
        mongo.index(
            {
                "sessions": [
                    IndexModel([("owner_id", ASCENDING), ("version_id", ASCENDING), ("status", ASCENDING)]),
                    IndexModel([("status", ASCENDING), ("expires_at", ASCENDING)]),
                ],
                "scans": [IndexModel([("state", ASCENDING), ("due_at", ASCENDING)])],
            }
        )

    async def next_file_id(self) -> int:
        """The next file id."""
        return await self._mongo.next_id("file")

    # Sessions

    async def insert(self, session: Session) -> None:
        """Keep a new upload."""
        await self._sessions.insert_one(_document(session, "id"))

    async def get(self, upload_id: str, owner_id: int) -> Session:
        """The owner's upload; NotFound for a stranger's as for none."""
        document = await self._sessions.find_one({"_id": upload_id, "owner_id": owner_id})
        if document is None:
            raise NotFound(f"You have no upload {upload_id}.")
        return _session(document)

    async def list_open(self, owner_id: int, version_id: int | None) -> list[Session]:
        """The owner's uploads that are under way, newest first."""
        wanted: dict[str, Any] = {"owner_id": owner_id, "status": "open"}
        if version_id is not None:
            wanted["version_id"] = version_id
        return [_session(document) async for document in self._sessions.find(wanted).sort("_id", -1).limit(100)]

    async def touch(self, upload_id: str, expires_at: datetime) -> None:
        """Somebody works on it: it lives longer."""
        await self._sessions.update_one({"_id": upload_id, "status": "open"}, {"$set": {"expires_at": expires_at}})

    async def reopen(self, session: Session, store_upload_id: str) -> Session:
        """Go on with an empty upload in the store, unless another call has done so first; the session as it is now."""
        await self._sessions.update_one(
            {"_id": session.id, "status": "open", "store_upload_id": session.store_upload_id},
            {"$set": {"store_upload_id": store_upload_id}},
        )
        return await self.get(session.id, session.owner_id)

    async def complete(self, session: Session, now: datetime) -> None:
        """All bytes are in the store: queue the scan and tell, in one transaction. Doing it twice does it once."""
        scan = Scan(
            file_id=session.file_id, version_id=session.version_id, upload_id=session.id, name=session.name,
            type=session.type, size_bytes=session.size_bytes, object_key=session.object_key, state="queued",
            correlation=correlation_id(),
        )  # fmt: skip
        event = FileUploaded(
            file_id=session.file_id, version_id=session.version_id, upload_id=session.id, name=session.name,
            declared_type=session.type, size_bytes=session.size_bytes, object_key=session.object_key,
        )  # fmt: skip

        async def work(transaction: Transaction) -> None:
            changed = await self._sessions.update_one(
                {"_id": session.id, "status": "open"}, {"$set": {"status": "complete"}}, session=transaction
            )
            if changed.modified_count:
                await self._scans.insert_one({**_document(scan, "file_id"), "due_at": now}, session=transaction)
                await self._outbox.add([event], transaction)

        await self._mongo.transact(work)

    async def close(self, session: Session, status: str) -> None:
        """Abort or expire an open upload and tell."""
        event = UploadAborted(
            file_id=session.file_id, version_id=session.version_id, upload_id=session.id,
            reason="expired" if status == "expired" else "aborted",
        )  # fmt: skip

        async def work(transaction: Transaction) -> None:
            changed = await self._sessions.update_one(
                {"_id": session.id, "status": "open"}, {"$set": {"status": status}}, session=transaction
            )
            if changed.modified_count:
                await self._outbox.add([event], transaction)

        await self._mongo.transact(work)

    async def list_expired(self, now: datetime) -> list[Session]:
        """Open uploads that nobody has touched for too long."""
        rows = self._sessions.find({"status": "open", "expires_at": {"$lt": now}}).limit(100)
        return [_session(document) async for document in rows]

    # Scans

    async def claim_scan(self, owner: str, now: datetime, lease: timedelta) -> Scan | None:
        """Take the file that has waited longest, or one whose scanner has gone silent; counts the attempt first."""
        document = await self._scans.find_one_and_update(
            {
                "$or": [
                    {"state": "queued", "due_at": {"$lte": now}},
                    {"state": "scanning", "lease_until": {"$lt": now}},
                ]
            },
            {"$set": {"state": "scanning", "lease_owner": owner, "lease_until": now + lease}, "$inc": {"attempt": 1}},
            sort=[("due_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return _scan(document) if document else None

    async def renew_scan(self, file_id: int, owner: str, until: datetime, bytes_done: int) -> bool:
        """Keep a claimed file; False when another scanner has it by now."""
        changed = await self._scans.update_one(
            {"_id": file_id, "lease_owner": owner, "state": "scanning"},
            {"$set": {"lease_until": until, "bytes_done": bytes_done}},
        )
        return bool(changed.matched_count)

    async def retry_scan(self, file_id: int, owner: str, due_at: datetime) -> None:
        """Put a claimed file back, to be taken again later."""
        await self._scans.update_one(
            {"_id": file_id, "lease_owner": owner, "state": "scanning"}, {"$set": {"state": "queued", "due_at": due_at}}
        )

    async def hand_back_scan(self, file_id: int, owner: str, due_at: datetime) -> None:
        """Put a claimed file back as if it had not been taken: the attempt was cut short by no fault of the file's."""
        await self._scans.update_one(
            {"_id": file_id, "lease_owner": owner, "state": "scanning"},
            {"$set": {"state": "queued", "due_at": due_at}, "$inc": {"attempt": -1}},
        )

    async def finish_scan(
        self, file_id: int, owner: str, report: dict[str, Any], events: Sequence[Payload], discard_at: datetime | None
    ) -> bool:
        """Keep the report and tell, if the file is still ours; False if not. `discard_at`: when to delete its bytes."""

        async def work(transaction: Transaction) -> bool:
            changed = await self._scans.update_one(
                {"_id": file_id, "lease_owner": owner, "state": "scanning"},
                {"$set": {"state": "done", "report": report, "discard_at": discard_at}},
                session=transaction,
            )
            if changed.modified_count:
                await self._outbox.add(events, transaction)
            return bool(changed.modified_count)

        return await self._mongo.transact(work)

    async def list_discardable(self, now: datetime) -> list[Scan]:
        """Files whose bytes in the incoming bucket are no longer wanted."""
        rows = self._scans.find({"state": "done", "discard_at": {"$lte": now}}).limit(100)
        return [_scan(document) async for document in rows]

    async def discarded(self, file_id: int) -> None:
        """Their bytes are gone."""
        await self._scans.update_one({"_id": file_id}, {"$unset": {"discard_at": ""}})

    async def backlog_bytes(self) -> int:
        """Bytes that wait for a scanner or are being scanned."""
        total = 0
        async for row in self._scans.aggregate(
            [
                {"$match": {"state": {"$in": ["queued", "scanning"]}}},
                {"$group": {"_id": None, "n": {"$sum": "$size_bytes"}}},
            ]
        ):
            total = int(row["n"])
        return total
