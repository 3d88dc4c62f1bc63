"""Reviews through HTTP, as the gateway asks, with the catalog's events coming in."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from shared.actor import Actor
from shared.events.models import ModelDeleted, ModelRestored, ModelUnpublished, VersionPublished
from shared.events.reviews import ReviewChanged, ReviewPosted, ReviewRemoved
from tests.integration.inner_service import InnerService, until_true

TOPIC = "easel.reviews"
CREATOR = Actor(account_id=1, username="maker", role="creator")
READER = Actor(account_id=2, username="reader", role="member")
MODERATOR = Actor(account_id=3, username="mod", role="moderator")
_ids = count(1)


def version_published(model_id: int, version_id: int) -> VersionPublished:
    return VersionPublished(
        model_id=model_id, version_id=version_id, model_name="Shapes", version_name="v1", type="LORA",
        base_model="SD 1.5", trained_words=[], creator_id=CREATOR.account_id, creator=CREATOR.username, files=[],
        published_at=datetime.now(UTC),
    )  # fmt: skip


async def visible(reviews: InnerService, model_id: int, *, status: int = 200) -> None:
    """Return when the model's reviews answer so."""
    async for attempt in until_true():
        with attempt:
            assert (await reviews.call("GET", f"/models/{model_id}/reviews")).status_code == status


@pytest.fixture
async def version(reviews: InnerService) -> tuple[int, int]:
    """Model and version id of a version that was just published and is known."""
    number = next(_ids)
    model_id, version_id = number, 1_000 + number
    await reviews.tell(version_published(model_id, version_id))
    await visible(reviews, model_id)
    return model_id, version_id


async def post(
    reviews: InnerService, version_id: int, actor: Actor = READER, *, recommended: bool = True, text: str = "good"
) -> tuple[int, dict[str, Any]]:
    answer = await reviews.call(
        "POST", f"/versions/{version_id}/reviews", actor=actor, json={"recommended": recommended, "text": text}
    )
    return answer.status_code, answer.json()


async def shown(reviews: InnerService, model_id: int) -> list[dict[str, Any]]:
    answer = await reviews.call("GET", f"/models/{model_id}/reviews")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_posted_review_is_shown_and_told(reviews: InnerService, version: tuple[int, int]) -> None:
    model_id, version_id = version
    status, review = await post(reviews, version_id, text=" sharp edges ")
    assert status == 201
    assert {**review, "id": 0, "createdAt": ""} == {
        "id": 0, "modelId": model_id, "versionId": version_id, "username": "reader", "recommended": True,
        "text": "sharp edges", "createdAt": "",
    }  # fmt: skip
    assert await shown(reviews, model_id) == [review]
    assert await reviews.told(TOPIC, count=1, of=lambda event: event.model_id == model_id) == [
        ReviewPosted(
            review_id=review["id"], model_id=model_id, version_id=version_id, author_id=2, author="reader",
            recommended=True, text="sharp edges",
        )
    ]  # fmt: skip


async def test_the_events_of_one_author_are_exactly_the_changes(
    reviews: InnerService, version: tuple[int, int]
) -> None:
    model_id, version_id = version
    first = await post(reviews, version_id)
    again = await post(reviews, version_id)
    changed = await post(reviews, version_id, recommended=False, text="it broke")
    assert [status for status, _ in (first, again, changed)] == [201, 200, 200]
    assert again[1] == first[1]
    assert (changed[1]["id"], changed[1]["createdAt"]) == (first[1]["id"], first[1]["createdAt"])
    assert await shown(reviews, model_id) == [changed[1]]
    removed = await reviews.call("DELETE", f"/reviews/{first[1]['id']}", actor=READER)
    assert removed.status_code == 204
    anew = await post(reviews, version_id)
    assert anew[0] == 201 and anew[1]["id"] != first[1]["id"]

    told = await reviews.told(TOPIC, count=4, of=lambda event: event.model_id == model_id)
    about: dict[str, Any] = {"model_id": model_id, "version_id": version_id, "author_id": 2, "author": "reader"}
    before = {"review_id": first[1]["id"], **about}
    assert told == [
        ReviewPosted(**before, recommended=True, text="good"),
        ReviewChanged(**before, recommended=False, was_recommended=True, text="it broke", had_text=True),
        ReviewRemoved(**before, was_recommended=False, had_text=True),
        ReviewPosted(review_id=anew[1]["id"], **about, recommended=True, text="good"),
    ]


async def test_a_version_not_known_yet_says_to_try_again(reviews: InnerService) -> None:
    status, problem = await post(reviews, 999_999)
    assert status == 404
    assert "published just now can be reviewed in a moment" in problem["detail"]


async def test_a_creator_may_not_review_their_own_model(reviews: InnerService, version: tuple[int, int]) -> None:
    model_id, version_id = version
    assert (await post(reviews, version_id, CREATOR))[0] == 403
    assert await shown(reviews, model_id) == []


async def test_without_an_account_nothing_is_posted_or_removed(reviews: InnerService, version: tuple[int, int]) -> None:
    model_id, version_id = version
    _, review = await post(reviews, version_id)
    assert (await post(reviews, version_id, Actor()))[0] == 401
    assert (await reviews.call("DELETE", f"/reviews/{review['id']}")).status_code == 401
    assert await shown(reviews, model_id) == [review]


@pytest.mark.parametrize(
    ("actor", "status"),
    [(READER, 204), (MODERATOR, 204), (CREATOR, 403), (Actor(account_id=9, username="x", role="member"), 403)],
    ids=["author", "moderator", "the model's creator", "somebody else"],
)
async def test_who_may_remove_a_review(
    reviews: InnerService, version: tuple[int, int], actor: Actor, status: int
) -> None:
    model_id, version_id = version
    _, review = await post(reviews, version_id)
    assert (await reviews.call("DELETE", f"/reviews/{review['id']}", actor=actor)).status_code == status
    assert await shown(reviews, model_id) == ([] if status == 204 else [review])


async def test_a_review_is_removed_once(reviews: InnerService, version: tuple[int, int]) -> None:
    model_id, version_id = version
    _, review = await post(reviews, version_id)
    answers = [await reviews.call("DELETE", f"/reviews/{review['id']}", actor=READER) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 404]
    await post(reviews, version_id)
    told = await reviews.told(TOPIC, count=3, of=lambda event: event.model_id == model_id)
    assert [type(event) for event in told] == [ReviewPosted, ReviewRemoved, ReviewPosted]


async def test_reviews_of_a_withdrawn_model_are_hidden_until_it_is_restored(
    reviews: InnerService, version: tuple[int, int]
) -> None:
    model_id, version_id = version
    _, review = await post(reviews, version_id)
    await reviews.tell(ModelUnpublished(model_id=model_id, reason="taken down by a moderator"))
    await visible(reviews, model_id, status=404)
    assert (await post(reviews, version_id, MODERATOR))[0] == 404
    await reviews.tell(ModelRestored(model_id=model_id))
    await visible(reviews, model_id)
    assert await shown(reviews, model_id) == [review]


async def test_reviews_of_a_deleted_model_stay_hidden(reviews: InnerService, version: tuple[int, int]) -> None:
    model_id, version_id = version
    next_model, next_version = model_id + 10_000, version_id + 10_000
    await reviews.tell(ModelDeleted(model_id=model_id), ModelRestored(model_id=model_id))
    await reviews.tell(version_published(next_model, next_version))
    await visible(reviews, next_model)
    await visible(reviews, model_id, status=404)
    assert (await post(reviews, version_id))[0] == 404


async def test_a_repeated_event_changes_nothing(reviews: InnerService, version: tuple[int, int]) -> None:
    """Both ways of repeating: the same record twice, and a second event that says the same."""
    model_id, version_id = version
    _, review = await post(reviews, version_id)
    published = await reviews.tell(version_published(model_id, version_id))
    await reviews.tell(ModelUnpublished(model_id=model_id, reason="taken down by a moderator"))
    await reviews.tell_again(published)
    await visible(reviews, model_id, status=404)
    await reviews.tell(ModelRestored(model_id=model_id))
    await visible(reviews, model_id)
    assert await shown(reviews, model_id) == [review]
    assert (await post(reviews, version_id))[0] == 200
    assert await reviews.dead("easel.models") == []


async def test_a_model_nobody_knows_has_no_list(reviews: InnerService) -> None:
    answer = await reviews.call("GET", "/models/888888/reviews")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_pages_lose_and_repeat_nothing_while_reviews_come_and_go(
    reviews: InnerService, version: tuple[int, int]
) -> None:
    model_id, version_id = version
    authors = [Actor(account_id=100 + n, username=f"author{n}") for n in range(7)]
    posted = [(await post(reviews, version_id, author))[1]["id"] for author in authors]
    seen: list[int] = []
    cursor: str | None = None
    for _ in range(10):
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await reviews.call("GET", f"/models/{model_id}/reviews", params=params)).json()
        if not seen:  # what is newer than the first page, or shown already, does not move the rest
            await post(reviews, version_id, MODERATOR)
            await reviews.call("DELETE", f"/reviews/{page['items'][-1]['id']}", actor=MODERATOR)
        seen += [item["id"] for item in page["items"]]
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    assert seen == posted[::-1]


@pytest.mark.parametrize(
    ("method", "path", "json", "field"),
    [
        ("GET", "/models/1/reviews?limit=0", None, "limit"),
        ("GET", "/models/1/reviews?limit=101", None, "limit"),
        ("GET", "/models/1/reviews?cursor=nonsense", None, "cursor"),
        ("GET", "/models/0/reviews", None, "model_id"),
        ("GET", "/models/99999999999999999999/reviews", None, "model_id"),
        ("DELETE", "/reviews/99999999999999999999", None, "review_id"),
        ("POST", "/versions/99999999999999999999/reviews", {"recommended": True}, "version_id"),
        ("POST", "/versions/1/reviews", {"recommended": "yes"}, "recommended"),
        ("POST", "/versions/1/reviews", {"text": "no thumb"}, "recommended"),
        ("POST", "/versions/1/reviews", {"recommended": True, "text": "x" * 10_001}, "text"),
        ("POST", "/versions/1/reviews", {"recommended": True, "stars": 5}, "stars"),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(
    reviews: InnerService, method: str, path: str, json: object, field: str
) -> None:
    answer = await reviews.call(method, path, actor=READER, json=json)
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["detail"]


async def test_without_the_hubs_token_nobody_is_answered(reviews: InnerService) -> None:
    assert (await reviews.call_without_token("/models/1/reviews")).status_code == 401
