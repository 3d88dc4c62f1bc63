"""API keys: what one looks like, what of it is kept, what it may be used for."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import msgspec

from shared.api.accounts import Scope
from shared.problems import FieldError, Forbidden, Invalid

_KEY = re.compile(r"[0-9a-f]{32}")


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret, of which only the hash is kept. No `scopes`: all that the account's role has."""

    id: str
    account_id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None = None
    scopes: tuple[Scope, ...] | None = None
    expires_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


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


def read_expiry(text: str | None, now: datetime, at_most: datetime | None) -> datetime | None:
    """When a new key ends: an ISO 8601 time with its zone, in the future.

    `at_most` is when the key ends that makes it: a key that ends cannot make one that lives on.
    """
    if text is None:
        return at_most
    wrong = FieldError("expiresAt", "a time in the future with its zone: 2027-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"expiresAt is not a time: {text!r}.", errors=[wrong]) from None
    if moment.tzinfo is None or moment <= now:
        raise Invalid(f"expiresAt must be in the future and name its zone: {text!r}.", errors=[wrong])
    if at_most is not None and moment > at_most:
        raise Forbidden("A key that ends cannot make one that lives longer.")
    return moment
