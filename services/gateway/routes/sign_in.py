"""Signing in, up and out, with a password or by the identity provider."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from litestar import Controller, Response, get, post
from litestar.params import Parameter
from litestar.response import Redirect

from services.gateway.account_pages import render_sign_in, render_sign_up
from services.gateway.domain.access import Caller
from services.gateway.domain.accounts import Account, require_name_to_sign_up
from services.gateway.domain.passwords import require_good_password
from services.gateway.domain.sessions import local_path
from services.gateway.page_answers import AnyRequest, field, frame_of, html, see_other
from services.gateway.passwords import Passwords
from services.gateway.rate_limits import RateLimits
from services.gateway.repository import Repository
from services.gateway.sessions import Cookies, Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.single_sign_on import JOURNEY_SECONDS, SingleSignOn
from shared.problems import Conflict, Forbidden, Invalid, NotFound

_Next = Annotated[str, Parameter(query="next")]
_State = Annotated[str, Parameter(query="state")]  # `state` alone is the application's
_CALLBACK = "/sign-in/provider/return"
_RESTRICTED = "This account is restricted. Ask an administrator of the hub."


class SignIn(Controller):
    """The way in and out."""

    @get("/sign-in")
    async def show_sign_in(
        self, request: AnyRequest, caller: Caller, settings: GatewaySettings, single_sign_on: SingleSignOn,
        after: _Next = "/",
    ) -> Response[Any]:  # fmt: skip
        """The form; who is signed in goes on at once."""
        if caller.actor.is_known:
            return see_other(local_path(after))
        return _sign_in_page(request, settings, single_sign_on, local_path(after))

    @get("/login")
    async def login(self, return_url: Annotated[str, Parameter(query="returnUrl")] = "/") -> Redirect:
        """Where the compatible API sends browsers that must sign in first."""
        return Redirect(f"/sign-in?next={quote(local_path(return_url), safe='')}", status_code=302)

    @post("/sign-in", opt={"sign_in": True})
    async def sign_in(
        self, request: AnyRequest, caller: Caller, accounts: Repository, passwords: Passwords, sessions: Sessions,
        hub_cookies: Cookies, settings: GatewaySettings, single_sign_on: SingleSignOn, rates: RateLimits,
    ) -> Response[Any]:  # fmt: skip
        """Check name and password. The answer is the same, and as fast, for a name that there is not."""
        username, password, after = [await field(request, name) for name in ("username", "password", "next")]
        await rates.require_not_guessed_at(username.strip())
        account, kept = await accounts.find_with_password(username.strip()) or (None, None)
        if not await passwords.is_right(password, kept) or account is None or kept is None:
            await rates.count_wrong_password(username.strip())
            wrong = "The name or the password is wrong."
            return _sign_in_page(request, settings, single_sign_on, local_path(after), username, wrong, 401)
        if account.restricted:
            return _sign_in_page(request, settings, single_sign_on, local_path(after), username, _RESTRICTED, 403)
        if passwords.is_outdated(kept):
            await accounts.set_password(account.id, await passwords.hash(password))
        return await _signed_in(request, account, caller, sessions, hub_cookies, after)

    @get("/sign-up")
    async def show_sign_up(self, request: AnyRequest, settings: GatewaySettings, after: _Next = "/") -> Response[str]:
        """The form to make an account, where that is open."""
        _require_open(settings)
        text = render_sign_up(frame_of(request), after=local_path(after), role=settings.sign_up_role)
        return html(text, is_private=True)

    @post("/sign-up", opt={"sign_in": True})
    async def sign_up(
        self, request: AnyRequest, caller: Caller, accounts: Repository, passwords: Passwords, sessions: Sessions,
        hub_cookies: Cookies, settings: GatewaySettings,
    ) -> Response[Any]:  # fmt: skip
        """Make an account and sign in."""
        _require_open(settings)
        username, password, after = [await field(request, name) for name in ("username", "password", "next")]
        try:
            name = require_name_to_sign_up(username.strip())
            hashed = await passwords.hash(require_good_password(password, name))
            account = await accounts.create_account(name, settings.sign_up_role, hashed)
        except (Invalid, Conflict) as problem:
            text = render_sign_up(
                frame_of(request), after=local_path(after), role=settings.sign_up_role, username=username,
                error=problem.detail,
            )  # fmt: skip
            return html(text, problem.status_code, is_private=True)
        return await _signed_in(request, account, caller, sessions, hub_cookies, after)

    @post("/sign-out")
    async def sign_out(self, caller: Caller, sessions: Sessions, hub_cookies: Cookies) -> Redirect:
        """End this browser's session."""
        if caller.session_id is not None:
            await sessions.end(caller.actor.account_id, caller.session_id)
        return see_other("/", [hub_cookies.clear(hub_cookies.session)])

    @get("/sign-in/provider")
    async def go_to_provider(
        self, origin: str, single_sign_on: SingleSignOn, hub_cookies: Cookies, after: _Next = "/"
    ) -> Redirect:
        """To the identity provider."""
        url, journey = await single_sign_on.begin(f"{origin}{_CALLBACK}", local_path(after))
        return Redirect(url, status_code=302, cookies=[hub_cookies.set(hub_cookies.journey, journey, JOURNEY_SECONDS)])

    @get(_CALLBACK)
    async def return_from_provider(
        self, request: AnyRequest, caller: Caller, origin: str, accounts: Repository, sessions: Sessions,
        hub_cookies: Cookies, settings: GatewaySettings, single_sign_on: SingleSignOn, code: str = "",
        answered_state: _State = "", error: str = "",
    ) -> Response[Any]:  # fmt: skip
        """Back from the identity provider: the account of who came, made at their first time."""
        journey = single_sign_on.resume(request.cookies.get(hub_cookies.journey), answered_state)
        if error or not code:
            raise Forbidden(f"The identity provider refused: {error[:100] or 'no reason given'}.")
        identity = await single_sign_on.finish(journey, code, f"{origin}{_CALLBACK}")
        account = await accounts.get_by_identity(identity, settings.sign_up_role)
        if account.restricted:
            raise Forbidden(_RESTRICTED)
        answer = await _signed_in(request, account, caller, sessions, hub_cookies, journey.after)
        answer.set_cookie(hub_cookies.clear(hub_cookies.journey))
        return answer


def _require_open(settings: GatewaySettings) -> None:
    if settings.sign_up == "closed":
        raise NotFound("Nobody can sign up by themselves on this hub; ask its administrator for an account.")


def _sign_in_page(
    request: AnyRequest, settings: GatewaySettings, single_sign_on: SingleSignOn, after: str, username: str = "",
    error: str | None = None, status: int = 200,
) -> Response[str]:  # fmt: skip
    text = render_sign_in(
        frame_of(request), after=after, is_sign_up_open=settings.sign_up == "open",
        provider=single_sign_on.name if single_sign_on.is_on else None, username=username, error=error,
    )  # fmt: skip
    return html(text, status, is_private=True)


async def _signed_in(
    request: AnyRequest, account: Account, caller: Caller, sessions: Sessions, hub_cookies: Cookies, after: str
) -> Redirect:
    """A new session, and on to where one wanted to go; the browser's session before, if any, is ended."""
    if caller.session_id is not None:
        await sessions.end(caller.actor.account_id, caller.session_id)
    token = await sessions.open(account.id, request.headers.get("user-agent", ""))
    return see_other(local_path(after), [hub_cookies.set(hub_cookies.session, token)])
