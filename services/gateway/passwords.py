"""Hashing of passwords: argon2id (RFC 9106), off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from shared.problems import Unavailable

_AT_ONCE = 2
_MOST_WAITING = 32


class Passwords:
    """Hashes and checks. 19 MiB, two passes, one lane: the least that OWASP advises, as gateways are small."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._nobodys = self._hasher.hash(secrets.token_hex(16))
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        async with _Turn(self):
            return await asyncio.to_thread(self._hasher.hash, password)

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether it is the password. Without one kept the answer is no, and takes as long as for a wrong one."""
        async with _Turn(self):
            matches = await asyncio.to_thread(self._verify, password, kept or self._nobodys)
        return matches and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerifyMismatchError, InvalidHashError):
            return False


class _Turn:
    """One of the few slots; Unavailable when too many wait already."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    async def __aenter__(self) -> None:
        if self._passwords._waiting >= _MOST_WAITING:
            raise Unavailable("Too many people sign in at this moment; try again in a few seconds.")
        self._passwords._waiting += 1
        try:
            await self._passwords._slots.acquire()
        finally:
            self._passwords._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._passwords._slots.release()
