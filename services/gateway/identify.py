"""Before every route: who asks, and have they asked too often? And may they?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Middleware, Receive, Scope, Send
from msgspec.structs import replace

from services.gateway.domain.access import STRANGER, Caller, caller_for, require
from services.gateway.domain.keys import bearer, looks_like_key
from services.gateway.rate_limits import RateLimits, is_this_machine
from services.gateway.repository import Repository
from services.gateway.sessions import Cookies, Sessions
from shared.problems import Forbidden

Connection = ASGIConnection[Any, Any, Any, Any]
_BYTES_AND_HEALTH = ("/store/", "/static/", "/image/", "/health/", "/metrics")
"""Addresses that nobody needs to be known for: signed, public for good, or for the machines that watch the hub."""


class Identification:
    """Finds the caller. Pages know sessions only, everything else keys only: a cookie never speaks to the API.

    Downloads alone know both: their addresses are links on the pages, and reading is all that they do.
    """

    def __init__(self, accounts: Repository, sessions: Sessions, cookies: Cookies) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._cookies = cookies

    async def find_caller(self, scope: Scope, headers: Mapping[bytes, bytes], *, by_session: bool) -> Caller:
        """The caller; no credential, an unknown or an expired one is a stranger's, never an error here."""
        if by_session:
            return await self._by_session(Request[Any, Any, Any](scope).cookies.get(self._cookies.session))
        shown = headers.get(b"authorization", b"").decode("latin-1")
        token = Request[Any, Any, Any](scope).query_params.get("token") if b"token=" in scope["query_string"] else None
        return await self._by_key(bearer(shown, token))

    async def _by_key(self, key: str | None) -> Caller:
        if key is None or not looks_like_key(key):
            return STRANGER
        found = await self._accounts.find_by_key(key)
        if found is None:
            return STRANGER
        account, kept = found
        caller = caller_for(account, kept.scopes)
        return replace(caller, key_id=kept.id, key_expires_at=kept.expires_at) if caller.actor.is_known else caller

    async def _by_session(self, token: str | None) -> Caller:
        session = await self._sessions.find(token) if token else None
        if session is None:
            return STRANGER
        account = await self._accounts.find_account_by_id(session.account_id)
        caller = caller_for(account) if account else STRANGER
        return replace(caller, session_id=session.id) if caller.actor.is_known else caller


def identify(identification: Identification, rates: RateLimits) -> Middleware:
    """The middleware: it leaves the caller in `scope["user"]`, counts, and lets in who may use the route.

    Errors take the shape of the route's surface. A request of a stranger is the common case, so nothing is parsed
    that it does not have.
    """

    def wrap(app: ASGIApp) -> ASGIApp:
        async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP:
                options = scope["route_handler"].opt
                caller = STRANGER
                if not scope["path"].startswith(_BYTES_AND_HEALTH):
                    headers = headers_of(scope)
                    caller = await identification.find_caller(scope, headers, by_session=bool(options.get("session")))
                    if options.get("session_too") and not caller.actor.is_known:
                        caller = await identification.find_caller(scope, headers, by_session=True)
                    scope["user"] = caller
                    if is_counted(scope, headers):
                        await rates.count(caller, address_of(scope))
                        if options.get("sign_in") and scope["method"] == "POST":
                            await rates.count_sign_in(address_of(scope))
                require_scope(scope, options, caller)
            await app(scope, receive, send)

        return middleware

    return wrap


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Headers by lower-case name; of several with one name the first counts."""
    return dict(list(scope["headers"])[::-1])


def address_of(scope: Scope) -> str:
    """Where a request comes from; empty if nobody can say."""
    client = scope["client"]
    return client[0] if client else ""


def is_counted(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether rate limits count it: not what comes from this machine itself.

    A proxy on this machine that is not trusted must not make everybody local.
    """
    is_forwarded = b"x-forwarded-for" in headers or b"forwarded" in headers
    return is_forwarded or not is_this_machine(address_of(scope))


def require_scope(scope: HTTPScope, options: Mapping[str, Any], caller: Caller) -> None:
    """Raise unless the caller may use the route: one of /api/hub without `opt={"scope": …}` is closed to everybody."""
    needed = options.get("scope")
    if needed is not None:
        require(caller, needed)
    elif scope["path"].startswith("/api/hub") and scope["method"] != "OPTIONS":
        raise Forbidden("This address does not say who may use it, so nobody may.")


def caller_of(connection: Connection) -> Caller:
    """The caller that the middleware found; a stranger on addresses that ask for nobody."""
    found = connection.scope.get("user")
    return found if isinstance(found, Caller) else STRANGER
