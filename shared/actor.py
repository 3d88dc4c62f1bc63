"""Who asks: the gateway authenticates, and tells the services inside by headers that only it can set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Role = Literal["member", "creator", "moderator", "administrator"]
ROLES: tuple[Role, ...] = ("member", "creator", "moderator", "administrator")


class Actor(msgspec.Struct, frozen=True):
    """An account as the gateway found it. Nobody (`account_id` 0) has the lowest role and owns nothing."""

    account_id: int = 0
    username: str = ""
    role: Role = "member"

    @property
    def is_known(self) -> bool:
        """Whether a valid key was shown."""
        return self.account_id > 0

    @property
    def may_moderate(self) -> bool:
        """Moderators and administrators."""
        return self.role in ("moderator", "administrator")

    def headers(self) -> dict[str, str]:
        """The headers of a call inside."""
        if not self.is_known:
            return {}
        return {"x-easel-account": str(self.account_id), "x-easel-username": self.username, "x-easel-role": self.role}


NOBODY = Actor()


def actor_from(headers: Mapping[str, str]) -> Actor:
    """The actor of a call inside; NOBODY when the gateway named none."""
    account = headers.get("x-easel-account", "")
    if not account:
        return NOBODY
    return msgspec.convert(
        {
            "account_id": int(account),
            "username": headers.get("x-easel-username", ""),
            "role": headers.get("x-easel-role", "member"),
        },
        Actor,
    )
