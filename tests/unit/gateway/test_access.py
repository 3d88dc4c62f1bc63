"""Scopes of roles and keys: tables of who may do what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.middleware.csrf import CSRFMiddleware

from services.gateway.app import create_app
from services.gateway.domain.access import (
    SCOPES_OF_ROLE,
    STRANGER,
    Caller,
    Requirement,
    caller_for,
    require,
    require_grantable,
)
from services.gateway.domain.accounts import Account
from shared.actor import ROLES, Role
from shared.api.accounts import SCOPES, Scope
from shared.problems import Forbidden, Unauthorized

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def account(role: Role, *, restricted: bool = False) -> Account:
    return Account(id=7, username="mira", role=role, created_at=NOW, restricted=restricted)


def may(caller: Caller, needed: Requirement) -> bool:
    try:
        require(caller, needed)
    except (Unauthorized, Forbidden):
        return False
    return True


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("member", {"public", "read", "community", "account"}),
        ("creator", {"public", "read", "community", "account", "publish"}),
        ("moderator", {"public", "read", "community", "account", "publish", "moderate"}),
        ("administrator", {"public", "read", "community", "account", "publish", "moderate", "administer"}),
    ],
)
def test_a_key_without_scopes_may_do_all_that_its_role_may(role: Role, allowed: set[str]) -> None:
    caller = caller_for(account(role))
    wanted: tuple[Requirement, ...] = ("public", "account", *SCOPES)
    assert {needed for needed in wanted if may(caller, needed)} == allowed
    assert caller.actor.role == role


def test_a_stranger_may_do_what_is_public_and_is_asked_for_a_key_elsewhere() -> None:
    require(STRANGER, "public")
    for needed in ("read", "account", "administer"):
        with pytest.raises(Unauthorized):
            require(STRANGER, needed)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_limited_key_may_do_its_scopes_and_read_but_never_more_than_its_account(role: Role, scope: Scope) -> None:
    caller = caller_for(account(role), [scope])
    assert {each for each in SCOPES if may(caller, each)} == {"read", scope} & SCOPES_OF_ROLE[role]
    assert may(caller, "account") == (caller.scopes == SCOPES_OF_ROLE[role])


@pytest.mark.parametrize(
    ("scopes", "role"),
    [
        ((), "member"),
        (("community",), "member"),
        (("publish",), "creator"),
        (("moderate",), "moderator"),
        (("administer",), "administrator"),
    ],
)
def test_services_inside_see_the_role_that_the_scopes_leave(scopes: tuple[Scope, ...], role: Role) -> None:
    """They know no scopes: an administrator's key for publishing must not delete other people's models there."""
    assert caller_for(account("administrator"), scopes).actor.role == role


def test_a_restricted_account_is_a_stranger() -> None:
    assert caller_for(account("administrator", restricted=True)) == STRANGER


def test_a_refusal_says_whether_role_or_key_is_the_reason() -> None:
    with pytest.raises(Forbidden, match="role 'creator'"):
        require(caller_for(account("member")), "publish")
    with pytest.raises(Forbidden, match="lacks the scope 'publish'"):
        require(caller_for(account("creator"), ["read"]), "publish")


def test_nobody_gives_a_key_what_they_have_not() -> None:
    require_grantable(caller_for(account("creator")), ["publish"])
    with pytest.raises(Forbidden, match="moderate"):
        require_grantable(caller_for(account("creator")), ["publish", "moderate"])


def test_the_bit_mask_of_a_reading_key_is_user_models_and_media_read() -> None:
    assert caller_for(account("creator"), ["read"]).token_scope == 1 | 4 | 32


@pytest.fixture(scope="module")
def routes() -> list[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EASEL_SECRET", "s" * 32)
        return list(create_app().routes)


def test_every_route_of_the_hubs_api_declares_who_may_use_it(routes: list[Any]) -> None:
    """The guard closes one that does not; this says so before somebody wonders."""
    declared = {
        (route.path, method): handler.opt.get("scope")
        for route in routes
        if route.path.startswith("/api/hub")
        for handler in route.route_handlers
        for method in handler.http_methods - {"OPTIONS"}
    }
    assert len(declared) > 25
    assert {address for address, scope in declared.items() if scope not in ("public", "account", *SCOPES)} == set()


def test_a_route_that_knows_sessions_checks_the_token_of_its_forms(routes: list[Any]) -> None:
    pages = 0
    for route in routes:
        for handler in route.route_handlers:
            knows_sessions = bool(handler.opt.get("session"))
            checks = [getattr(each, "middleware", None) for each in handler.resolve_middleware()]
            assert (CSRFMiddleware in checks) == knows_sessions, route.path
            pages += knows_sessions
    assert pages > 20
