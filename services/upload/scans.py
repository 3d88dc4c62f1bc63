"""Storage of scans: the queue with its leases, reports, and what withdraws a file.

A verdict that lets bytes out, and one that takes them in again, both write the row of these bytes in `contents` first:
so no two of them happen side by side, whoever scans.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from services.upload.verdicts import Engines, Looked, Scan, outcome_of, override_for, scanned_event, verdict_with
from shared.engines.mongo import ASCENDING, IndexModel, Mongo, ReturnDocument
from shared.engines.mongo import Session as Transaction
from shared.events.uploads import FileScanned
from shared.outbox import Outbox
from shared.problems import NotFound

Document = dict[str, Any]
_REFUSED = ("dangerous", "invalid", "failed")


def to_document(value: msgspec.Struct, key: str) -> Document:
    """A value as MongoDB keeps it."""
    document: Document = msgspec.to_builtins(value, builtin_types=(datetime,))
    document["_id"] = document.pop(key)
    return document


def to_scan(document: Document) -> Scan:
    """The value of a row."""
    return msgspec.convert({"file_id": document["_id"], **document}, Scan)


class Scans:
    """Files that wait for a scanner, and what was found in those that do not."""

    def __init__(self, mongo: Mongo, outbox: Outbox) -> None:
        self._mongo = mongo
        self._scans = mongo["scans"]
        self._sessions = mongo["sessions"]
        self._contents = mongo["contents"]
        self._outbox = outbox
        mongo.index(
            {
                "scans": [
                    IndexModel([("state", ASCENDING), ("priority", ASCENDING), ("due_at", ASCENDING)]),
                    IndexModel([("sha256", ASCENDING)]),
                    IndexModel([("size_bytes", ASCENDING), ("head", ASCENDING)]),
                    IndexModel([("discard_at", ASCENDING)], sparse=True),
                    IndexModel([("to_withdraw", ASCENDING)], sparse=True),
                ]
            }
        )

    async def complete_old_rows(self) -> None:
        """Rows of releases before verdicts could change get what they lack."""
        sha256 = {"$toLower": {"$ifNull": ["$report.hashes.SHA256", ""]}}
        extension = {"$concat": [".", {"$toLower": {"$last": {"$split": ["$name", "."]}}}]}
        lacking: Document = {"verdict": "$report.verdict", "extension": extension}
        lacking["sha256"] = {"$cond": [{"$eq": [sha256, ""]}, None, sha256]}
        await self._scans.update_many({"state": "done", "verdict": {"$exists": False}}, [{"$set": lacking}])

    async def find(self, file_id: int) -> Scan | None:
        """The file of that id, once its bytes have arrived."""
        document = await self._scans.find_one({"_id": file_id})
        return to_scan(document) if document else None

    async def get(self, file_id: int) -> Scan:
        """The same; raises NotFound."""
        found = await self.find(file_id)
        if found is None:
            raise NotFound(f"There is no scan of a file with id {file_id}.")
        return found

    async def owner_of(self, scan: Scan) -> tuple[int, str]:
        """Id and name of the account that has uploaded it."""
        row = await self._sessions.find_one({"_id": scan.upload_id}, {"owner_id": 1, "owner": 1})
        return (row["owner_id"], row["owner"]) if row else (0, "")

    # The queue

    async def claim(self, scanner: str, now: datetime, lease: timedelta) -> Scan | None:
        """Take the file that has waited longest, fresh uploads first, or one whose scanner has gone silent.

        Counts the attempt first.
        """
        document = await self._scans.find_one_and_update(
            {
                "$or": [
                    {"state": "queued", "due_at": {"$lte": now}},
                    {"state": "scanning", "lease_until": {"$lt": now}},
                ]
            },
            {
                "$set": {"state": "scanning", "lease_owner": scanner, "lease_until": now + lease, "claimed_at": now},
                "$inc": {"attempt": 1},
            },
            sort=[("priority", ASCENDING), ("due_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return to_scan(document) if document else None

    async def renew(self, file_id: int, scanner: str, until: datetime, bytes_done: int) -> bool:
        """Keep a claimed file; False when another scanner has it by now."""
        changed = await self._scans.update_one(
            _claimed(file_id, scanner), {"$set": {"lease_until": until, "bytes_done": bytes_done}}
        )
        return bool(changed.matched_count)

    async def retry(self, file_id: int, scanner: str, due_at: datetime) -> None:
        """Put a claimed file back, to be taken again later."""
        await self._scans.update_one(_claimed(file_id, scanner), {"$set": {"state": "queued", "due_at": due_at}})

    async def hand_back(self, file_id: int, scanner: str, due_at: datetime) -> None:
        """Put a claimed file back as if it had not been taken: the attempt was cut short by no fault of the file's."""
        await self._scans.update_one(
            _claimed(file_id, scanner), {"$set": {"state": "queued", "due_at": due_at}, "$inc": {"attempt": -1}}
        )

    async def give_up(self, file_id: int, scanner: str, trouble: str) -> None:
        """A rescan came to nothing: the verdict of before stands, and the reason is kept."""
        ended = {"state": "done", "outcome": "failed", "trouble": trouble}
        await self._scans.update_one(_claimed(file_id, scanner), {"$set": ended})

    async def backlog_bytes(self, priority: int) -> int:
        """Bytes of this priority that wait for a scanner or are being scanned."""
        waiting: Document = {"state": {"$in": ["queued", "scanning"]}}
        waiting["priority"] = priority if priority else {"$in": [0, None]}
        rows = self._scans.aggregate([{"$match": waiting}, {"$group": {"_id": None, "n": {"$sum": "$size_bytes"}}}])
        return sum([int(row["n"]) async for row in rows])

    # Verdicts

    async def finish(
        self, scan: Scan, scanner: str, looked: Looked, discard_at: datetime | None
    ) -> Literal["kept", "lost", "contradicted"]:
        """Keep the report and tell, if the file is still ours.

        "contradicted": it would let bytes out that were found to be dangerous while they were scanned here.
        """

        lets_out = verdict_with(looked.report, scan.override) == "clean"

        async def work(transaction: Transaction) -> Literal["kept", "lost", "contradicted"]:
            if lets_out and await self._is_condemned(scan, looked, transaction):
                return "contradicted"
            changed = await self._scans.update_one(
                _claimed(scan.file_id, scanner), {"$set": _settled(scan, looked, discard_at)}, session=transaction
            )
            if not changed.modified_count:
                return "lost"
            await self._outbox.add([await self._event(scan, looked)], transaction)
            return "kept"

        return await self._mongo.transact(work)

    async def _is_condemned(self, scan: Scan, looked: Looked, transaction: Transaction) -> bool:
        await self._hold(looked.sha256, transaction)
        since = {"$gt": scan.claimed_at}
        condemned = {"sha256": looked.sha256, "verdict": "dangerous", "override": None, "scanned_at": since}
        return await self._scans.find_one(condemned, session=transaction) is not None

    async def withdraw(self, scan: Scan, scanner: str, looked: Looked, discard_at: datetime) -> bool:
        """Keep a report that takes a clean file down, with every other file of the same bytes; tell of each.

        What is dangerous is so under any name; what is invalid may be so only under names and types like this one.
        False (and nothing done) when another scanner has the file. Afterwards the bytes are to be taken in
        (`list_to_withdraw`), unless another clean file has them.
        """
        same: Document = {"sha256": looked.sha256 or scan.sha256, "verdict": "clean", "_id": {"$ne": scan.file_id}}
        if verdict_with(looked.report, scan.override) != "dangerous":
            same |= {"extension": scan.extension, "type": scan.type}

        async def work(transaction: Transaction) -> bool:
            await self._hold(scan.sha256, transaction)
            changed = await self._scans.update_one(
                _claimed(scan.file_id, scanner),
                {"$set": {**_settled(scan, looked, discard_at), "to_withdraw": scan.sha256}},
                session=transaction,
            )
            if not changed.modified_count:
                return False
            events = [await self._event(scan, looked)]
            taken = msgspec.structs.replace(looked, taken_from=scan.file_id)
            for other in [to_scan(row) async for row in self._scans.find(same, session=transaction)]:
                if verdict_with(looked.report, other.override) != "clean":
                    settled = {"$set": _settled(other, taken, discard_at)}
                    await self._scans.update_one({"_id": other.file_id}, settled, session=transaction)
                    events.append(await self._event(other, taken))
            await self._outbox.add(events, transaction)
            return True

        return await self._mongo.transact(work)

    async def _event(self, scan: Scan, looked: Looked) -> FileScanned:
        return scanned_event(scan, looked, *await self.owner_of(scan))

    async def _hold(self, sha256: str | None, transaction: Transaction) -> None:
        await self._contents.update_one({"_id": sha256}, {"$inc": {"changes": 1}}, upsert=True, session=transaction)

    async def override(self, file_id: int, reason: str, moderator: str, at: datetime, session: Transaction) -> bool:
        """Queue a refused file to be looked at once more, now with a moderator's word. False if it is not refused."""
        refused = {"_id": file_id, "state": "done", "verdict": {"$in": _REFUSED}}
        row = await self._scans.find_one(refused, session=session)
        scan = to_scan(row) if row else None
        if scan is None or scan.report is None:
            return False
        word = override_for(scan.report, reason, moderator, at)
        queued = {"state": "queued", "priority": 0, "due_at": at, "attempt": 0, "discard_at": None}
        kept = msgspec.to_builtins(word, builtin_types=(datetime,))
        await self._scans.update_one({"_id": file_id}, {"$set": {**queued, "override": kept}}, session=session)
        return True

    # Bytes that were seen before

    async def find_twin(self, scan: Scan, head: str, engines: Engines) -> Scan | None:
        """A file with the same beginning and size, and a report that is not out of date and would be this one's."""
        return await self._find_current({"size_bytes": scan.size_bytes, "head": head}, scan, engines, None)

    async def find_scanned_since(self, scan: Scan, engines: Engines) -> Scan | None:
        """Another file of the same bytes that was scanned since this one was put in line."""
        return await self._find_current({"sha256": scan.sha256}, scan, engines, scan.due_at)

    async def _find_current(self, same: Document, scan: Scan, engines: Engines, since: datetime | None) -> Scan | None:
        if not engines.can_be_compared and since is None:
            return None
        wanted = same | {"state": "done", "extension": scan.extension, "type": scan.type, "_id": {"$ne": scan.file_id}}
        wanted |= {"report.scannerVersion": engines.scanner, "report.rulesVersion": engines.rules}
        # A finding may speak of the file by its name.
        wanted["$or"] = [{"report.verdict": "clean"}, {"report.verdict": {"$ne": "failed"}, "name": scan.name}]
        if engines.has_antivirus:
            wanted |= {"report.antivirus.engine": engines.antivirus, "report.antivirus.signatures": engines.signatures}
            wanted["report.antivirus.status"] = {"$ne": "not-scanned"}
        if since is not None:
            wanted["scanned_at"] = {"$gte": since}
        row = await self._scans.find_one(wanted, sort=[("scanned_at", -1)])
        return to_scan(row) if row else None

    # Bytes on their way

    async def is_clean(self, sha256: str) -> bool:
        """Whether any file with these bytes is clean, so that they must be readable."""
        return await self._scans.find_one({"sha256": sha256, "verdict": "clean"}, {"_id": 1}) is not None

    async def list_to_withdraw(self, file_id: int | None = None) -> list[tuple[int, str]]:
        """Files, with their SHA256, whose bytes are still to be taken out of the readable bucket."""
        wanted: Document = {"to_withdraw": {"$type": "string"}}
        if file_id is not None:
            wanted["_id"] = file_id
        rows = self._scans.find(wanted, {"to_withdraw": 1}).limit(100)
        return [(row["_id"], row["to_withdraw"]) async for row in rows]

    async def withdrawn(self, file_id: int) -> None:
        """They are."""
        await self._scans.update_one({"_id": file_id}, {"$unset": {"to_withdraw": ""}})

    async def list_discardable(self, now: datetime) -> list[Scan]:
        """Files whose bytes where nobody can read them are no longer wanted."""
        rows = self._scans.find({"state": "done", "discard_at": {"$lte": now}}).limit(100)
        return [to_scan(document) async for document in rows]

    async def discarded(self, file_id: int) -> None:
        """Their bytes are gone."""
        await self._scans.update_one({"_id": file_id}, {"$unset": {"discard_at": ""}})


def _claimed(file_id: int, scanner: str) -> Document:
    return {"_id": file_id, "lease_owner": scanner, "state": "scanning"}


def _settled(scan: Scan, looked: Looked, discard_at: datetime | None) -> Document:
    verdict = verdict_with(looked.report, scan.override)
    report: Document = msgspec.to_builtins(looked.report)
    return {
        "state": "done",
        "verdict": verdict,
        "report": report,
        "sha256": looked.sha256,
        "scanned_at": looked.scanned_at,
        "head": looked.head or scan.head,
        "taken_from": looked.taken_from,
        "discard_at": discard_at,
        "outcome": outcome_of(verdict),
        "trouble": None,
    }
