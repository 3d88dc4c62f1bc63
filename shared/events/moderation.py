"""`easel.moderation`: reports and decisions. Key: subject id."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.payload import Payload

SubjectType = Literal["model", "version", "image", "review", "account", "file"]


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


class FileOverridden(_ModerationEvent, frozen=True, kw_only=True):
    """A moderator lets a file pass in spite of what the scan has found in it until now, and of nothing else."""

    reason: str


class AppealOpened(_ModerationEvent, frozen=True, kw_only=True):
    """The uploader of a refused file asks the moderators to look at it."""

    appeal_id: int
    text: str


class AppealDecided(_ModerationEvent, frozen=True, kw_only=True):
    """What the moderators answer; an accepted appeal comes with FileOverridden."""

    appeal_id: int
    file_name: str
    appellant_id: int
    accepted: bool
    reason: str


class ContentRated(_ModerationEvent, frozen=True, kw_only=True):
    """A moderator said how mature a picture, or a model as a whole, is: 1 PG, 2 PG-13, 4 R, 8 X, 16 XXX, 32 blocked."""

    model_id: int
    level: int
    reason: str
