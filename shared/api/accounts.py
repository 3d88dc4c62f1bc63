"""Accounts and keys in Easel's own API."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.actor import Role
from shared.api.hub import Answer, Ask, Name

USERNAME = r"^[A-Za-z0-9_]{2,40}$(?!\n)"
Username = Annotated[str, Meta(pattern=USERNAME)]
Scope = Literal["read", "publish", "community", "moderate", "administer"]
"""What a key may be limited to: see, publish, review and report, moderate, manage accounts."""
SCOPES: tuple[Scope, ...] = ("read", "publish", "community", "moderate", "administer")
Password = Annotated[str, Meta(max_length=1_000)]


class NewAccount(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/accounts` (administrators)."""

    username: Username
    role: Role = "creator"


class AccountWithKey(Answer, frozen=True, kw_only=True):
    """A new account and its first key, which is shown this once."""

    id: int
    username: str
    role: Role
    key: str


class HubAccount(Answer, frozen=True, kw_only=True):
    """An account as administrators see it. While it is restricted, its keys and sessions do not work."""

    id: int
    username: str
    role: Role
    restricted: bool
    created_at: str


class AccountPage(Answer, frozen=True, kw_only=True):
    """Accounts by id; `next_cursor` is absent on the last page."""

    items: list[HubAccount]
    next_cursor: str | UnsetType = UNSET


class AccountChange(Ask, frozen=True, kw_only=True):
    """Body of `PATCH /api/hub/accounts/{id}`: what is absent stays as it is."""

    role: Role | UnsetType = UNSET
    restricted: bool | UnsetType = UNSET


class Me(Answer, frozen=True, kw_only=True):
    """The caller's account, and what the key that was sent may do."""

    id: int
    username: str
    role: Role
    scopes: list[Scope]


class NewPassword(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/me/password`. Ends all sessions of the account."""

    password: Password


class NewKey(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/keys`. Without `scopes` it may do all that its account may; `read` is always there."""

    name: Name
    scopes: Annotated[list[Scope], Meta(min_length=1)] | None = None
    expires_at: str | None = None
    """ISO 8601 with its zone; absent: it does not expire."""


class Key(Answer, frozen=True, kw_only=True):
    """An API key; the secret itself only in the answer that made it. No `scopes`: all that its account has."""

    id: str
    name: str
    created_at: str
    last_used_at: str | None = None
    scopes: list[Scope] | None = None
    expires_at: str | None = None
    key: str | UnsetType = UNSET


class KeyPage(Answer, frozen=True, kw_only=True):
    """The caller's keys."""

    items: list[Key]
