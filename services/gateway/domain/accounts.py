"""Accounts: names, roles, and who may change whom."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime

import msgspec

from shared.actor import Actor, Role
from shared.problems import Conflict, FieldError, Invalid

FIRST_ADMINISTRATOR = "admin"
"""The account that is made at the first start; whoever runs the hub holds its key."""
RESERVED = frozenset(
    {FIRST_ADMINISTRATOR, "administrator", "anonymous", "easel", "hub", "moderator", "official", "root", "support",
     "system", "account", "api", "collections", "docs", "files", "health", "image", "images", "login", "metrics",
     "models", "posts", "schema", "static", "store", "user"}
)  # fmt: skip
"""Names that nobody can sign up with: the hub's own, and the first parts of its addresses, as `/{creator}/…` is one."""
MAX_USERNAME = 40
_USERNAME = re.compile(r"[A-Za-z0-9_]{2,40}")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with a name and a role. While it is restricted, its keys and sessions are nobody's."""

    id: int
    username: str
    role: Role
    created_at: datetime
    restricted: bool = False


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as an identity provider knows them; `subject` never changes, the rest may."""

    issuer: str
    subject: str
    preferred_username: str


def require_name_to_sign_up(username: str) -> str:
    """The name, if somebody may sign up with it; Invalid says what a name looks like."""
    if not _USERNAME.fullmatch(username):
        detail = "A name has 2 to 40 letters (a to z), digits or underscores."
        raise Invalid(detail, errors=[FieldError("username", detail)])
    if username.lower() in RESERVED:
        raise Conflict(f"The name {username} is kept for the hub itself; choose another.")
    return username


def usernames_like(preferred: str) -> Iterator[str]:
    """Names to try for somebody from elsewhere, best first, without end: `mira`, `mira_2`, `mira_3` …"""
    plain = unicodedata.normalize("NFKD", preferred.partition("@")[0]).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9_]+", "_", plain).strip("_")[:MAX_USERNAME]
    if len(stem) < 2:
        stem = f"user_{stem}".rstrip("_")
    if stem.lower() not in RESERVED:
        yield stem
    number = 2
    while True:
        suffix = f"_{number}"
        yield stem[: MAX_USERNAME - len(suffix)] + suffix
        number += 1


def require_changeable(account: Account, by: Actor) -> None:
    """Raise Conflict for the changes that could leave a hub without an administrator."""
    if account.username == FIRST_ADMINISTRATOR:
        raise Conflict("The first administrator belongs to whoever runs the hub; its role cannot be changed.")
    if account.id == by.account_id:
        raise Conflict("Nobody changes their own role or restriction; ask another administrator.")
