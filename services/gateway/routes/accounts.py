"""`/api/hub`: accounts, one's own account, and API keys."""

from __future__ import annotations

import secrets
from typing import Annotated

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.params import Parameter
from msgspec import UNSET, UnsetType

from services.gateway.declared import needs
from services.gateway.domain.access import Caller, require_grantable
from services.gateway.domain.accounts import Account, require_changeable
from services.gateway.domain.keys import ApiKey, read_expiry
from services.gateway.domain.passwords import require_good_password
from services.gateway.passwords import Passwords
from services.gateway.repository import Repository
from services.gateway.sessions import Sessions
from shared.actor import Actor
from shared.api import accounts as wire
from shared.api.hub import FilePreferences, UploadId
from shared.api.v1 import FILE_FORMATS
from shared.clock import now, wire_time
from shared.problems import Invalid


def shown_key(key: ApiKey, secret: str | UnsetType = UNSET) -> wire.Key:
    """A key as its owner sees it; the secret only when it was made just now."""
    return wire.Key(
        id=key.id,
        name=key.name,
        created_at=wire_time(key.created_at),
        last_used_at=wire_time(key.last_used_at) if key.last_used_at else None,
        scopes=list(key.scopes) if key.scopes is not None else None,
        expires_at=wire_time(key.expires_at) if key.expires_at else None,
        key=secret,
    )


def _shown_account(account: Account) -> wire.HubAccount:
    return wire.HubAccount(
        id=account.id, username=account.username, role=account.role, restricted=account.restricted,
        created_at=wire_time(account.created_at),
    )  # fmt: skip


class Accounts(Controller):
    """Everybody's accounts, for administrators."""

    path = "/api/hub/accounts"
    tags = ["Accounts"]

    @post(**needs("administer"))
    async def create_account(self, data: wire.NewAccount, accounts: Repository) -> wire.AccountWithKey:
        """A new account with its first key, which is shown this once. Administrators only."""
        account = await accounts.create_account(data.username, data.role)
        key = secrets.token_hex(16)
        await accounts.add_key(account.id, "first key", key)
        return wire.AccountWithKey(id=account.id, username=account.username, role=account.role, key=key)

    @get(**needs("administer"))
    async def list_accounts(
        self,
        accounts: Repository,
        cursor: Annotated[int, Parameter(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Parameter(ge=1, le=200)] = 100,
    ) -> wire.AccountPage:
        """All accounts by id; `nextCursor` is absent on the last page. Administrators only."""
        found = await accounts.list_accounts(after=cursor, limit=limit + 1)
        following = str(found[limit - 1].id) if len(found) > limit else UNSET
        return wire.AccountPage(items=[_shown_account(account) for account in found[:limit]], next_cursor=following)

    @patch("/{account_id:int}", **needs("administer"))
    async def change_account(
        self, account_id: int, data: wire.AccountChange, actor: Actor, accounts: Repository, sessions: Sessions
    ) -> wire.HubAccount:
        """Change a role, or restrict an account: its keys and sessions stop working at once. Administrators only."""
        require_changeable(await accounts.get_account(account_id), actor)
        changed = await accounts.change_account(
            account_id,
            role=None if data.role is UNSET else data.role,
            restricted=None if data.restricted is UNSET else data.restricted,
        )
        if changed.restricted:
            await sessions.end_all(account_id)
        return _shown_account(changed)


class MyAccount(Controller):
    """The caller's own account and keys."""

    path = "/api/hub"
    tags = ["Accounts"]

    @get("/me", **needs("read"))
    async def me(self, caller: Caller) -> wire.Me:
        """The account that the key belongs to, and what the key may do."""
        scopes = [scope for scope in wire.SCOPES if scope in caller.scopes]
        actor = caller.actor
        return wire.Me(id=actor.account_id, username=actor.username, role=actor.role, scopes=scopes)

    @get("/me/file-preferences", **needs("read"))
    async def file_preferences(self, actor: Actor, accounts: Repository) -> FilePreferences:
        """Which files of a version the caller prefers."""
        kept = await accounts.find_file_preferences(actor.account_id)
        return msgspec.json.decode(kept, type=FilePreferences) if kept else FilePreferences()

    @put("/me/file-preferences", **needs("community"))
    async def set_file_preferences(self, data: FilePreferences, actor: Actor, accounts: Repository) -> FilePreferences:
        """Keep them: they choose the file of a download that names none, and of `primaryFileOnly`."""
        if data.format is not None and data.format not in FILE_FORMATS:
            raise Invalid(f"format: use one of {', '.join(FILE_FORMATS)}")
        await accounts.set_file_preferences(actor.account_id, msgspec.json.encode(data).decode())
        return data

    @post("/me/password", status_code=204, **needs("account"))
    async def set_password(
        self, data: wire.NewPassword, actor: Actor, accounts: Repository, passwords: Passwords, sessions: Sessions
    ) -> None:
        """Set the password to sign in with on the pages. Ends all sessions of the account; keys go on working."""
        password = require_good_password(data.password, actor.username)
        await accounts.set_password(actor.account_id, await passwords.hash(password))
        await sessions.end_all(actor.account_id)

    @post("/keys", **needs("account"))
    async def create_key(self, data: wire.NewKey, caller: Caller, accounts: Repository) -> wire.Key:
        """One more key for the caller, for all or for some scopes, for good or for a while; shown this once."""
        require_grantable(caller, data.scopes or ())
        expires_at = read_expiry(data.expires_at, now(), caller.key_expires_at)
        secret = secrets.token_hex(16)
        made = await accounts.add_key(caller.actor.account_id, data.name, secret, data.scopes, expires_at)
        return shown_key(made, secret)

    @get("/keys", **needs("read"))
    async def list_keys(self, actor: Actor, accounts: Repository) -> wire.KeyPage:
        """The caller's keys, without their secrets."""
        return wire.KeyPage(items=[shown_key(key) for key in await accounts.list_keys(actor.account_id)])

    @delete("/keys/{key_id:uuid}", **needs("account"))
    async def revoke_key(self, key_id: UploadId, actor: Actor, accounts: Repository) -> None:
        """Revoke a key at once."""
        await accounts.delete_key(actor.account_id, str(key_id))
