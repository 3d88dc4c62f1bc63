"""Notifications on the real engines: who has a file is told, once, whatever the order of events."""

from __future__ import annotations

import itertools
from typing import Any

from services.reviews.notices import Notice
from services.reviews.notifications import Notifications
from shared.actor import Actor
from shared.clock import now
from shared.engines.mongo import Mongo
from shared.events.models import FileRestored, FileWithdrawn
from shared.events.moderation import AppealDecided
from shared.events.searches import MatchedModel, SearchMatched
from shared.events.usage import Downloaded
from tests.integration.inner_service import InnerService, until_true

_ids = itertools.count(50_000)


def withdrawn(file_id: int, creator_id: int) -> FileWithdrawn:
    return FileWithdrawn(
        model_id=1, version_id=10, file_id=file_id, model_name="Kubist", version_name="v1.0", file_name="kubist.pt",
        creator_id=creator_id, creator="dora", verdict="dangerous", reasons=["It imports os.system."],
    )  # fmt: skip


def downloaded(file_id: int, account_id: int | None) -> Downloaded:
    return Downloaded(model_id=1, version_id=10, file_id=file_id, account_id=account_id)


async def inbox(reviews: InnerService, account_id: int) -> dict[str, Any]:
    answer = await reviews.call("GET", "/notifications", actor=Actor(account_id, f"user{account_id}"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def kinds(reviews: InnerService, account_id: int) -> list[str]:
    return [item["kind"] for item in (await inbox(reviews, account_id))["items"]]


async def test_the_creator_and_all_who_have_the_file_are_told_once(reviews: InnerService) -> None:
    file_id, creator, one, two, other = (next(_ids) for _ in range(5))
    await reviews.tell(
        downloaded(file_id, one), downloaded(file_id, two), downloaded(file_id, one), downloaded(file_id, creator),
        downloaded(file_id, None), downloaded(file_id + 1_000, other),
    )  # fmt: skip
    await reviews.tell(withdrawn(file_id, creator))
    async for attempt in until_true():
        with attempt:
            assert await kinds(reviews, one) == ["download-withdrawn"]
            assert await kinds(reviews, two) == ["download-withdrawn"]
            assert await kinds(reviews, creator) == ["file-withdrawn"]
    assert await kinds(reviews, other) == []


async def test_a_download_that_is_heard_of_late_is_told_at_once_until_the_file_is_given_back(
    reviews: InnerService,
) -> None:
    file_id, creator, late, later = (next(_ids) for _ in range(4))
    await reviews.tell(withdrawn(file_id, creator))
    async for attempt in until_true():
        with attempt:
            assert await kinds(reviews, creator) == ["file-withdrawn"]
    await reviews.tell(downloaded(file_id, late))
    async for attempt in until_true():
        with attempt:
            assert await kinds(reviews, late) == ["download-withdrawn"]
    restored = FileRestored(model_id=1, version_id=10, file_id=file_id, file_name="kubist.pt", reason="A false alarm.")
    await reviews.tell(restored)
    decided = AppealDecided(
        subject_type="file", subject_id=file_id, actor_id=5, actor="mod", appeal_id=1, file_name="kubist.pt",
        appellant_id=creator, accepted=True, reason="A false alarm.",
    )  # fmt: skip
    await reviews.tell(decided)
    async for attempt in until_true():
        with attempt:
            assert await kinds(reviews, creator) == ["appeal-accepted", "file-withdrawn"]
    await reviews.tell(downloaded(file_id, later))
    marker = next(_ids)
    await reviews.tell(withdrawn(file_id + 2_000, marker))
    async for attempt in until_true():
        with attempt:
            assert await kinds(reviews, marker) == ["file-withdrawn"]


async def test_notifications_are_read_one_by_one_or_all(reviews: InnerService) -> None:
    creator = next(_ids)
    actor = Actor(creator, "maker")
    await reviews.tell(*(withdrawn(next(_ids), creator) for _ in range(3)))
    async for attempt in until_true():
        with attempt:
            assert (await inbox(reviews, creator))["unread"] == 3
    first = await reviews.call("GET", "/notifications", actor=actor, params={"limit": 2})
    rest = await reviews.call(
        "GET", "/notifications", actor=actor, params={"limit": 2, "cursor": first.json()["nextCursor"]}
    )
    ids = [item["id"] for page in (first, rest) for item in page.json()["items"]]
    assert len(set(ids)) == 3 and "nextCursor" not in rest.json()
    stranger = Actor(next(_ids), "stranger")
    await reviews.call("POST", "/notifications/read", actor=stranger, json={})
    await reviews.call("POST", "/notifications/read", actor=actor, json={"ids": ids[:1]})
    assert (await inbox(reviews, creator))["unread"] == 2
    done = await reviews.call("POST", "/notifications/read", actor=actor, json={})
    assert done.status_code == 204
    assert (await inbox(reviews, creator))["unread"] == 0
    assert (await reviews.call("GET", "/notifications")).status_code == 401


async def test_thousands_are_told_in_batches_that_can_break_off(reviews: InnerService) -> None:
    mongo = Mongo(reviews.settings, "notices_alone")
    await mongo.start()
    try:
        notifications = Notifications(mongo)
        await mongo["downloads"].insert_many([{"file_id": 1, "account_id": number} for number in range(1, 1_202)])
        notice = Notice(kind="k", title="T", text="T.", path="/")
        await mongo.transact(lambda session: notifications.file_withdrawn(1, 600, "0198-x", notice, now(), session))
        assert await notifications.spread() == 500
        await mongo["withdrawn_files"].update_one({"_id": 1}, {"$set": {"after": 0}})  # as if it had broken off
        while await notifications.spread():
            pass
        assert await mongo["notifications"].count_documents({}) == 1_200
        assert await notifications.count_unread(600) == 0
        assert await notifications.count_unread(1_201) == 1
    finally:
        await mongo.database.client.drop_database(mongo.database.name)
        await mongo.stop()


async def test_who_saved_a_search_is_told_what_it_found_once_and_nobody_else(reviews: InnerService) -> None:
    searcher, other = next(_ids), next(_ids)
    found = SearchMatched(
        search_id="s", account_id=searcher, name="Ink", filters="query=ink",
        models=[MatchedModel(model_id=3, name="Wash"), MatchedModel(model_id=2, name="Lines")], total=2,
    )  # fmt: skip
    await reviews.tell(found)
    async for attempt in until_true():
        with attempt:
            assert await kinds(reviews, searcher) == ["search-matched"]
            [item] = (await inbox(reviews, searcher))["items"]
            assert (item["kind"], item["path"]) == ("search-matched", "/models?query=ink")
            assert item["text"] == "Wash, Lines."
    assert await kinds(reviews, other) == []
