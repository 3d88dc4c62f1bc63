"""Sessions of people who signed in with a browser."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec

SEEN_EVERY = timedelta(minutes=5)
"""A session's use is noted this often."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One browser of one account. Of its token only the hash is kept."""

    id: str
    account_id: int
    browser: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


def hash_token(token: str) -> str:
    """What is kept of a session's token, which has 256 random bits."""
    return hashlib.sha256(b"easel-session:" + token.encode()).hexdigest()


def browser_name(user_agent: str) -> str:
    """`Firefox on Linux`, as well as a User-Agent tells: enough to know one's own sessions apart."""
    # Order matters: Edge says Chrome too, and everybody says Safari.
    browsers = (
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    )
    systems = (
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"), ("Linux", "Linux"),
    )  # fmt: skip
    browser = next((name for mark, name in browsers if mark in user_agent), None)
    system = next((name for mark, name in systems if mark in user_agent), None)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "Unknown browser"


def local_path(wanted: str | None, otherwise: str = "/") -> str:
    """Where to go after signing in: a path of this hub, never another site's address."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return otherwise
    return otherwise if any(ord(char) < 32 or char == "\\" for char in wanted) else wanted
