"""`/api/hub`: accounts and API keys."""

from __future__ import annotations

import secrets

from litestar import Controller, delete, get, post

from services.gateway.domain import ApiKey, require_administrator, require_known
from services.gateway.repository import Repository
from shared.actor import Actor
from shared.api import hub
from shared.clock import wire_time


def _shown(key: ApiKey) -> hub.Key:
    used = wire_time(key.last_used_at) if key.last_used_at else None
    return hub.Key(id=key.id, name=key.name, created_at=wire_time(key.created_at), last_used_at=used)


class Accounts(Controller):
    """Who may do what."""

    path = "/api/hub"
    tags = ["Accounts"]

    @post("/accounts")
    async def create_account(self, data: hub.NewAccount, actor: Actor, accounts: Repository) -> hub.AccountWithKey:
        """A new account with its first key, which is shown this once. Administrators only."""
        require_administrator(actor)
        account = await accounts.create_account(data.username, data.role)
        key = secrets.token_hex(16)
        await accounts.add_key(account.id, "first key", key)
        return hub.AccountWithKey(id=account.id, username=account.username, role=account.role, key=key)

    @post("/keys")
    async def create_key(self, data: hub.NewKey, actor: Actor, accounts: Repository) -> hub.Key:
        """One more key for the caller; shown this once."""
        require_known(actor)
        key = secrets.token_hex(16)
        made = await accounts.add_key(actor.account_id, data.name, key)
        return hub.Key(id=made.id, name=made.name, created_at=wire_time(made.created_at), key=key)

    @get("/keys")
    async def list_keys(self, actor: Actor, accounts: Repository) -> hub.KeyPage:
        """The caller's keys, without their secrets."""
        keys = await accounts.list_keys(require_known(actor).account_id)
        return hub.KeyPage(items=[_shown(key) for key in keys])

    @delete("/keys/{key_id:uuid}")
    async def revoke_key(self, key_id: hub.UploadId, actor: Actor, accounts: Repository) -> None:
        """Revoke a key at once."""
        await accounts.delete_key(require_known(actor).account_id, str(key_id))
