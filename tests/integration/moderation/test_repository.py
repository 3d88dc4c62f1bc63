"""Storage of moderation on a real MongoDB: crashes and races."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import pytest

from services.moderation import domain
from services.moderation.domain import Decision, Report
from services.moderation.repository import Repository
from shared.actor import Actor
from shared.api.community import NewReport
from shared.engines.mongo import Mongo, Session
from shared.events.payload import Payload
from shared.outbox import Outbox
from shared.problems import Conflict, NotFound
from tests.integration.inner_service import own_database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODERATOR = Actor(account_id=5, username="mod", role="moderator")
Moment = Literal["before the outbox row", "after the outbox row"]


class Crash(Exception):
    """The process dies here."""


class CrashingOutbox(Outbox):
    """An outbox in whose hands the process dies."""

    def __init__(self, mongo: Mongo, moment: Moment) -> None:
        super().__init__(mongo, "moderation")
        self._moment = moment

    async def add(self, payloads: Sequence[Payload], session: Session | None = None) -> None:
        if self._moment == "after the outbox row":
            await super().add(payloads, session)
        raise Crash


@pytest.fixture
async def mongo(engine_environment: Mapping[str, str]) -> AsyncIterator[Mongo]:
    async with own_database(engine_environment, "moderation", Repository) as mongo:
        yield mongo


@pytest.fixture
async def moderation(mongo: Mongo) -> Repository:
    """A repository that knows model 3."""
    repository = Repository(mongo, Outbox(mongo, "moderation"))
    await mongo.transact(lambda session: repository.remember_model(3, "Shapes", 1, "maker", session))
    return repository


async def report(moderation: Repository, reporter_id: int) -> tuple[Report, bool]:
    ask = NewReport(subject_type="model", subject_id=3, reason="spam")
    actor = Actor(account_id=reporter_id, username=f"r{reporter_id}")
    return await moderation.save_report(
        3, reporter_id, lambda report_id, model: domain.new_report(report_id, model, ask, actor, NOON)
    )


async def take_down(moderation: Repository) -> Decision:
    return await moderation.save_ruling(
        3, lambda decision_id, model: domain.take_down(decision_id, model, "why", MODERATOR, NOON)
    )


async def outbox_types(mongo: Mongo) -> list[str]:
    return [row["type"] async for row in mongo["outbox"].find().sort("_id", 1)]


moments = pytest.mark.parametrize("moment", ["before the outbox row", "after the outbox row"])


@moments
@pytest.mark.usefixtures("moderation")
async def test_a_crash_while_reporting_leaves_neither_report_nor_event(mongo: Mongo, moment: Moment) -> None:
    with pytest.raises(Crash):
        await report(Repository(mongo, CrashingOutbox(mongo, moment)), 2)
    assert await mongo["reports"].count_documents({}) == 0
    assert await outbox_types(mongo) == []


@moments
async def test_a_crash_while_taking_down_leaves_the_model_up_and_the_reports_open(
    mongo: Mongo, moderation: Repository, moment: Moment
) -> None:
    made, _ = await report(moderation, 2)
    with pytest.raises(Crash):
        await take_down(Repository(mongo, CrashingOutbox(mongo, moment)))
    assert await moderation.list_decisions(3, 10, None) == []
    assert await moderation.list_reports("open", 10, 0) == [made]
    assert await outbox_types(mongo) == ["ContentReported"]

    await take_down(moderation)
    assert await outbox_types(mongo) == ["ContentReported", "ContentTakenDown"]


async def test_one_of_many_takedowns_at_once_is_decided(mongo: Mongo, moderation: Repository) -> None:
    results = await asyncio.gather(*(take_down(moderation) for _ in range(8)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == [Conflict.__name__] * 7 + [Decision.__name__]
    assert len(await moderation.list_decisions(3, 10, None)) == 1
    assert await outbox_types(mongo) == ["ContentTakenDown"]


async def test_one_reporter_at_once_has_one_report(mongo: Mongo, moderation: Repository) -> None:
    results = await asyncio.gather(*(report(moderation, 2) for _ in range(8)))
    assert len({made.id for made, _ in results}) == 1
    assert [is_new for _, is_new in results].count(True) == 1
    assert await outbox_types(mongo) == ["ContentReported"]


async def test_no_report_slips_past_a_takedown(mongo: Mongo, moderation: Repository) -> None:
    """Each either came first and was closed, or came after and was refused."""
    results = await asyncio.gather(
        *(report(moderation, reporter_id) for reporter_id in range(10, 14)),
        take_down(moderation),
        *(report(moderation, reporter_id) for reporter_id in range(14, 18)),
        return_exceptions=True,
    )
    kept = [result for result in results if isinstance(result, tuple)]
    refused = [result for result in results if isinstance(result, NotFound)]
    assert len(kept) + len(refused) == 8, results
    assert await moderation.list_reports("open", 20, 0) == []
    closed = await moderation.list_reports("closed", 20, 0)
    assert {made.id for made in closed} == {made.id for made, _ in kept}
    assert sorted(await outbox_types(mongo)) == ["ContentReported"] * len(kept) + ["ContentTakenDown"]
