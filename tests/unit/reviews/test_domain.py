"""Rules of reviews."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reviews import domain
from services.reviews.domain import ModelEvent, ModelState, PublishedVersion, Review
from shared.actor import NOBODY, Actor
from shared.api.community import NewReview
from shared.events.models import ModelDeleted, ModelRestored, ModelUnpublished, VersionPublished
from shared.events.payload import Payload
from shared.events.reviews import ReviewChanged, ReviewPosted, ReviewRemoved
from shared.problems import Forbidden, Invalid, NotFound, Unauthorized

NOON = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
VERSION = PublishedVersion(id=7, model_id=3, creator_id=1)
CREATOR = Actor(account_id=1, username="maker", role="creator")
READER = Actor(account_id=2, username="reader", role="member")
STRANGER = Actor(account_id=4, username="stranger", role="creator")
MODERATOR = Actor(account_id=5, username="mod", role="moderator")
ADMINISTRATOR = Actor(account_id=6, username="admin", role="administrator")

PUBLISHED = VersionPublished(
    model_id=3, version_id=7, model_name="m", version_name="v", type="LORA", base_model="SD 1.5", trained_words=[],
    creator_id=1, creator="maker", files=[], published_at=NOON,
)  # fmt: skip
UNPUBLISHED = ModelUnpublished(model_id=3, reason="r")
RESTORED = ModelRestored(model_id=3)
DELETED = ModelDeleted(model_id=3)


def posted(*, recommended: bool = True, text: str = "good", review_id: int = 11) -> Review:
    return domain.post_review(review_id, VERSION, NewReview(recommended=recommended, text=text), READER, NOON)[0]


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        (None, PUBLISHED, "visible"),
        (None, UNPUBLISHED, "withdrawn"),
        (None, RESTORED, "visible"),
        (None, DELETED, "deleted"),
        ("visible", PUBLISHED, "visible"),
        ("visible", UNPUBLISHED, "withdrawn"),
        ("visible", DELETED, "deleted"),
        ("withdrawn", PUBLISHED, "withdrawn"),
        ("withdrawn", RESTORED, "visible"),
        ("withdrawn", DELETED, "deleted"),
        ("deleted", PUBLISHED, "deleted"),
        ("deleted", UNPUBLISHED, "deleted"),
        ("deleted", RESTORED, "deleted"),
    ],
)
def test_a_models_state_follows_its_events(before: ModelState | None, event: ModelEvent, after: ModelState) -> None:
    assert domain.model_state(before, event) == after


@pytest.mark.parametrize("state", [None, "withdrawn", "deleted"])
def test_a_model_that_is_not_visible_answers_like_one_that_never_was(state: ModelState | None) -> None:
    with pytest.raises(NotFound, match="There is no model with id 3"):
        domain.require_visible(3, state)


@pytest.mark.parametrize(
    ("version", "state"), [(None, None), (VERSION, None), (VERSION, "withdrawn"), (VERSION, "deleted")]
)
def test_a_version_that_cannot_be_seen_cannot_be_reviewed(
    version: PublishedVersion | None, state: ModelState | None
) -> None:
    with pytest.raises(NotFound, match=r"version with id 7.*published just now can be reviewed in a moment"):
        domain.require_reviewable(7, version, state, READER)


def test_nobody_reviews_their_own_version() -> None:
    with pytest.raises(Forbidden, match="is your own"):
        domain.require_reviewable(7, VERSION, "visible", CREATOR)


@pytest.mark.parametrize("actor", [READER, STRANGER, MODERATOR, ADMINISTRATOR])
def test_everybody_else_may_review_it(actor: Actor) -> None:
    assert domain.require_reviewable(7, VERSION, "visible", actor) is VERSION


def test_a_review_needs_an_account() -> None:
    with pytest.raises(Unauthorized):
        domain.require_known(NOBODY)


def test_a_first_review_is_told_as_posted() -> None:
    review, events = domain.post_review(11, VERSION, NewReview(recommended=False, text="  blurry \n"), READER, NOON)
    assert events == [
        ReviewPosted(
            review_id=11, model_id=3, version_id=7, author_id=2, author="reader", recommended=False, text="blurry"
        )
    ]
    assert (review.text, review.created_at, review.changed_at) == ("blurry", NOON, NOON)


@pytest.mark.parametrize(
    ("recommended", "text"), [(True, "better"), (False, "good"), (False, "worse")], ids=["text", "thumb", "both"]
)
def test_a_change_tells_what_the_review_said_before_and_keeps_its_place(recommended: bool, text: str) -> None:
    before = posted()
    review, events = domain.change_review(before, NewReview(recommended=recommended, text=text), LATER)
    assert events == [
        ReviewChanged(
            review_id=11, model_id=3, version_id=7, author_id=2, author="reader", recommended=recommended,
            was_recommended=True, text=text, had_text=True,
        )
    ]  # fmt: skip
    assert (review.id, review.created_at, review.changed_at) == (11, NOON, LATER)


@pytest.mark.parametrize("text", ["good", " good\n"])
def test_saying_the_same_again_changes_nothing(text: str) -> None:
    before = posted()
    assert domain.change_review(before, NewReview(recommended=True, text=text), LATER) == (before, [])


@pytest.mark.parametrize("actor", [READER, MODERATOR, ADMINISTRATOR])
def test_the_author_and_moderators_remove_a_review(actor: Actor) -> None:
    assert domain.remove_review(posted(recommended=False), actor) == [
        ReviewRemoved(
            review_id=11, model_id=3, version_id=7, author_id=2, author="reader", was_recommended=False, had_text=True
        )
    ]


@pytest.mark.parametrize("actor", [STRANGER, CREATOR, NOBODY])
def test_nobody_else_removes_a_review_not_even_the_models_creator(actor: Actor) -> None:
    with pytest.raises(Forbidden, match="by reader"):
        domain.remove_review(posted(), actor)


def test_a_review_is_shown_with_its_authors_name_and_wire_time() -> None:
    shown = domain.review_view(posted())
    assert (shown.username, shown.created_at) == ("reader", "2026-03-01T12:00:00.123Z")


steps = st.lists(st.one_of(st.just("remove"), st.tuples(st.booleans(), st.sampled_from(["", "a", "b"]))), max_size=12)


@given(steps)
def test_the_events_of_any_history_count_to_exactly_what_stands(history: list[str | tuple[bool, str]]) -> None:
    """A reader adds what `recommended` says and takes back what `was_recommended` says; nothing else is known to it."""
    review: Review | None = None
    told: list[Payload] = []
    for step in history:
        if isinstance(step, str):
            told += domain.remove_review(review, READER) if review else []
            review = None
            continue
        ask = NewReview(recommended=step[0], text=step[1])
        if review is None:
            review, events = domain.post_review(len(told) + 1, VERSION, ask, READER, NOON)
        else:
            review, events = domain.change_review(review, ask, LATER)
        told += events
    thumbs = {True: 0, False: 0}
    for event in told:
        if isinstance(event, ReviewPosted | ReviewChanged):
            thumbs[event.recommended] += 1
        if isinstance(event, ReviewChanged | ReviewRemoved):
            thumbs[event.was_recommended] -= 1
        assert min(thumbs.values()) >= 0
    assert thumbs == {
        True: int(review is not None and review.recommended),
        False: int(review is not None and not review.recommended),
    }


@given(st.datetimes(timezones=st.just(UTC)), st.integers(1, 2**31 - 1))
def test_a_cursor_gives_back_the_place_it_was_made_of(moment: datetime, review_id: int) -> None:
    place = domain.Place(moment, review_id)
    assert domain.from_cursor(domain.to_cursor(place)) == place


@pytest.mark.parametrize(
    "cursor",
    ["x", "!!!", "ä", "e30", "A" * 500, *(domain.to_cursor(domain.Place(NOON, number)) for number in (0, 2**31))],
)
def test_a_cursor_that_the_list_did_not_give_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor: is not one that this list gave"):
        domain.from_cursor(cursor)
