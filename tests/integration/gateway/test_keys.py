"""Keys and accounts: scopes, ends, revocation, restriction; each takes effect with the next request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.domain.keys import hash_key
from services.gateway.repository import Repository
from tests.integration.gateway.browser import ADMIN_KEY, Gateway


def new_name() -> str:
    return f"user_{uuid4().hex[:10]}"


async def make_key(gateway: Gateway, key: str, **ask: Any) -> dict[str, Any]:
    answer = await gateway.client(key).post("/api/hub/keys", json={"name": "test", **ask})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def status(gateway: Gateway, key: str, method: str = "GET", path: str = "/api/hub/me", **more: Any) -> int:
    return (await gateway.client(key).request(method, path, **more)).status_code


async def test_a_limited_key_says_what_it_may_and_may_nothing_else(gateway: Gateway) -> None:
    _, key = await gateway.new_account(new_name(), "creator")
    limited = await make_key(gateway, key, scopes=["community"])
    assert limited["scopes"] == ["community", "read"]
    me = (await gateway.client(limited["key"]).get("/api/hub/me")).json()
    assert me["role"] == "member", "what its scopes leave of the role"
    assert me["scopes"] == ["read", "community"]
    refused = await gateway.client(limited["key"]).post("/api/hub/models", json={"name": "x", "type": "LORA"})
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert "publish" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/hub/keys", {"name": "more"}),
        ("POST", "/api/hub/me/password", {"password": "correct horse"}),
        ("DELETE", f"/api/hub/keys/{uuid4()}", None),
    ],
)
async def test_a_limited_key_cannot_get_itself_more(gateway: Gateway, method: str, path: str, body: Any) -> None:
    _, key = await gateway.new_account(new_name(), "creator")
    limited = await make_key(gateway, key, scopes=["publish"])
    assert await status(gateway, limited["key"], method, path, json=body) == 403


async def test_a_key_gets_no_scope_that_its_account_has_not(gateway: Gateway) -> None:
    _, key = await gateway.new_account(new_name(), "member")
    assert await status(gateway, key, "POST", "/api/hub/keys", json={"name": "x", "scopes": ["publish"]}) == 403


async def test_a_key_that_has_ended_is_nobodys(gateway: Gateway) -> None:
    _, key = await gateway.new_account(new_name())
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = await make_key(gateway, key, expiresAt=ends)
    assert await status(gateway, made["key"]) == 200
    accounts = gateway.provided("accounts", Repository)
    past = datetime.now(UTC) - timedelta(seconds=1)
    await accounts._keys.update_one({"_id": made["id"]}, {"$set": {"expires_at": past}})
    assert await status(gateway, made["key"]) == 401


async def test_a_key_that_ends_makes_none_that_lives_longer(gateway: Gateway) -> None:
    _, key = await gateway.new_account(new_name())
    made = await make_key(gateway, key, expiresAt=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    child = await make_key(gateway, made["key"])
    assert child["expiresAt"] == made["expiresAt"]
    later = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    assert await status(gateway, made["key"], "POST", "/api/hub/keys", json={"name": "x", "expiresAt": later}) == 403


async def test_a_revoked_key_stops_with_the_next_request(gateway: Gateway) -> None:
    _, key = await gateway.new_account(new_name())
    made = await make_key(gateway, key)
    assert await status(gateway, made["key"]) == 200
    assert await status(gateway, key, "DELETE", f"/api/hub/keys/{made['id']}") == 204
    assert await status(gateway, made["key"]) == 401


async def test_a_strangers_key_cannot_be_revoked(gateway: Gateway) -> None:
    _, mine = await gateway.new_account(new_name())
    _, theirs = await gateway.new_account(new_name())
    made = await make_key(gateway, theirs)
    assert await status(gateway, mine, "DELETE", f"/api/hub/keys/{made['id']}") == 404
    assert await status(gateway, made["key"]) == 200


async def test_a_key_from_before_scopes_has_all_of_its_role(gateway: Gateway) -> None:
    account_id, key = await gateway.new_account(new_name(), "creator")
    await gateway.provided("accounts", Repository)._keys.update_one(
        {"hash": hash_key(key)}, {"$unset": {"scopes": "", "expires_at": ""}}
    )
    me = (await gateway.client(key).get("/api/hub/me")).json()
    assert (me["id"], me["scopes"]) == (account_id, ["read", "publish", "community"])


async def test_the_list_of_keys_shows_no_secret_and_the_database_has_none(gateway: Gateway) -> None:
    _, key = await gateway.new_account(new_name())
    made = await make_key(gateway, key, scopes=["read"])
    listed = await gateway.client(key).get("/api/hub/keys")
    assert [each["name"] for each in listed.json()["items"]] == ["first key", "test"]
    kept = [str(document) async for document in gateway.provided("accounts", Repository)._keys.find({})]
    for secret in (key, made["key"], ADMIN_KEY):
        assert secret not in listed.text
        assert not [document for document in kept if secret in document]


async def test_a_changed_role_counts_at_once(gateway: Gateway) -> None:
    account_id, key = await gateway.new_account(new_name(), "member")
    admin = gateway.client(ADMIN_KEY)
    changed = await admin.patch(f"/api/hub/accounts/{account_id}", json={"role": "moderator"})
    assert changed.json()["role"] == "moderator"
    assert (await gateway.client(key).get("/api/hub/me")).json()["role"] == "moderator"


async def test_a_restricted_accounts_keys_stop_at_once_and_come_back(gateway: Gateway) -> None:
    account_id, key = await gateway.new_account(new_name())
    admin = gateway.client(ADMIN_KEY)
    restricted = await admin.patch(f"/api/hub/accounts/{account_id}", json={"restricted": True})
    assert restricted.json()["restricted"] is True
    assert await status(gateway, key) == 401
    await admin.patch(f"/api/hub/accounts/{account_id}", json={"restricted": False})
    assert await status(gateway, key) == 200


async def test_the_first_administrator_cannot_be_shut_out(gateway: Gateway) -> None:
    _, other = await gateway.new_account(new_name(), "administrator")
    listed = (await gateway.client(other).get("/api/hub/accounts", params={"limit": 1})).json()
    assert [each["username"] for each in listed["items"]] == ["admin"]
    first = listed["items"][0]["id"]
    for change in ({"restricted": True}, {"role": "member"}):
        assert await status(gateway, other, "PATCH", f"/api/hub/accounts/{first}", json=change) == 409


async def test_accounts_are_listed_page_by_page(gateway: Gateway) -> None:
    made = [(await gateway.new_account(new_name()))[0] for _ in range(3)]
    admin, cursor, seen = gateway.client(ADMIN_KEY), str(made[0] - 1), []
    while cursor:
        page = (await admin.get("/api/hub/accounts", params={"cursor": cursor, "limit": 2})).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page.get("nextCursor", "")
    assert seen[:3] == made
    assert len(seen) == len(set(seen))
