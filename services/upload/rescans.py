"""Storage of rescans: files are put in line again behind all fresh uploads, and by the same scanners.

A rescan is only rows of the queue, so it goes on after any interruption; asked for again, it takes what still lacks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.upload.verdicts import AGAIN, Engines
from shared.api import scans
from shared.clock import wire_time
from shared.engines.mongo import ASCENDING, DESCENDING, IndexModel, Mongo
from shared.problems import NotFound
from shared.telemetry import correlation_id

Document = dict[str, Any]
_ENGINES = "engines"


def wanted_files(ask: scans.NewRescan, engines: Engines) -> Document:
    """Which files are meant, as a condition on rows: what is asked for, else all with a report that is out of date."""
    if ask.all:
        return {}
    if ask.version_id is not None:
        return {"version_id": ask.version_id}
    if ask.sha256:
        return {"sha256": {"$in": [value.lower() for value in ask.sha256]}}
    if ask.rules_older_than is not None:
        return {"report.rulesVersion": {"$lt": ask.rules_older_than}}
    lacking: list[Document] = [
        {"report.scannerVersion": {"$ne": engines.scanner}},
        {"report.rulesVersion": {"$ne": engines.rules}},
        {"verdict": "failed"},
    ]
    if engines.has_antivirus:
        lacking += [
            {"report.antivirus.status": {"$nin": ["clean", "infected"]}},
            {"report.antivirus.engine": {"$ne": engines.antivirus}},
            {"report.antivirus.signatures": {"$ne": engines.signatures}},
        ]
    return {"$or": lacking}


class Rescans:
    """What operators have asked to be scanned again, and how far that is."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._scans = mongo["scans"]
        self._rescans = mongo["rescans"]
        self._engines = mongo["engines"]
        mongo.index(
            {
                "scans": [
                    IndexModel([("rescan_id", ASCENDING), ("state", ASCENDING)], sparse=True),
                    IndexModel([("version_id", ASCENDING)]),
                ]
            }
        )

    async def save_engines(self, engines: Engines) -> None:
        """A scanner says what it scans with."""
        await self._engines.replace_one({"_id": _ENGINES}, msgspec.to_builtins(engines), upsert=True)

    async def engines(self) -> Engines:
        """What the scanners scan with, as the last of them has said."""
        row = await self._engines.find_one({"_id": _ENGINES})
        return msgspec.convert(row, Engines) if row else Engines()

    async def start(self, ask: scans.NewRescan, asked_by: str, at: datetime) -> scans.Rescan:
        """Put files in line again: clean ones, and those whose scan has failed while their bytes are still there.

        A file that is in line already stays where it is.
        """
        rescan_id = await self._mongo.next_id("rescan")
        row: Document = {"_id": rescan_id, "asked_by": asked_by, "created_at": at, "ask": msgspec.to_builtins(ask)}
        await self._rescans.insert_one({**row, "files": 0, "bytes": 0})
        scannable = {"$or": [{"verdict": "clean"}, {"verdict": "failed", "discard_at": {"$gt": at}}]}
        wanted = {"$and": [{"state": "done"}, scannable, wanted_files(ask, await self.engines())]}
        queued = {
            "state": "queued", "priority": AGAIN, "due_at": at, "attempt": 0, "bytes_done": 0, "outcome": None,
            "rescan_id": rescan_id, "correlation": correlation_id(),
        }  # fmt: skip
        await self._scans.update_many(wanted, {"$set": queued})
        files, size_bytes = await self._count({"rescan_id": rescan_id})
        await self._rescans.update_one({"_id": rescan_id}, {"$set": {"files": files, "bytes": size_bytes}})
        return await self.get(rescan_id)

    async def get(self, rescan_id: int) -> scans.Rescan:
        """How far a rescan is. Raises NotFound."""
        row = await self._rescans.find_one({"_id": rescan_id})
        if row is None:
            raise NotFound(f"There is no rescan with id {rescan_id}.")
        return await self._view(row)

    async def list_newest(self, limit: int) -> list[scans.Rescan]:
        """The last ones."""
        rows = self._rescans.find().sort("_id", DESCENDING).limit(limit)
        return [await self._view(row) async for row in rows]

    async def _count(self, wanted: Document) -> tuple[int, int]:
        grouped: Document = {"_id": None, "files": {"$sum": 1}, "bytes": {"$sum": "$size_bytes"}}
        async for row in self._scans.aggregate([{"$match": wanted}, {"$group": grouped}]):
            return int(row["files"]), int(row["bytes"])
        return 0, 0

    async def _view(self, row: Document) -> scans.Rescan:
        mine = {"rescan_id": row["_id"]}
        files_left, bytes_left = await self._count({**mine, "state": {"$ne": "done"}})
        outcomes = {"clean": 0, "refused": 0, "failed": 0}
        grouped = {"_id": "$outcome", "files": {"$sum": 1}}
        async for found in self._scans.aggregate([{"$match": {**mine, "state": "done"}}, {"$group": grouped}]):
            outcomes[found["_id"]] = int(found["files"])
        return scans.Rescan(
            id=row["_id"],
            asked_by=row["asked_by"],
            created_at=wire_time(row["created_at"]),
            files=row["files"],
            files_left=files_left,
            size_bytes=row["bytes"],
            bytes_left=bytes_left,
            **outcomes,
        )
