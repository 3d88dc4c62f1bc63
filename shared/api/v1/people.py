"""Creators, tags, users, and oneself."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from shared.api.v1.foundation import V1, Metadata


class CreatorItem(V1, frozen=True, kw_only=True):
    """Somebody with a published model."""

    username: str
    model_count: int
    link: str


class CreatorPage(V1, frozen=True, kw_only=True):
    """Answer of `/creators`."""

    items: list[CreatorItem]
    metadata: Metadata


class TagItem(V1, frozen=True, kw_only=True):
    """A tag of a published model."""

    name: str
    model_count: int
    link: str


class TagPage(V1, frozen=True, kw_only=True):
    """Answer of `/tags`."""

    items: list[TagItem]
    metadata: Metadata


class User(V1, frozen=True, kw_only=True):
    """An account by id or name. Accounts of the hub have no picture."""

    id: int
    username: str
    avatar_url: str | None = None
    avatar_nsfw: int = 1
    meta: None = None


class UserList(V1, frozen=True, kw_only=True):
    """Answer of `/users`."""

    items: list[User]


class Subject(V1, frozen=True, kw_only=True):
    """By what a request was authenticated."""

    type: Literal["apiKey", "oauth"] = "apiKey"
    id: str


class Me(V1, frozen=True, kw_only=True):
    """Answer of `/me`. The hub keeps no e-mail addresses and sells nothing."""

    id: int
    username: str
    tier: str = "free"
    status: Literal["active", "muted", "banned"] = "active"
    is_member: bool = False
    subscriptions: list[str] = []
    token_scope: int | UnsetType = UNSET
    buzz_limit: list[Any] | UnsetType | None = UNSET
    subject: Subject | UnsetType = UNSET
