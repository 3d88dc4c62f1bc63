"""One's own account on pages: sessions, password, keys."""

from __future__ import annotations

import secrets
from typing import Any, cast
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.response import Redirect

from services.gateway import saved_searches
from services.gateway.account_pages import render_account, render_keys
from services.gateway.domain.access import Caller, require_grantable
from services.gateway.domain.passwords import require_good_password
from services.gateway.page_answers import AnyRequest, field, fields, frame_of, html, see_other
from services.gateway.passwords import Passwords
from services.gateway.peers import Peers
from services.gateway.repository import Repository
from services.gateway.sessions import Sessions
from services.gateway.views.account import end_of
from shared.api.accounts import SCOPES, Scope
from shared.api.search import SavedSearch
from shared.clock import now
from shared.problems import Forbidden, Invalid, Unavailable

_MAX_NAME = 200


class AccountPages(Controller):
    """`/account…`: for whoever is signed in."""

    path = "/account"
    opt = {"scope": "account"}

    @get()
    async def show(
        self,
        request: AnyRequest,
        caller: Caller,
        accounts: Repository,
        sessions: Sessions,
        peers: Peers,
        done: str = "",
    ) -> Response[str]:
        """Who one is, and where one is signed in."""
        return await _account_page(request, caller, accounts, sessions, peers, done=done)

    @post("/password", opt={"sign_in": True})
    async def set_password(
        self,
        request: AnyRequest,
        caller: Caller,
        accounts: Repository,
        passwords: Passwords,
        sessions: Sessions,
        peers: Peers,
    ) -> Response[Any]:
        """Set the password; the one before must be known, if there is one."""
        found = await accounts.find_with_password(caller.actor.username)
        kept = found[1] if found else None
        try:
            if kept is not None and not await passwords.is_right(await field(request, "current"), kept):
                raise Forbidden("The current password is wrong.")
            password = require_good_password(await field(request, "password"), caller.actor.username)
        except (Invalid, Forbidden) as problem:
            detail, status = problem.detail, problem.status_code
            return await _account_page(request, caller, accounts, sessions, peers, detail, status)
        await accounts.set_password(caller.actor.account_id, await passwords.hash(password))
        await sessions.end_all(caller.actor.account_id, but=caller.session_id)
        return see_other("/account?done=password")

    @post("/sessions/{session_id:uuid}/end")
    async def end_session(self, session_id: UUID, caller: Caller, sessions: Sessions) -> Redirect:
        """Sign one browser out."""
        await sessions.end(caller.actor.account_id, str(session_id))
        return see_other("/account?done=ended")

    @post("/sessions/end-others")
    async def end_other_sessions(self, caller: Caller, sessions: Sessions) -> Redirect:
        """Sign all other browsers out."""
        await sessions.end_all(caller.actor.account_id, but=caller.session_id)
        return see_other("/account?done=alone")

    @get("/keys")
    async def show_keys(
        self, request: AnyRequest, caller: Caller, accounts: Repository, done: str = ""
    ) -> Response[str]:
        """One's keys, and the form for another."""
        keys = await accounts.list_keys(caller.actor.account_id)
        text = render_keys(frame_of(request), role=caller.role, keys=keys, now=now(), done=done)
        return html(text, is_private=True)

    @post("/keys", status_code=200)
    async def create_key(self, request: AnyRequest, caller: Caller, accounts: Repository) -> Response[str]:
        """Make a key; the page that answers is the only place where it is ever shown."""
        name = (await field(request, "name")).strip()
        scopes = await _wanted_scopes(request)
        account_id, moment = caller.actor.account_id, now()
        if not 0 < len(name) <= _MAX_NAME:
            keys = await accounts.list_keys(account_id)
            error = f"Give the key a name of {_MAX_NAME} characters at most, to know it by later."
            return html(
                render_keys(frame_of(request), role=caller.role, keys=keys, now=moment, error=error), 400,
                is_private=True,
            )  # fmt: skip
        require_grantable(caller, scopes or ())
        secret = secrets.token_hex(16)
        ends = end_of(await field(request, "lifetime"), moment)
        made = await accounts.add_key(account_id, name, secret, scopes, ends)
        keys = await accounts.list_keys(account_id)
        text = render_keys(frame_of(request), role=caller.role, keys=keys, now=moment, made=made, secret=secret)
        return html(text, is_private=True)

    @post("/keys/{key_id:uuid}/revoke")
    async def revoke_key(self, key_id: UUID, caller: Caller, accounts: Repository) -> Redirect:
        """Make a key useless at once."""
        await accounts.delete_key(caller.actor.account_id, str(key_id))
        return see_other("/account/keys?done=revoked")


async def _wanted_scopes(request: AnyRequest) -> list[Scope] | None:
    """The ticked scopes; None where the key is to have all, also those that the account gets later."""
    if await field(request, "rights") != "some":
        return None
    ticked = await fields(request, "scopes")
    return ["read", *(cast("Scope", scope) for scope in ticked if scope in SCOPES and scope != "read")]


async def _saved_searches(peers: Peers, caller: Caller) -> list[SavedSearch] | None:
    """One's own, or None while search is down: the rest of the page does not depend on them."""
    try:
        return await saved_searches.list_own(peers, caller.actor)
    except Unavailable:
        return None


async def _account_page(
    request: AnyRequest, caller: Caller, accounts: Repository, sessions: Sessions, peers: Peers,
    error: str | None = None, status: int = 200, *, done: str = "",
) -> Response[str]:  # fmt: skip
    found = await accounts.find_with_password(caller.actor.username)
    text = render_account(
        frame_of(request),
        role=caller.role,
        sessions=await sessions.list(caller.actor.account_id),
        this_session=caller.session_id,
        has_password=found is not None and found[1] is not None,
        searches=await _saved_searches(peers, caller),
        done=done,
        error=error,
    )
    return html(text, status, is_private=True)
