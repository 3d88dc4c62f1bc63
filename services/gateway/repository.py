"""Storage of the gateway: accounts and keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.gateway.domain import Account, ApiKey, hash_key
from shared.actor import Role
from shared.clock import new_id, now
from shared.engines.mongo import ASCENDING, DuplicateKeyError, IndexModel, Mongo
from shared.problems import Conflict, NotFound

_USE_NOTED_EVERY = timedelta(minutes=1)


def _account(document: dict[str, Any]) -> Account:
    return msgspec.convert({"id": document["_id"], **document}, Account)


def _key(document: dict[str, Any]) -> ApiKey:
    return msgspec.convert({"id": document["_id"], **document}, ApiKey)


class Repository:
    """Accounts by name and key."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._accounts = mongo["accounts"]
        self._keys = mongo["keys"]
        mongo.index(
            {
                "accounts": [IndexModel([("username_lower", ASCENDING)], unique=True)],
                "keys": [
                    IndexModel([("hash", ASCENDING)], unique=True),
                    IndexModel([("account_id", ASCENDING)]),
                ],
            }
        )

    async def create_account(self, username: str, role: Role) -> Account:
        """A new account; Conflict if the name is taken, in any letter case."""
        account = Account(id=await self._mongo.next_id("account"), username=username, role=role, created_at=now())
        document: dict[str, Any] = msgspec.to_builtins(account, builtin_types=(datetime,))
        document["_id"] = document.pop("id")
        try:
            await self._accounts.insert_one({**document, "username_lower": username.lower()})
        except DuplicateKeyError:
            raise Conflict(f"There is an account called {username} already.") from None
        return account

    async def find_account(self, username: str) -> Account | None:
        """The account of that name, in any letter case."""
        document = await self._accounts.find_one({"username_lower": username.lower()})
        return _account(document) if document else None

    async def add_key(self, account_id: int, name: str, key: str) -> ApiKey:
        """Keep a key's hash; a key that is kept already stays as it is."""
        made = {"_id": new_id(), "account_id": account_id, "name": name, "hash": hash_key(key), "created_at": now()}
        try:
            await self._keys.insert_one(made)
        except DuplicateKeyError:
            found = await self._keys.find_one({"hash": hash_key(key)})
            assert found is not None
            return _key(found)
        return _key(made)

    async def find_by_key(self, key: str) -> Account | None:
        """The account that a key belongs to; notes the use once a minute."""
        found = await self._keys.find_one({"hash": hash_key(key)})
        if found is None:
            return None
        moment = now()
        if found.get("last_used_at") is None or moment - found["last_used_at"] > _USE_NOTED_EVERY:
            await self._keys.update_one({"_id": found["_id"]}, {"$set": {"last_used_at": moment}})
        document = await self._accounts.find_one({"_id": found["account_id"]})
        return _account(document) if document else None

    async def list_keys(self, account_id: int) -> list[ApiKey]:
        """An account's keys."""
        return [_key(document) async for document in self._keys.find({"account_id": account_id}).sort("_id", 1)]

    async def delete_key(self, account_id: int, key_id: str) -> None:
        """Revoke a key at once; NotFound for a stranger's."""
        if not (await self._keys.delete_one({"_id": key_id, "account_id": account_id})).deleted_count:
            raise NotFound(f"You have no key {key_id}.")
