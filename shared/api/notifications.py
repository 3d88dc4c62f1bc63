"""What somebody is told: shapes of the hub's own API."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shared.api.hub import Answer, Ask


class Notification(Answer, frozen=True, kw_only=True):
    """Something that concerns an account. `path` is the page about it."""

    id: str
    kind: str
    title: str
    text: str
    path: str
    created_at: str
    read: bool


class NotificationPage(Answer, frozen=True, kw_only=True):
    """One's notifications, newest first; `unread` counts all that are not read."""

    items: list[Notification]
    unread: int
    next_cursor: str | UnsetType = UNSET


class ReadNotifications(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/notifications/read`: some, or all up to now."""

    ids: Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(max_length=1_000)] | None = None
