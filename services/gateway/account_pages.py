"""Pages of signing in and of one's own account. Like `pages`: answers in, one whole page out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from services.gateway.domain.keys import ApiKey
from services.gateway.domain.passwords import MIN_PASSWORD
from services.gateway.domain.sessions import Session
from services.gateway.rendering import Frame, render
from services.gateway.views.account import (
    LIFETIMES,
    ROLE_TEXTS,
    key_views,
    notification_views,
    scope_views,
    session_views,
)
from shared.actor import Role
from shared.api import notifications
from shared.api.search import SavedSearch

NOTICES = {
    "password": "Your password is set. Other browsers are signed out.",
    "ended": "That session is ended.",
    "alone": "All other browsers are signed out.",
    "search-saved": "The search is saved. You are notified when new models match.",
    "search-deleted": "The saved search is deleted.",
    "revoked": "The key is revoked. Nothing can use it any more.",
}


def render_sign_in(
    frame: Frame,
    *,
    after: str,
    is_sign_up_open: bool,
    provider: str | None,
    username: str = "",
    error: str | None = None,
) -> str:
    """The form to sign in; `provider` names the identity provider where there is one."""
    return render(
        "sign_in.html.jinja", frame, after=after, is_sign_up_open=is_sign_up_open, provider=provider,
        username=username, error=error,
    )  # fmt: skip


def render_sign_up(frame: Frame, *, after: str, role: Role, username: str = "", error: str | None = None) -> str:
    """The form to make an account."""
    return render(
        "sign_up.html.jinja", frame, after=after, role=role, min_password=MIN_PASSWORD,
        username=username, error=error,
    )  # fmt: skip


def render_account(
    frame: Frame, *, role: Role, sessions: Sequence[Session], this_session: str | None, has_password: bool,
    searches: Sequence[SavedSearch] | None, done: str = "", error: str | None = None,
) -> str:  # fmt: skip
    """One's account: who one is, where one is signed in, the password, saved searches (None: not known now)."""
    return render(
        "account.html.jinja", frame, role_text=ROLE_TEXTS[role], sessions=session_views(sessions, this_session),
        has_password=has_password, searches=searches, min_password=MIN_PASSWORD, notice=NOTICES.get(done), error=error,
    )  # fmt: skip


def render_keys(
    frame: Frame, *, role: Role, keys: Sequence[ApiKey], now: datetime, done: str = "", error: str | None = None,
    made: ApiKey | None = None, secret: str | None = None,
) -> str:  # fmt: skip
    """One's keys; `made` with its `secret` is a key that was made just now."""
    return render(
        "account_keys.html.jinja", frame, keys=key_views(keys, now), scopes=scope_views(role), lifetimes=LIFETIMES,
        notice=NOTICES.get(done), error=error, made_name=made.name if made else None, secret=secret,
    )  # fmt: skip


def render_notifications(frame: Frame, page: notifications.NotificationPage) -> str:
    """What one was told."""
    following = page.next_cursor
    return render(
        "notifications.html.jinja", frame, items=notification_views(page.items), unread=page.unread,
        next_href=f"/account/notifications?cursor={quote(following)}" if following else None,
    )  # fmt: skip
