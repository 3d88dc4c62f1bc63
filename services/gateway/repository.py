"""Storage of the gateway: accounts, their passwords and identities, and keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.gateway.domain.accounts import Account, Identity, usernames_like
from services.gateway.domain.keys import ApiKey, hash_key
from shared.actor import Role
from shared.api.accounts import Scope
from shared.batching import Batch
from shared.clock import new_id, now
from shared.engines.mongo import ASCENDING, DuplicateKeyError, IndexModel, Mongo, ReturnDocument
from shared.problems import Conflict, NotFound

_USE_NOTED_EVERY = timedelta(minutes=1)


def _account(document: dict[str, Any]) -> Account:
    return msgspec.convert({"id": document["_id"], **document}, Account)


def _key(document: dict[str, Any]) -> ApiKey:
    return msgspec.convert({"id": document["_id"], **document}, ApiKey)


class Repository:
    """Accounts by name, key and identity."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._accounts = mongo["accounts"]
        self._keys = mongo["keys"]
        self._identities = mongo["identities"]
        self._shown_keys: Batch[str, dict[str, Any] | None] = Batch(self._read_keys)
        mongo.index(
            {
                "accounts": [IndexModel([("username_lower", ASCENDING)], unique=True)],
                "keys": [
                    IndexModel([("hash", ASCENDING)], unique=True),
                    IndexModel([("account_id", ASCENDING)]),
                ],
                "identities": [IndexModel([("issuer", ASCENDING), ("subject", ASCENDING)], unique=True)],
            }
        )

    # Accounts

    async def create_account(self, username: str, role: Role, password_hash: str | None = None) -> Account:
        """A new account; Conflict if the name is taken, in any letter case."""
        account = Account(id=await self._mongo.next_id("account"), username=username, role=role, created_at=now())
        document: dict[str, Any] = msgspec.to_builtins(account, builtin_types=(datetime,))
        document["_id"] = document.pop("id")
        if password_hash is not None:
            document["password_hash"] = password_hash
        try:
            await self._accounts.insert_one({**document, "username_lower": username.lower()})
        except DuplicateKeyError:
            raise Conflict(f"There is an account called {username} already.") from None
        return account

    async def find_account(self, username: str) -> Account | None:
        """The account of that name, in any letter case."""
        document = await self._accounts.find_one({"username_lower": username.lower()})
        return _account(document) if document else None

    async def find_account_by_id(self, account_id: int) -> Account | None:
        """The account with that id."""
        document = await self._accounts.find_one({"_id": account_id})
        return _account(document) if document else None

    async def get_account(self, account_id: int) -> Account:
        """The account with that id; NotFound if there is none."""
        account = await self.find_account_by_id(account_id)
        if account is None:
            raise NotFound(f"There is no account {account_id}.")
        return account

    async def list_accounts(self, after: int, limit: int) -> list[Account]:
        """Accounts with a larger id, by id."""
        found = self._accounts.find({"_id": {"$gt": after}}).sort("_id", ASCENDING).limit(limit)
        return [_account(document) async for document in found]

    async def list_users(self, ids: Sequence[int], name_begins: str | None, limit: int) -> list[Account]:
        """Accounts of these ids (all, if none are given) whose names begin so."""
        wanted: dict[str, Any] = {"_id": {"$in": list(ids)}} if ids else {}
        if name_begins is not None:
            low = name_begins.lower()
            wanted["username_lower"] = {"$gte": low, "$lt": low + "\U0010ffff"}
        order = "username_lower" if name_begins is not None else "_id"
        return [_account(document) async for document in self._accounts.find(wanted).sort(order, 1).limit(limit)]

    async def change_account(self, account_id: int, *, role: Role | None, restricted: bool | None) -> Account:
        """Change what is given; NotFound if there is no such account."""
        changes = {"role": role, "restricted": restricted}
        document = await self._accounts.find_one_and_update(
            {"_id": account_id},
            {"$set": {name: value for name, value in changes.items() if value is not None}},
            return_document=ReturnDocument.AFTER,
        )
        if document is None:
            raise NotFound(f"There is no account {account_id}.")
        return _account(document)

    async def find_file_preferences(self, account_id: int) -> str | None:
        """Which files the account prefers, as JSON; None if it has never said."""
        document = await self._accounts.find_one({"_id": account_id}, {"file_preferences": 1})
        kept: str | None = document.get("file_preferences") if document else None
        return kept

    async def set_file_preferences(self, account_id: int, preferences: str) -> None:
        """Keep them for every download to come."""
        await self._accounts.update_one({"_id": account_id}, {"$set": {"file_preferences": preferences}})

    # Passwords and identities

    async def find_with_password(self, username: str) -> tuple[Account, str | None] | None:
        """The account of that name and what is kept of its password."""
        document = await self._accounts.find_one({"username_lower": username.lower()})
        return (_account(document), document.get("password_hash")) if document else None

    async def set_password(self, account_id: int, password_hash: str) -> None:
        """Keep the hash of a password."""
        await self._accounts.update_one({"_id": account_id}, {"$set": {"password_hash": password_hash}})

    async def get_by_identity(self, identity: Identity, role: Role) -> Account:
        """The account that belongs to somebody whom the identity provider knows; made at their first sign-in.

        Never an account that has merely the same name: whoever names people at the provider must not get it.
        """
        who = {"issuer": identity.issuer, "subject": identity.subject}
        known = await self._identities.find_one(who)
        if known is not None:
            return await self.get_account(known["account_id"])
        account = await self._create_named_like(identity.preferred_username, role)
        try:
            await self._identities.insert_one({"_id": new_id(), **who, "account_id": account.id, "created_at": now()})
        except DuplicateKeyError:  # the same person in two tabs: the other one was first
            await self._accounts.delete_one({"_id": account.id})
            return await self.get_by_identity(identity, role)
        return account

    async def _create_named_like(self, preferred: str, role: Role) -> Account:
        for username in usernames_like(preferred):
            if await self.find_account(username) is None:
                try:
                    return await self.create_account(username, role)
                except Conflict:
                    continue  # taken between the question and the answer
        raise AssertionError("there is always another name")

    # Keys

    async def add_key(
        self, account_id: int, name: str, key: str, scopes: Iterable[Scope] | None = None,
        expires_at: datetime | None = None,
    ) -> ApiKey:  # fmt: skip
        """Keep a key's hash; a key that is kept already stays as it is."""
        made: dict[str, Any] = {
            "_id": new_id(), "account_id": account_id, "name": name, "hash": hash_key(key), "created_at": now(),
            "scopes": sorted({"read", *scopes}) if scopes is not None else None, "expires_at": expires_at,
        }  # fmt: skip
        try:
            await self._keys.insert_one(made)
        except DuplicateKeyError:
            found = await self._keys.find_one({"hash": hash_key(key)})
            assert found is not None
            return _key(found)
        return _key(made)

    async def find_by_key(self, key: str) -> tuple[Account, ApiKey] | None:
        """A key that has not expired, and its account; notes the use once a minute."""
        document = await self._shown_keys.ask(hash_key(key))
        moment = now()
        if document is None or not (found := _key(document)).is_valid(moment):
            return None
        if found.last_used_at is None or moment - found.last_used_at > _USE_NOTED_EVERY:
            await self._keys.update_one({"_id": found.id}, {"$set": {"last_used_at": moment}})
        return _account(document["account"]), found

    async def _read_keys(self, hashes: Sequence[str]) -> list[dict[str, Any] | None]:
        """Keys with their accounts, by one read. Nothing is remembered: a key that is revoked is unknown at once."""
        rows = self._keys.aggregate(
            [
                {"$match": {"hash": {"$in": list(hashes)}}},
                {
                    "$lookup": {
                        "from": self._accounts.name, "localField": "account_id", "foreignField": "_id", "as": "account"
                    }
                },
                {"$unwind": "$account"},
            ]
        )  # fmt: skip
        found = {row["hash"]: row for row in await rows.to_list(None)}
        return [found.get(value) for value in hashes]

    async def list_keys(self, account_id: int) -> Sequence[ApiKey]:
        """An account's keys, oldest first."""
        return [_key(document) async for document in self._keys.find({"account_id": account_id}).sort("_id", 1)]

    async def delete_key(self, account_id: int, key_id: str) -> None:
        """Revoke a key at once; NotFound for a stranger's."""
        if not (await self._keys.delete_one({"_id": key_id, "account_id": account_id})).deleted_count:
            raise NotFound(f"You have no key {key_id}.")
