"""Storage of the render service: jobs with their leases, bases, and what a picture costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.render.planning import Base, Job
from shared.clock import now
from shared.engines.mongo import ASCENDING, IndexModel, Mongo, ReturnDocument, Session
from shared.events.payload import Payload
from shared.outbox import Outbox

_DEFAULT_SECONDS_PER_IMAGE = 10.0
_EWMA = 0.3
"""Weight of the newest measurement in the running mean."""


class LeaseLost(Exception):
    """Another renderer has the job by now."""


def _job_document(job: Job) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(job, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    return document


def _job(document: dict[str, Any]) -> Job:
    return msgspec.convert({"id": document["_id"], **document}, Job)


class Repository:
    """Jobs, bases and costs."""

    def __init__(self, mongo: Mongo, outbox: Outbox) -> None:
        self._mongo = mongo
        self._jobs = mongo["jobs"]
        self._bases = mongo["bases"]
        self._costs = mongo["costs"]
        self._renderers = mongo["renderers"]
        self._outbox = outbox
        mongo.index(
            {
                "jobs": [
                    IndexModel(
                        [("state", ASCENDING), ("gpu_class", ASCENDING), ("lane", ASCENDING), ("due_at", ASCENDING)]
                    ),
                    IndexModel([("model_id", ASCENDING)]),
                ],
                "renderers": [IndexModel("seen_at", expireAfterSeconds=3600)],
            }
        )

    # Planning

    async def add(self, job: Job, base: Base | None, events: Sequence[Payload], session: Session) -> None:
        """Keep a version's job, unless it has one, with its events; and the base that the version is for others."""
        document = _job_document(job)
        key = document.pop("_id")
        added = await self._jobs.update_one(
            {"_id": key}, {"$setOnInsert": {**document, "due_at": now()}}, upsert=True, session=session
        )
        if base is not None:
            row: dict[str, Any] = msgspec.to_builtins(base, builtin_types=(datetime,))
            await self._bases.replace_one({"_id": base.version_id}, row, upsert=True, session=session)
        if added.upserted_id is not None:
            await self._outbox.add(events, session)

    async def list_waiting(self) -> list[Job]:
        """Jobs that wait for a base."""
        return [_job(document) async for document in self._jobs.find({"state": "waiting"}).limit(1_000)]

    async def list_bases(self) -> list[Base]:
        """All bases."""
        return [msgspec.convert(document, Base) async for document in self._bases.find()]

    async def queue(self, job: Job, events: Sequence[Payload]) -> None:
        """A waiting job has its base: queue it and tell the renderers, in one transaction."""

        async def work(session: Session) -> None:
            document = _job_document(job)
            changed = await self._jobs.update_one(
                {"_id": document.pop("_id"), "state": "waiting"},
                {"$set": {**document, "due_at": now()}},
                session=session,
            )
            if changed.modified_count:
                await self._outbox.add(events, session)

        await self._mongo.transact(work)

    async def hide_model(self, model_id: int, session: Session) -> None:
        """A withdrawn model is not drawn and is no base for others."""
        await self._jobs.update_many(
            {"model_id": model_id, "state": {"$in": ["waiting", "queued", "drawing"]}},
            {"$set": {"state": "cancelled", "lease_owner": None}},
            session=session,
        )
        await self._bases.update_many({"model_id": model_id}, {"$set": {"visible": False}}, session=session)

    async def show_model(self, model_id: int, session: Session) -> None:
        """A restored model is drawn on: its base is looked for again where it has none."""
        for state, wanted in (("queued", {"$ne": None}), ("waiting", None)):
            await self._jobs.update_many(
                {"model_id": model_id, "state": "cancelled", "base": wanted},
                {"$set": {"state": state, "due_at": now(), "attempt": 0}},
                session=session,
            )
        await self._bases.update_many({"model_id": model_id}, {"$set": {"visible": True}}, session=session)

    async def list_jobs(self, version_ids: Sequence[int]) -> list[Job]:
        """The jobs of these versions."""
        return [_job(document) async for document in self._jobs.find({"_id": {"$in": list(version_ids)}})]

    # Drawing

    async def claim(self, owner: str, classes: Sequence[str], moment: datetime, lease: timedelta) -> Job | None:
        """Take the job that has waited longest, interactive before backfill, or one whose renderer has gone silent.

        The attempt is counted before anything is drawn, so that a job that kills its renderer comes to an end.
        """
        for lane in ("interactive", "backfill"):
            document = await self._jobs.find_one_and_update(
                {
                    "gpu_class": {"$in": list(classes)},
                    "lane": lane,
                    "$or": [
                        {"state": "queued", "due_at": {"$lte": moment}},
                        {"state": "drawing", "lease_until": {"$lt": moment}},
                    ],
                },
                {
                    "$set": {"state": "drawing", "lease_owner": owner, "lease_until": moment + lease},
                    "$inc": {"attempt": 1},
                },
                sort=[("due_at", ASCENDING)],
                return_document=ReturnDocument.AFTER,
            )
            if document is not None:
                return _job(document)
        return None

    async def renew(self, job_id: int, owner: str, until: datetime) -> None:
        """Keep a claimed job; raises LeaseLost when it was cancelled or taken by another."""
        kept = await self._jobs.update_one(
            {"_id": job_id, "lease_owner": owner, "state": "drawing"}, {"$set": {"lease_until": until}}
        )
        if not kept.matched_count:
            raise LeaseLost

    async def release(self, job_id: int, owner: str, due_at: datetime, *, counts: bool) -> None:
        """Hand a claimed job back; `counts` is False when the attempt was no fault of the job's."""
        await self._jobs.update_one(
            {"_id": job_id, "lease_owner": owner, "state": "drawing"},
            {
                "$set": {"state": "queued", "due_at": due_at, "lease_owner": None},
                "$inc": {"attempt": 0 if counts else -1},
            },
        )

    async def keep_image(self, job_id: int, owner: str, index: int, event: Payload) -> None:
        """One picture is stored: note it and tell, in one transaction; LeaseLost if the job is no longer ours."""

        async def work(session: Session) -> None:
            kept = await self._jobs.update_one(
                {"_id": job_id, "lease_owner": owner, "state": "drawing"},
                {"$addToSet": {"done": index}},
                session=session,
            )
            if not kept.matched_count:
                raise LeaseLost
            if kept.modified_count:
                await self._outbox.add([event], session)

        await self._mongo.transact(work)

    async def finish(self, job_id: int, owner: str, reason: str | None, events: Sequence[Payload]) -> None:
        """The job has come to its end: done, or failed for a reason."""

        async def work(session: Session) -> None:
            state = "done" if reason is None else "failed"
            changed = await self._jobs.update_one(
                {"_id": job_id, "lease_owner": owner, "state": "drawing"},
                {"$set": {"state": state, "reason": reason, "lease_owner": None}},
                session=session,
            )
            if changed.modified_count:
                await self._outbox.add(events, session)

        await self._mongo.transact(work)

    # Costs and renderers

    async def note_cost(self, family: str, seconds: float) -> None:
        """Move the family's mean seconds per picture towards a new measurement."""
        await self._costs.update_one(
            {"_id": family},
            [{"$set": {"seconds": {"$add": [
                {"$multiply": [{"$ifNull": ["$seconds", seconds]}, 1 - _EWMA]}, {"$multiply": [seconds, _EWMA]}]}}}],
            upsert=True,
        )  # fmt: skip

    async def backlog_seconds(self) -> dict[tuple[str, str], float]:
        """Seconds of work not yet done, by GPU class and lane: queued jobs and the rest of those being drawn."""
        costs = {row["_id"]: float(row["seconds"]) async for row in self._costs.find()}
        total: dict[tuple[str, str], float] = {}
        async for document in self._jobs.find({"state": {"$in": ["queued", "drawing"]}}):
            job = _job(document)
            cost = costs.get(job.family, _DEFAULT_SECONDS_PER_IMAGE) * len(job.remaining)
            total[job.gpu_class, job.lane] = total.get((job.gpu_class, job.lane), 0.0) + cost
        return total

    async def beat(self, owner: str, facts: dict[str, Any]) -> None:
        """A renderer is alive; `facts` tell what it is and what it does."""
        await self._renderers.update_one({"_id": owner}, {"$set": {**facts, "seen_at": now()}}, upsert=True)

    async def count_renderers(self, since: datetime) -> int:
        """Renderers heard of lately."""
        return await self._renderers.count_documents({"seen_at": {"$gte": since}})
