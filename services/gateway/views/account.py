"""What the account pages show: sessions, keys, and the choices of their forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.gateway.domain.access import SCOPES_OF_ROLE
from services.gateway.domain.keys import ApiKey
from services.gateway.domain.sessions import Session
from services.gateway.views.text import Date, human_date
from shared.actor import Role
from shared.api import notifications
from shared.api.accounts import SCOPES, Scope
from shared.clock import wire_time

SCOPE_TEXTS: dict[Scope, str] = {
    "read": "See what you see, drafts included",
    "publish": "Publish, change and delete models",
    "community": "Review and report",
    "moderate": "Decide on reports, take models down",
    "administer": "Manage accounts",
}
ROLE_TEXTS: dict[Role, str] = {
    "member": "Member: reads, reviews, reports",
    "creator": "Creator: publishes models",
    "moderator": "Moderator: decides on reports",
    "administrator": "Administrator: manages accounts",
}
LIFETIMES: tuple[tuple[str, int | None], ...] = (
    ("No end", None), ("7 days", 7), ("30 days", 30), ("90 days", 90), ("1 year", 365),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionView:
    """One browser that is signed in."""

    id: str
    browser: str
    since: Date | None
    seen: Date | None
    is_this: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopeView:
    """One scope in the form of a new key."""

    name: Scope
    text: str
    is_always: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyView:
    """One key, without its secret."""

    id: str
    name: str
    allows: str
    created: Date | None
    used: Date | None
    ends: Date | None
    is_over: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationView:
    """One thing that one was told."""

    id: str
    title: str
    text: str
    path: str
    created: Date | None
    read: bool


def notification_views(items: Sequence[notifications.Notification]) -> tuple[NotificationView, ...]:
    """Notifications as their owner sees them."""
    return tuple(
        NotificationView(
            id=item.id, title=item.title, text=item.text, path=item.path, created=human_date(item.created_at),
            read=item.read,
        )
        for item in items
    )  # fmt: skip


def _date(moment: datetime | None) -> Date | None:
    return human_date(wire_time(moment)) if moment else None


def session_views(sessions: Sequence[Session], this: str | None) -> tuple[SessionView, ...]:
    """Sessions as their owner sees them, the one that asks first."""
    shown = [
        SessionView(
            id=session.id, browser=session.browser, since=_date(session.created_at), seen=_date(session.seen_at),
            is_this=session.id == this,
        )
        for session in sessions
    ]  # fmt: skip
    return tuple(sorted(shown, key=lambda view: not view.is_this))


def key_views(keys: Sequence[ApiKey], now: datetime) -> tuple[KeyView, ...]:
    """Keys as their owner sees them, newest first."""
    return tuple(
        KeyView(
            id=key.id,
            name=key.name,
            allows=", ".join(scope for scope in SCOPES if scope in key.scopes) if key.scopes else "everything",
            created=_date(key.created_at),
            used=_date(key.last_used_at),
            ends=_date(key.expires_at),
            is_over=not key.is_valid(now),
        )
        for key in reversed(keys)
    )


def scope_views(role: Role) -> tuple[ScopeView, ...]:
    """The scopes that an account may give to a key."""
    return tuple(
        ScopeView(name=scope, text=SCOPE_TEXTS[scope], is_always=scope == "read")
        for scope in SCOPES
        if scope in SCOPES_OF_ROLE[role]
    )


def end_of(days: str, now: datetime) -> datetime | None:
    """When a key ends that was asked for so many days: one of `LIFETIMES`, anything else is no end."""
    wanted = next((span for _, span in LIFETIMES if span is not None and str(span) == days), None)
    return now + timedelta(days=wanted) if wanted else None
