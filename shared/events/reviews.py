"""`easel.reviews`: what the community says and keeps. Key: model id."""

from __future__ import annotations

from typing import ClassVar

from shared.events.payload import Payload


class _ReviewEvent(Payload, frozen=True, kw_only=True):
    topic: ClassVar[str] = "easel.reviews"
    key_field: ClassVar[str] = "model_id"

    review_id: int
    model_id: int
    version_id: int
    author_id: int
    author: str


class ReviewPosted(_ReviewEvent, frozen=True, kw_only=True):
    """A first review of a version by this author."""

    recommended: bool
    text: str


class ReviewChanged(_ReviewEvent, frozen=True, kw_only=True):
    """The author changed their review; `was_recommended` is what the counters must give back."""

    version: ClassVar[int] = 2

    recommended: bool
    was_recommended: bool
    text: str
    had_text: bool = False
    """Whether there were words before: such reviews are counted as comments."""


class ReviewRemoved(_ReviewEvent, frozen=True, kw_only=True):
    """The review is gone, by its author or by a moderator."""

    version: ClassVar[int] = 2

    was_recommended: bool
    had_text: bool = False


class ModelCollected(Payload, frozen=True, kw_only=True):
    """A model was put into a collection or taken out of one; `collected` is in how many it is now."""

    topic: ClassVar[str] = "easel.reviews"
    key_field: ClassVar[str] = "model_id"

    model_id: int
    collected: int
