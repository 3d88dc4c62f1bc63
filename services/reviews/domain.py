"""Rules of reviews: values in, values and events out. No I/O, no clock, no randomness."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from shared.actor import Actor
from shared.api import community, hub
from shared.clock import wire_time
from shared.events.models import ModelDeleted, ModelRestored, ModelUnpublished, VersionPublished
from shared.events.payload import Payload
from shared.events.reviews import ReviewChanged, ReviewPosted, ReviewRemoved
from shared.problems import FieldError, Forbidden, Invalid, NotFound, Unauthorized

ModelState = Literal["visible", "withdrawn", "deleted"]
ModelEvent = VersionPublished | ModelUnpublished | ModelRestored | ModelDeleted


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the values; `msgspec.structs.replace` makes a changed copy."""


class PublishedVersion(Value, frozen=True, kw_only=True):
    """A version that may be reviewed, as the catalog's events tell of it."""

    id: int
    model_id: int
    creator_id: int


class Review(Value, frozen=True, kw_only=True):
    """What one account says of one version. A change keeps `created_at`, and so its place in the list."""

    id: int
    model_id: int
    version_id: int
    author_id: int
    author: str
    recommended: bool
    text: str
    created_at: datetime
    changed_at: datetime


Change = tuple[Review, list[Payload]]


def model_state(before: ModelState | None, event: ModelEvent) -> ModelState:
    """Whether a model is visible after an event of it. Deleted is final; a new version does not lift a takedown."""
    if before == "deleted":
        return "deleted"
    match event:
        case ModelDeleted():
            return "deleted"
        case ModelUnpublished():
            return "withdrawn"
        case ModelRestored():
            return "visible"
        case VersionPublished():
            return before or "visible"


def require_known(actor: Actor) -> None:
    """Raise Unauthorized for somebody without an account."""
    if not actor.is_known:
        raise Unauthorized("Send an API key: Authorization: Bearer <key>.")


def require_visible(model_id: int, state: ModelState | None) -> None:
    """Raise NotFound, with the same words for a model that is hidden and one that was never there."""
    if state != "visible":
        raise NotFound(f"There is no model with id {model_id}.")


def require_reviewable(
    version_id: int, version: PublishedVersion | None, state: ModelState | None, actor: Actor
) -> PublishedVersion:
    """The version, if the actor may review it. Raises NotFound, or Forbidden for its creator."""
    if version is None or state != "visible":
        raise NotFound(
            f"There is no published version with id {version_id}. "
            "One that was published just now can be reviewed in a moment; try again."
        )
    if actor.account_id == version.creator_id:
        raise Forbidden(f"Version {version_id} is your own; reviews are for those who use it.")
    return version


def post_review(
    review_id: int, version: PublishedVersion, ask: community.NewReview, actor: Actor, now: datetime
) -> Change:
    """A first review of a version by this author."""
    review = Review(
        id=review_id,
        model_id=version.model_id,
        version_id=version.id,
        author_id=actor.account_id,
        author=actor.username,
        recommended=ask.recommended,
        text=ask.text.strip(),
        created_at=now,
        changed_at=now,
    )
    event = ReviewPosted(
        review_id=review.id, model_id=review.model_id, version_id=review.version_id, author_id=review.author_id,
        author=review.author, recommended=review.recommended, text=review.text,
    )  # fmt: skip
    return review, [event]


def change_review(before: Review, ask: community.NewReview, now: datetime) -> Change:
    """The author says something else; saying the same again changes nothing and tells nobody."""
    text = ask.text.strip()
    if (ask.recommended, text) == (before.recommended, before.text):
        return before, []
    review = msgspec.structs.replace(before, recommended=ask.recommended, text=text, changed_at=now)
    event = ReviewChanged(
        review_id=review.id, model_id=review.model_id, version_id=review.version_id, author_id=review.author_id,
        author=review.author, recommended=review.recommended, was_recommended=before.recommended, text=review.text,
        had_text=bool(before.text),
    )  # fmt: skip
    return review, [event]


def remove_review(review: Review, actor: Actor) -> list[Payload]:
    """What a removal tells. Raises Forbidden for anybody but the author and moderators."""
    if actor.account_id != review.author_id and not actor.may_moderate:
        raise Forbidden(f"Review {review.id} is by {review.author}; only they or a moderator may remove it.")
    event = ReviewRemoved(
        review_id=review.id, model_id=review.model_id, version_id=review.version_id, author_id=review.author_id,
        author=review.author, was_recommended=review.recommended, had_text=bool(review.text),
    )  # fmt: skip
    return [event]


def review_view(review: Review) -> community.Review:
    """The review as the API shows it."""
    return community.Review(
        id=review.id,
        model_id=review.model_id,
        version_id=review.version_id,
        username=review.author,
        recommended=review.recommended,
        text=review.text,
        created_at=wire_time(review.created_at),
    )


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in the list of a model's reviews: the last one shown. The id decides between equal times."""

    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    review_id: hub.Id


def place_of(review: Review) -> Place:
    """Where the list goes on after this review."""
    return Place(review.created_at, review.id)


def to_cursor(place: Place) -> str:
    """The place as an opaque word for addresses."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def from_cursor(cursor: str) -> Place:
    """The place a cursor means. Raises Invalid for a word that `to_cursor` did not make."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=Place)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        message = "is not one that this list gave; start again without it"
        raise Invalid(f"cursor: {message}", errors=[FieldError("cursor", message)]) from error
