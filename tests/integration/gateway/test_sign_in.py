"""Signing in and out on pages, sessions, and what a cookie is good for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
from argon2 import PasswordHasher

from services.gateway.repository import Repository
from services.gateway.sessions import Sessions
from tests.integration.gateway.browser import ADMIN_KEY, Browser, Gateway, running_gateway

PASSWORD = "correct horse battery"


def new_name() -> str:
    return f"user_{uuid4().hex[:10]}"


async def signed_in(gateway: Gateway, role: str = "creator") -> tuple[str, str, Browser]:
    """A new person's name and key, and a browser that is signed in."""
    name = new_name()
    _, key = await gateway.new_person(name, PASSWORD, role)
    browser = gateway.browser()
    answer = await browser.sign_in(name, PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return name, key, browser


async def test_who_signs_in_is_shown_and_who_signs_out_is_not(gateway: Gateway) -> None:
    name, _, browser = await signed_in(gateway)
    assert await browser.name() == name
    out = await browser.send("/sign-out", "/account")
    assert (out.status_code, out.headers["location"]) == (303, "/")
    assert await browser.name() is None


async def test_the_session_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(gateway: Gateway) -> None:
    name = new_name()
    await gateway.new_person(name, PASSWORD)
    answer = await gateway.browser().sign_in(name, PASSWORD)
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("easel-session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie, "the hub is reached by plain http here"


async def test_behind_https_cookies_are_secure_and_bound_to_the_host(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(engine_environment, public_url="https://hub.test") as gateway:
        name = new_name()
        await gateway.new_person(name, PASSWORD)
        browser = gateway.browser()
        answer = await browser.sign_in(name, PASSWORD)
        cookies = answer.headers.get_list("set-cookie") + (await gateway.browser().get("/sign-in")).headers.get_list(
            "set-cookie"
        )
        assert {cookie.split("=")[0] for cookie in cookies} == {"__Host-easel-session", "__Host-easel-form"}
        assert all("Secure" in cookie and "Path=/" in cookie for cookie in cookies)
        assert await browser.name() == name


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(gateway: Gateway) -> None:
    name = new_name()
    await gateway.new_person(name, PASSWORD)
    _, no_password = new_name(), new_name()
    await gateway.new_account(no_password)
    answers = [
        await gateway.browser().sign_in(name, "wrong horse battery"),
        await gateway.browser().sign_in("nobody_at_all", "wrong horse battery"),
        await gateway.browser().sign_in(no_password, ""),
    ]
    assert {answer.status_code for answer in answers} == {401}
    texts = {re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}
    assert len({text.replace(" autofocus", "") for text in texts}) == 1
    assert not [each for answer in answers for each in answer.headers.get_list("set-cookie") if "session" in each]


async def test_a_form_without_its_token_changes_nothing(gateway: Gateway) -> None:
    name, _, browser = await signed_in(gateway)
    for path in ("/sign-out", "/account/keys", "/account/password", "/models/1/report", "/sign-in"):
        answer = await browser.client.post(path, data={"name": "x", "password": "another horse battery"})
        assert answer.status_code == 403, path
        assert "<!doctype html>" in answer.text
    assert await browser.name() == name


async def test_the_token_of_another_browser_is_none(gateway: Gateway) -> None:
    _, _, browser = await signed_in(gateway)
    shown = await gateway.browser().get("/sign-in")
    token = re.search(r'name="_csrf_token" value="([0-9a-f]+)"', shown.text)
    assert token
    answer = await browser.client.post("/sign-out", data={"_csrf_token": token[1]})
    assert answer.status_code == 403


async def test_the_api_takes_keys_and_never_the_cookie(gateway: Gateway) -> None:
    _, key, browser = await signed_in(gateway)
    assert (await browser.get("/api/hub/me")).status_code == 401
    assert (await browser.client.post("/api/hub/keys", json={"name": "stolen"})).status_code == 401
    assert (await gateway.client(key).get("/api/hub/me")).status_code == 200


async def test_pages_take_the_cookie_and_never_a_key(gateway: Gateway) -> None:
    _, key = await gateway.new_account(new_name())
    answer = await gateway.client(key).get("/account", params={"token": key})
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")


async def test_signing_in_leads_back_to_where_one_was_but_not_elsewhere(gateway: Gateway) -> None:
    name = new_name()
    await gateway.new_person(name, PASSWORD)
    asked = await gateway.browser().get("/account/keys")
    assert asked.headers["location"] == "/sign-in?next=/account/keys"
    inside = await gateway.browser().sign_in(name, PASSWORD, next="/account/keys")
    assert inside.headers["location"] == "/account/keys"
    outside = await gateway.browser().sign_in(name, PASSWORD, next="//evil.example/x")
    assert outside.headers["location"] == "/"


async def test_a_session_ends_when_it_is_not_used_and_moves_on_when_it_is(gateway: Gateway) -> None:
    _, _, browser = await signed_in(gateway)
    sessions = gateway.provided("sessions", Sessions)
    newest = await sessions._sessions.find_one(sort=[("_id", -1)])
    assert newest
    before = datetime.now(UTC) - timedelta(hours=1)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await sessions._sessions.update_one({"_id": newest["_id"]}, {"$set": {"seen_at": before, "expires_at": soon}})
    assert await browser.name() is not None
    moved = await sessions._sessions.find_one({"_id": newest["_id"]})
    assert moved and moved["expires_at"] > datetime.now(UTC) + timedelta(days=29)
    await sessions._sessions.update_one({"_id": newest["_id"]}, {"$set": {"expires_at": before}})
    assert await browser.name() is None


async def test_only_a_hash_of_the_sessions_token_is_kept(gateway: Gateway) -> None:
    _, _, browser = await signed_in(gateway)
    token = browser.client.cookies["easel-session"]
    sessions = gateway.provided("sessions", Sessions)
    assert not [document async for document in sessions._sessions.find({}) if token in str(document)]


async def test_one_signs_other_browsers_out_one_by_one_or_all(gateway: Gateway) -> None:
    name, _, here = await signed_in(gateway)
    there, elsewhere = gateway.browser(), gateway.browser()
    for browser in (there, elsewhere):
        await browser.sign_in(name, PASSWORD)
    page = (await here.get("/account")).text
    ends = re.findall(r'action="(/account/sessions/[0-9a-f-]+/end)"', page)
    assert len(ends) == 2, "this browser's own is not offered"
    assert (await here.send(ends[0], "/account")).status_code == 303
    assert [await each.name() for each in (there, elsewhere)].count(None) == 1
    await here.send("/account/sessions/end-others", "/account")
    assert [await each.name() for each in (here, there, elsewhere)] == [name, None, None]


async def test_a_new_password_ends_other_sessions_and_needs_the_current_one(gateway: Gateway) -> None:
    name, key, here = await signed_in(gateway)
    there = gateway.browser()
    await there.sign_in(name, PASSWORD)
    wrong = await here.send("/account/password", "/account", current="not this one", password="another horse battery")
    assert wrong.status_code == 403
    assert await there.name() == name
    right = await here.send("/account/password", "/account", current=PASSWORD, password="another horse battery")
    assert right.headers["location"] == "/account?done=password"
    assert (await here.name(), await there.name()) == (name, None)
    assert (await there.sign_in(name, PASSWORD)).status_code == 401
    assert (await there.sign_in(name, "another horse battery")).status_code == 303
    assert (await gateway.client(key).get("/api/hub/me")).status_code == 200, "keys go on working"


async def test_a_restricted_account_is_signed_out_and_cannot_come_back(gateway: Gateway) -> None:
    name, key, browser = await signed_in(gateway)
    account_id = (await gateway.client(key).get("/api/hub/me")).json()["id"]
    await gateway.client(ADMIN_KEY).patch(f"/api/hub/accounts/{account_id}", json={"restricted": True})
    assert await browser.name() is None
    answer = await browser.sign_in(name, PASSWORD)
    assert answer.status_code == 403
    assert "restricted" in answer.text


async def test_a_hash_with_old_parameters_is_renewed_at_sign_in(gateway: Gateway) -> None:
    name = new_name()
    account_id, _ = await gateway.new_person(name, PASSWORD)
    accounts = gateway.provided("accounts", Repository)
    old = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    await accounts.set_password(account_id, old)
    assert (await gateway.browser().sign_in(name, PASSWORD)).status_code == 303
    found = await accounts.find_with_password(name)
    assert found and found[1] and found[1] != old and "m=19456" in found[1]


class TestSignUp:
    async def test_an_account_is_made_with_the_role_of_the_settings_and_signed_in(self, gateway: Gateway) -> None:
        browser, name = gateway.browser(), new_name()
        answer = await browser.send("/sign-up", "/sign-up", username=name, password=PASSWORD)
        assert answer.status_code == 303
        assert await browser.name() == name
        assert "Member" in (await browser.get("/account")).text

    async def test_a_taken_name_or_a_weak_password_is_said_and_nothing_is_made(self, gateway: Gateway) -> None:
        taken = new_name()
        await gateway.new_account(taken)
        for name, password, status in (
            (taken.upper(), PASSWORD, 409),
            (new_name(), "short", 400),
            ("x!", PASSWORD, 400),
        ):
            browser = gateway.browser()
            answer = await browser.send("/sign-up", "/sign-up", username=name, password=password)
            assert answer.status_code == status
            assert 'role="alert"' in answer.text
            assert await browser.name() is None

    async def test_it_is_closed_unless_opened(self, engine_environment: Mapping[str, str]) -> None:
        async with running_gateway(engine_environment) as closed:
            browser = closed.browser()
            assert (await browser.get("/sign-up")).status_code == 404
            answer = await browser.send("/sign-up", "/sign-in", username=new_name(), password=PASSWORD)
            assert answer.status_code == 404


class TestKeysPage:
    async def test_a_key_made_on_the_page_is_shown_once_and_works(self, gateway: Gateway) -> None:
        _, _, browser = await signed_in(gateway)
        made = await self._make(browser, rights="some", scopes=["community"], lifetime="7")
        assert made.headers["cache-control"] == "no-store"
        key = _secret_on(made)
        me = (await gateway.client(key).get("/api/hub/me")).json()
        assert me["scopes"] == ["read", "community"]
        again = (await browser.get("/account/keys")).text
        assert key not in again
        assert "read, community" in again

    async def test_a_key_for_everything_and_its_revocation(self, gateway: Gateway) -> None:
        _, _, browser = await signed_in(gateway)
        key = _secret_on(await self._make(browser, rights="all", lifetime=""))
        assert (await gateway.client(key).get("/api/hub/me")).json()["scopes"] == ["read", "publish", "community"]
        page = (await browser.get("/account/keys")).text
        revoke = re.findall(r'action="(/account/keys/[0-9a-f-]+/revoke)"', page)[0]
        assert (await browser.send(revoke, "/account/keys")).status_code == 303
        assert (await gateway.client(key).get("/api/hub/me")).status_code == 401

    async def test_a_scope_that_the_account_has_not_is_refused(self, gateway: Gateway) -> None:
        _, _, browser = await signed_in(gateway, "member")
        assert (await self._make(browser, rights="some", scopes=["administer"])).status_code == 403

    async def _make(self, browser: Browser, **fields: object) -> httpx.Response:
        return await browser.send("/account/keys", "/account/keys", name="laptop", **fields)


def _secret_on(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    found = re.findall(r"<code>([0-9a-f]{32})</code>", answer.text)
    assert len(found) == 1
    return str(found[0])
