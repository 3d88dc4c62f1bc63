"""Storage of moderation: models as they are known here, reports, and the log of decisions.

Every change of a model's reports or of its standing first writes the model's row in its transaction, so that two of
them never happen side by side: a report cannot slip past the takedown that should have closed it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from services.moderation.domain import Decision, KnownModel, Report, Ruling, require_model
from shared.engines.mongo import ASCENDING, DESCENDING, IndexModel, Mongo, ReturnDocument, Session
from shared.events.payload import Payload
from shared.outbox import Outbox


def _to_document(value: Report | Decision) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    return document


def _to_model(document: dict[str, Any]) -> KnownModel:
    return msgspec.convert({"id": document["_id"], **document}, KnownModel)


def _to_report(document: dict[str, Any]) -> Report:
    return msgspec.convert({"id": document["_id"], **document}, Report)


def _to_decision(document: dict[str, Any]) -> Decision:
    return msgspec.convert({"id": document["_id"], **document}, Decision)


class Repository:
    """Models, the queue of reports, and the audit log."""

    def __init__(self, mongo: Mongo, outbox: Outbox) -> None:
        self._mongo = mongo
        self._models = mongo["models"]
        self._reports = mongo["reports"]
        self._decisions = mongo["decisions"]
        self._outbox = outbox
        mongo.index(
            {
                "reports": [
                    IndexModel([("status", ASCENDING), ("_id", ASCENDING)]),
                    IndexModel(
                        [("subject_id", ASCENDING), ("reporter_id", ASCENDING)],
                        unique=True,
                        partialFilterExpression={"status": "open"},
                    ),
                ],
                "decisions": [IndexModel([("model_id", ASCENDING), ("_id", DESCENDING)])],
            }
        )

    async def remember_model(self, model_id: int, name: str, owner_id: int, owner: str, session: Session) -> None:
        """Know a model by its name and owner; its standing stays as it is."""
        await self._models.update_one(
            {"_id": model_id},
            {"$set": {"name": name, "owner_id": owner_id, "owner": owner}},
            upsert=True,
            session=session,
        )

    async def forget_model(self, model_id: int, decision: str, at: datetime, session: Session) -> None:
        """The owner deleted it: its open reports have nothing left to decide."""
        await self._models.update_one({"_id": model_id}, {"$set": {"is_deleted": True}}, session=session)
        await self._close_reports(model_id, {"decision": decision, "closed_at": at}, session)

    async def save_report(
        self, model_id: int, reporter_id: int, make: Callable[[int, KnownModel], tuple[Report, list[Payload]]]
    ) -> tuple[Report, bool]:
        """Keep a new report with its events, or find the reporter's open one; True if it is new. Raises NotFound."""

        async def work(session: Session) -> tuple[Report, bool]:
            model = await self._hold_model(model_id, session)
            mine = {"subject_id": model_id, "reporter_id": reporter_id, "status": "open"}
            row = await self._reports.find_one(mine, session=session)
            if row is not None:
                return _to_report(row), False
            report, events = make(await self._mongo.next_id("report"), model)
            await self._reports.insert_one(_to_document(report), session=session)
            await self._outbox.add(events, session)
            return report, True

        return await self._mongo.transact(work)

    async def save_ruling(self, model_id: int, rule: Callable[[int, KnownModel], Ruling]) -> Decision:
        """Log a decision with its effects and events, in one transaction. Raises NotFound, or what `rule` raises."""

        async def work(session: Session) -> Decision:
            model = await self._hold_model(model_id, session)
            ruling = rule(await self._mongo.next_id("decision"), model)
            decision = ruling.decision
            await self._models.update_one({"_id": model_id}, {"$set": {"is_down": ruling.is_down}}, session=session)
            await self._decisions.insert_one(_to_document(decision), session=session)
            if ruling.closes_reports_with is not None:
                closing = {
                    "decision": ruling.closes_reports_with,
                    "decision_id": decision.id,
                    "closed_at": decision.created_at,
                }
                await self._close_reports(model_id, closing, session)
            await self._outbox.add(ruling.events, session)
            return decision

        return await self._mongo.transact(work)

    async def list_reports(self, status: str, limit: int, after: int) -> list[Report]:
        """Reports of a status, oldest first; `after` is the id of the last one already seen."""
        rows = self._reports.find({"status": status, "_id": {"$gt": after}}).sort("_id", ASCENDING).limit(limit)
        return [_to_report(row) async for row in rows]

    async def list_decisions(self, model_id: int | None, limit: int, before: int | None) -> list[Decision]:
        """The audit log, newest first; `before` is the id of the last one already seen."""
        wanted: dict[str, Any] = {} if model_id is None else {"model_id": model_id}
        if before is not None:
            wanted["_id"] = {"$lt": before}
        rows = self._decisions.find(wanted).sort("_id", DESCENDING).limit(limit)
        return [_to_decision(row) async for row in rows]

    async def _hold_model(self, model_id: int, session: Session) -> KnownModel:
        """The model, written to so that other transactions on it wait for this one. Raises NotFound."""
        row = await self._models.find_one_and_update(
            {"_id": model_id}, {"$inc": {"changes": 1}}, return_document=ReturnDocument.AFTER, session=session
        )
        return require_model(model_id, _to_model(row) if row else None)

    async def _close_reports(self, model_id: int, closing: dict[str, Any], session: Session) -> None:
        await self._reports.update_many(
            {"subject_id": model_id, "status": "open"}, {"$set": {"status": "closed", **closing}}, session=session
        )
