"""`easel.moderation`: reports and decisions. Key: subject id."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.payload import Payload

SubjectType = Literal["model", "version", "image", "review", "account"]


class _ModerationEvent(Payload, frozen=True, kw_only=True):
    topic: ClassVar[str] = "easel.moderation"
    key_field: ClassVar[str] = "subject_id"

    subject_type: SubjectType
    subject_id: int
    actor_id: int
    actor: str


class ContentReported(_ModerationEvent, frozen=True, kw_only=True):
    """Somebody asks a moderator to look."""

    report_id: int
    reason: str
    details: str


class ContentTakenDown(_ModerationEvent, frozen=True, kw_only=True):
    """A moderator withdrew the subject from search, pages and downloads."""

    reason: str


class ContentRestored(_ModerationEvent, frozen=True, kw_only=True):
    """A takedown was lifted."""

    reason: str
