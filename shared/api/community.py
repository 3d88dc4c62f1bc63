"""What people say of models, what moderators decide, and how mature something is: shapes of the hub's own API."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.api.hub import NO_NUL, Answer, Ask, Id, Level


class NewReview(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/versions/{id}/reviews`."""

    recommended: bool
    text: Annotated[str, Meta(max_length=10_000, pattern=NO_NUL)] = ""


class Review(Answer, frozen=True, kw_only=True):
    """What somebody says of a version."""

    id: int
    model_id: int
    version_id: int
    username: str
    recommended: bool
    text: str
    created_at: str


class ReviewPage(Answer, frozen=True, kw_only=True):
    """Reviews, newest first."""

    items: list[Review]
    next_cursor: str | UnsetType = UNSET


ReportReason = Literal["malware", "stolen", "illegal", "mislabelled", "real-person", "minor-safety", "spam", "other"]


class NewReport(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/reports`."""

    subject_type: Literal["model"]
    subject_id: Id
    reason: ReportReason
    details: Annotated[str, Meta(max_length=5_000, pattern=NO_NUL)] = ""


class Report(Answer, frozen=True, kw_only=True):
    """A report in the moderators' queue."""

    id: int
    subject_type: str
    subject_id: int
    reason: str
    details: str
    status: Literal["open", "closed"]
    reporter: str
    created_at: str
    decision: str | None = None


class ReportPage(Answer, frozen=True, kw_only=True):
    """Reports, oldest open first."""

    items: list[Report]


class NewTakedown(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/takedowns`."""

    model_id: Id
    reason: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=NO_NUL)]


class NewRating(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/ratings`: how mature a picture, or a model as a whole, is."""

    subject_type: Literal["model", "image"]
    subject_id: Id
    level: Level
    reason: Annotated[str, Meta(max_length=2_000)] = ""


class ProposedRating(Ask, frozen=True, kw_only=True):
    """Body of `PUT /api/hub/images/{id}/rating`: what the publisher says; a moderator's word counts more."""

    level: Literal[1, 2, 4, 8, 16]


class HubImage(Answer, frozen=True, kw_only=True):
    """A picture with its ratings: a moderator's, its publisher's (0: none), and what it counts as."""

    id: int
    model_id: int
    version_id: int
    level: int
    proposed_level: int
    shown_level: int


class Decision(Answer, frozen=True, kw_only=True):
    """A moderator's decision, as the audit log keeps it; `subject_id` and `level` are a rating's."""

    id: int
    action: Literal["takedown", "restore", "rate", "override", "reject-appeal"]
    model_id: int | None
    """Not of decisions on files."""
    subject_type: Literal["model", "image"] = "model"
    subject_id: int | None = None
    level: int | None = None
    reason: str
    moderator: str
    created_at: str
    file_id: int | None = None
    """Of a decision about a file."""


class DecisionPage(Answer, frozen=True, kw_only=True):
    """The audit log, newest first."""

    items: list[Decision]
