"""Storage of uploads, until their bytes are complete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.upload.domain import Session
from services.upload.scans import to_document
from services.upload.verdicts import Scan, extension_of
from shared.engines.mongo import ASCENDING, IndexModel, Mongo
from shared.engines.mongo import Session as Transaction
from shared.events.uploads import FileUploaded, UploadAborted
from shared.outbox import Outbox
from shared.problems import NotFound
from shared.telemetry import correlation_id


def _session(document: dict[str, Any]) -> Session:
    return msgspec.convert({"id": document["_id"], **document}, Session)


class Repository:
    """Upload sessions, and the files they became in line for their scan."""

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
            }
        )

    async def next_file_id(self) -> int:
        """The next file id."""
        return await self._mongo.next_id("file")

    async def insert(self, session: Session) -> None:
        """Keep a new upload."""
        await self._sessions.insert_one(to_document(session, "id"))

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
            extension=extension_of(session.name), correlation=correlation_id(), due_at=now,
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
                await self._scans.insert_one(to_document(scan, "file_id"), session=transaction)
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
