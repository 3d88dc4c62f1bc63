"""Who may do what: scopes of roles, scopes of keys, and the one question that every route asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from services.gateway.domain.accounts import Account
from shared.actor import NOBODY, Actor, Role
from shared.api.accounts import SCOPES, Scope
from shared.problems import Forbidden, Unauthorized

Requirement = Literal["public", "read", "publish", "community", "moderate", "administer", "account"]
"""What a route needs. `public`: nothing; `account`: an account, by a key that is not limited to some scopes."""

SCOPES_OF_ROLE: dict[Role, frozenset[Scope]] = {
    "member": frozenset({"read", "community"}),
    "creator": frozenset({"read", "community", "publish"}),
    "moderator": frozenset({"read", "community", "publish", "moderate"}),
    "administrator": frozenset(SCOPES),
}
_BITS: dict[Scope, int] = {
    "read": 1 | 4 | 32,  # user, models, media
    "publish": 8 | 16 | 64 | 128,  # models write and delete, media write and delete
    "community": 524_288,  # social write
    "moderate": 0,  # the public site has no such scope
    "administer": 2,  # user write
}
_NOT_YOUR_ROLE: dict[str, str] = {
    "publish": "Your account may read and review. Ask an administrator for the role 'creator' to publish.",
    "moderate": "Only moderators may do this.",
    "administer": "Only administrators may do this.",
}


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent a request, by which key or session, and what that allows."""

    actor: Actor = NOBODY
    """Its role is what the scopes leave of the account's: services inside know no scopes."""
    role: Role = "member"
    scopes: frozenset[Scope] = frozenset()
    key_id: str | None = None
    key_expires_at: datetime | None = None
    session_id: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it may do all that its account may."""
        return self.actor.is_known and self.scopes == SCOPES_OF_ROLE[self.role]

    @property
    def token_scope(self) -> int:
        """The scopes as the bit mask that the compatible API shows."""
        return sum(_BITS[scope] for scope in self.scopes)


STRANGER = Caller()


def scopes_of(role: Role, limited_to: Iterable[Scope] | None) -> frozenset[Scope]:
    """What a key may do now: never more than its account; reading always, or it could not see what it has done."""
    ours = SCOPES_OF_ROLE[role]
    return ours if limited_to is None else ours & {"read", *limited_to}


def acting_role(scopes: frozenset[Scope]) -> Role:
    """The role to act in with these scopes: a key that may only publish is no administrator's, whoever owns it."""
    if "administer" in scopes:
        return "administrator"
    if "moderate" in scopes:
        return "moderator"
    return "creator" if "publish" in scopes else "member"


def caller_for(account: Account, limited_to: Iterable[Scope] | None = None) -> Caller:
    """Somebody who has shown that they are this account, with all of its scopes or some; a stranger if restricted."""
    if account.restricted:
        return STRANGER
    scopes = scopes_of(account.role, limited_to)
    return Caller(actor=Actor(account.id, account.username, acting_role(scopes)), role=account.role, scopes=scopes)


def require(caller: Caller, needed: Requirement) -> None:
    """Return if the caller may. Unauthorized: no valid key; Forbidden says whether role or key is the reason."""
    if needed == "public":
        return
    if not caller.actor.is_known:
        raise Unauthorized("Send a valid API key: Authorization: Bearer <key>.")
    if needed == "account":
        if not caller.is_whole:
            raise Forbidden("This key is limited to some scopes; keys and the password need one that is not.")
        return
    if needed not in SCOPES_OF_ROLE[caller.role]:
        raise Forbidden(_NOT_YOUR_ROLE[needed])
    if needed not in caller.scopes:
        raise Forbidden(f"This key lacks the scope {needed!r}. Use or make another: `easel key create`.")


def require_grantable(caller: Caller, wanted: Iterable[Scope]) -> None:
    """Raise Forbidden if a key would have a scope that its account does not."""
    missing = sorted(set(wanted) - caller.scopes)
    if missing:
        raise Forbidden(f"Your account has no scope {', '.join(missing)} to give to a key.")
