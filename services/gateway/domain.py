"""Accounts and API keys: what a key looks like, what of it is kept, who may do what."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import msgspec

from shared.actor import Actor, Role
from shared.problems import Forbidden, Unauthorized

_KEY = re.compile(r"[0-9a-f]{32}")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with a name and a role."""

    id: int
    username: str
    role: Role
    created_at: datetime

    def actor(self) -> Actor:
        """This account as the services inside see it."""
        return Actor(self.id, self.username, self.role)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret, of which only the hash is kept."""

    id: str
    account_id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


def looks_like_key(text: str) -> bool:
    """Whether it can be a key at all: 32 lower-case hexadecimal digits (128 random bits)."""
    return _KEY.fullmatch(text) is not None


def hash_key(key: str) -> str:
    """What is kept of a key. A fast hash is right here: 128 random bits cannot be guessed, unlike a password."""
    return hashlib.sha256(b"easel-api-key:" + key.encode()).hexdigest()


def bearer(authorization: str | None, token: str | None) -> str | None:
    """The key that a request shows: what follows the first space of a non-empty header, else `?token=`."""
    if authorization and authorization.strip():
        return authorization.strip().partition(" ")[2].strip() or None
    return token or None


def require_known(actor: Actor) -> Actor:
    """The actor, if a valid key was shown."""
    if not actor.is_known:
        raise Unauthorized("Send a valid API key: Authorization: Bearer <key>.")
    return actor


def require_administrator(actor: Actor) -> Actor:
    """The actor, if it is an administrator."""
    if require_known(actor).role != "administrator":
        raise Forbidden("Only administrators may do this.")
    return actor
