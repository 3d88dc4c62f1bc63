"""Storage of sessions, and the cookies that carry them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import msgspec
from litestar.datastructures import Cookie

from services.gateway.domain.sessions import SEEN_EVERY, Session, browser_name, hash_token
from services.gateway.settings import GatewaySettings
from shared.clock import new_id, now
from shared.engines.mongo import ASCENDING, DESCENDING, IndexModel, Mongo
from shared.problems import NotFound

_COOKIE_SECONDS = 400 * 86_400
"""The longest that browsers keep a cookie; when a session ends is decided here, not there."""


def _session(document: dict[str, Any]) -> Session:
    return msgspec.convert({"id": document["_id"], **document}, Session)


class Sessions:
    """Sessions by token. Each use moves the end."""

    def __init__(self, mongo: Mongo, settings: GatewaySettings) -> None:
        self._sessions = mongo["sessions"]
        self._lasts = timedelta(days=settings.session_days)
        mongo.index(
            {
                "sessions": [
                    IndexModel([("hash", ASCENDING)], unique=True),
                    IndexModel([("account_id", ASCENDING)]),
                    IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
                ]
            }
        )

    async def open(self, account_id: int, user_agent: str) -> str:
        """A new session; its token, which is not kept."""
        token, moment = secrets.token_urlsafe(32), now()
        await self._sessions.insert_one(
            {
                "_id": new_id(), "hash": hash_token(token), "account_id": account_id,
                "browser": browser_name(user_agent), "created_at": moment, "seen_at": moment,
                "expires_at": moment + self._lasts,
            }
        )  # fmt: skip
        return token

    async def find(self, token: str) -> Session | None:
        """The session of a token, if it has not ended; notes the use once in a while, which moves the end."""
        moment = now()
        document = await self._sessions.find_one({"hash": hash_token(token), "expires_at": {"$gt": moment}})
        if document is None:
            return None
        found = _session(document)
        if moment - found.seen_at > SEEN_EVERY:
            moved = {"seen_at": moment, "expires_at": moment + self._lasts}
            await self._sessions.update_one({"_id": found.id}, {"$set": moved})
        return found

    async def list(self, account_id: int) -> list[Session]:
        """An account's sessions that have not ended, last used first."""
        found = self._sessions.find({"account_id": account_id, "expires_at": {"$gt": now()}})
        return [_session(document) async for document in found.sort("seen_at", DESCENDING)]

    async def end(self, account_id: int, session_id: str) -> None:
        """End one; NotFound for a stranger's."""
        if not (await self._sessions.delete_one({"_id": session_id, "account_id": account_id})).deleted_count:
            raise NotFound("This session has ended already.")

    async def end_all(self, account_id: int, *, but: str | None = None) -> None:
        """End all of an account's sessions, except one."""
        await self._sessions.delete_many({"account_id": account_id, "_id": {"$ne": but}})


class Cookies:
    """Names and attributes of the hub's cookies: `__Host-` and Secure wherever people come by https."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.are_secure = settings.is_https
        prefix = "__Host-" if self.are_secure else ""
        self.session = f"{prefix}easel-session"
        self.csrf = f"{prefix}easel-form"
        self.journey = f"{prefix}easel-journey"

    def set(self, name: str, value: str, seconds: int = _COOKIE_SECONDS) -> Cookie:
        """A cookie that scripts cannot read and that other sites' forms do not send."""
        return Cookie(
            key=name, value=value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=self.are_secure
        )

    def clear(self, name: str) -> Cookie:
        """Take a cookie away."""
        return self.set(name, "", 0)
