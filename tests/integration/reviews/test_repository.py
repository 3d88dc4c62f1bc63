"""Storage of reviews on a real MongoDB: crashes, races, ties."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import pytest

from services.reviews import domain
from services.reviews.domain import PublishedVersion, Review
from services.reviews.repository import Repository
from shared.actor import Actor
from shared.api.community import NewReview
from shared.engines.mongo import Mongo, Session
from shared.events.payload import Payload
from shared.outbox import Outbox
from tests.integration.inner_service import own_database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSION = PublishedVersion(id=7, model_id=3, creator_id=1)
Moment = Literal["before the outbox row", "after the outbox row"]


class Crash(Exception):
    """The process dies here."""


class CrashingOutbox(Outbox):
    """An outbox in whose hands the process dies."""

    def __init__(self, mongo: Mongo, moment: Moment) -> None:
        super().__init__(mongo, "reviews")
        self._moment = moment

    async def add(self, payloads: Sequence[Payload], session: Session | None = None) -> None:
        if self._moment == "after the outbox row":
            await super().add(payloads, session)
        raise Crash


@pytest.fixture
async def mongo(engine_environment: Mapping[str, str]) -> AsyncIterator[Mongo]:
    async with own_database(engine_environment, "reviews", Repository) as mongo:
        yield mongo


@pytest.fixture
def reviews(mongo: Mongo) -> Repository:
    return Repository(mongo, Outbox(mongo, "reviews"))


async def say(
    reviews: Repository, author_id: int, text: str, *, recommended: bool = True, at: datetime = NOON
) -> tuple[Review, bool]:
    ask, actor = NewReview(recommended=recommended, text=text), Actor(account_id=author_id, username=f"a{author_id}")
    return await reviews.save_own(
        VERSION.id,
        author_id,
        post=lambda review_id: domain.post_review(review_id, VERSION, ask, actor, at),
        change=lambda before: domain.change_review(before, ask, at),
    )


async def outbox_types(mongo: Mongo) -> list[str]:
    return [row["type"] async for row in mongo["outbox"].find().sort("_id", 1)]


moments = pytest.mark.parametrize("moment", ["before the outbox row", "after the outbox row"])


@moments
async def test_a_crash_while_posting_leaves_neither_review_nor_event(mongo: Mongo, moment: Moment) -> None:
    with pytest.raises(Crash):
        await say(Repository(mongo, CrashingOutbox(mongo, moment)), 2, "lost")
    assert await mongo["reviews"].count_documents({}) == 0
    assert await outbox_types(mongo) == []

    _, is_new = await say(Repository(mongo, Outbox(mongo, "reviews")), 2, "kept")
    assert is_new
    assert await outbox_types(mongo) == ["ReviewPosted"]


@moments
async def test_a_crash_while_changing_leaves_the_review_as_it_was(
    mongo: Mongo, reviews: Repository, moment: Moment
) -> None:
    before, _ = await say(reviews, 2, "first")
    with pytest.raises(Crash):
        await say(Repository(mongo, CrashingOutbox(mongo, moment)), 2, "second", recommended=False)
    assert await reviews.list_by_model(3, 10, None) == [before]
    assert await outbox_types(mongo) == ["ReviewPosted"]


@moments
async def test_a_crash_while_removing_leaves_the_review(mongo: Mongo, reviews: Repository, moment: Moment) -> None:
    review, _ = await say(reviews, 2, "first")
    author = Actor(account_id=2, username="a2")
    with pytest.raises(Crash):
        await Repository(mongo, CrashingOutbox(mongo, moment)).remove(
            review.id, lambda found: domain.remove_review(found, author)
        )
    assert await reviews.list_by_model(3, 10, None) == [review]
    assert await outbox_types(mongo) == ["ReviewPosted"]


async def test_first_posts_at_once_make_one_review_and_count_once(mongo: Mongo, reviews: Repository) -> None:
    results = await asyncio.gather(*(say(reviews, 2, f"text {number}") for number in range(12)))
    assert [is_new for _, is_new in results].count(True) == 1
    assert await mongo["reviews"].count_documents({}) == 1
    assert sorted(await outbox_types(mongo)) == ["ReviewChanged"] * 11 + ["ReviewPosted"]


async def test_authors_at_once_each_get_a_review_and_an_id_of_their_own(mongo: Mongo, reviews: Repository) -> None:
    results = await asyncio.gather(*(say(reviews, author_id, "x") for author_id in range(1, 21)))
    assert len({review.id for review, _ in results}) == 20
    assert await outbox_types(mongo) == ["ReviewPosted"] * 20


async def test_reviews_of_the_same_millisecond_are_paged_without_gap(reviews: Repository) -> None:
    posted = [(await say(reviews, author_id, "tie"))[0].id for author_id in range(1, 8)]
    seen: list[int] = []
    place: domain.Place | None = None
    while found := await reviews.list_by_model(3, 2, place):
        seen += [review.id for review in found]
        place = domain.from_cursor(domain.to_cursor(domain.place_of(found[-1])))
    assert seen == sorted(posted, reverse=True)


async def test_a_page_is_read_from_the_index_alone_in_order(mongo: Mongo, reviews: Repository) -> None:
    await say(reviews, 2, "x")
    plan = await mongo["reviews"].find({"model_id": 3}).sort([("created_at", -1), ("_id", -1)]).explain()
    assert "SORT" not in str(plan["queryPlanner"]["winningPlan"]).replace("SORT_KEY", "")
