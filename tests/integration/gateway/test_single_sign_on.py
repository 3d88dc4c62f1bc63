"""Signing in by an identity provider that really redirects, exchanges codes and signs tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.integration.gateway.browser import ADMIN_KEY, Browser, Gateway, running_gateway
from tests.integration.gateway.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Provider,
    new_key,
    running_provider,
)


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest_asyncio.fixture(scope="module")
async def gateway(engine_environment: Mapping[str, str], running: Provider) -> AsyncIterator[Gateway]:
    settings = {
        "oidc_issuer": running.issuer + "/",
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_name": "the museum's account",
    }
    async with running_gateway(engine_environment, **settings) as made:
        yield made


@pytest.fixture
def provider(running: Provider) -> Iterator[Provider]:
    """The provider, honest again after each test."""
    running.person = {"sub": "p-1", "preferred_username": "mira"}
    yield running
    running.changes, running.signs_with = {}, None


async def come_back(browser: Browser, provider: Provider, after: str = "/models") -> httpx.Response:
    """Go to the provider, be let in, and follow its redirect back."""
    gone = await browser.client.get("/sign-in/provider", params={"next": after})
    assert gone.status_code == 302, gone.text
    assert gone.headers["location"].startswith(provider.issuer + "/authorize?")
    return await browser.get(await provider.let_in(gone.headers["location"]))


async def test_somebody_new_gets_an_account_and_is_led_back(gateway: Gateway, provider: Provider) -> None:
    provider.person = {"sub": "new-1", "preferred_username": "Mira.K@museum.example"}
    browser = gateway.browser()
    assert "the museum&#39;s account" in (await browser.get("/sign-in")).text
    answer = await come_back(browser, provider, after="/models/3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/models/3")
    assert await browser.name() == "Mira_K"


async def test_the_same_person_comes_back_to_the_same_account_whatever_they_are_called_now(
    gateway: Gateway, provider: Provider
) -> None:
    provider.person = {"sub": "same-1", "preferred_username": "tidal"}
    first, second = gateway.browser(), gateway.browser()
    await come_back(first, provider)
    provider.person = {"sub": "same-1", "preferred_username": "renamed"}
    await come_back(second, provider)
    assert await first.name() == await second.name() == "tidal"


async def test_an_account_with_the_same_name_is_not_handed_over(gateway: Gateway, provider: Provider) -> None:
    await gateway.new_account("keeper", "moderator")
    for preferred, name in (("keeper", "keeper_2"), ("admin", "admin_2")):
        provider.person = {"sub": f"thief-{preferred}", "preferred_username": preferred}
        browser = gateway.browser()
        await come_back(browser, provider)
        assert await browser.name() == name
        assert "Creator" in (await browser.get("/account")).text


async def test_a_restricted_person_does_not_come_in(gateway: Gateway, provider: Provider) -> None:
    provider.person = {"sub": "bad-1", "preferred_username": "rascal"}
    await come_back(gateway.browser(), provider)
    admin = gateway.client(ADMIN_KEY)
    listed = (await admin.get("/api/hub/accounts")).json()["items"]
    rascal = next(each["id"] for each in listed if each["username"] == "rascal")
    await admin.patch(f"/api/hub/accounts/{rascal}", json={"restricted": True})
    assert (await come_back(gateway.browser(), provider)).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [{"nonce": "another"}, {"aud": "another"}, {"iss": "https://another.example"}, {"exp": 1}, {"sub": ""}],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_token_that_is_not_for_this_sign_in_is_refused(
    gateway: Gateway, provider: Provider, changes: dict[str, Any]
) -> None:
    provider.changes = changes
    browser = gateway.browser()
    assert (await come_back(browser, provider)).status_code == 403
    assert await browser.name() is None


async def test_a_token_with_a_strangers_signature_is_refused(gateway: Gateway, provider: Provider) -> None:
    provider.signs_with = new_key()
    browser = gateway.browser()
    assert (await come_back(browser, provider)).status_code == 403
    assert await browser.name() is None


async def test_a_new_key_of_the_provider_is_fetched(gateway: Gateway, provider: Provider) -> None:
    await come_back(gateway.browser(), provider)
    provider.turn_key()
    browser = gateway.browser()
    assert (await come_back(browser, provider)).status_code == 303
    assert await browser.name() is not None


async def test_the_answer_belongs_to_the_browser_that_asked(gateway: Gateway, provider: Provider) -> None:
    """Else somebody could be signed in as another without noticing."""
    gone = await gateway.browser().get("/sign-in/provider")
    back = await provider.let_in(gone.headers["location"])
    other = gateway.browser()
    assert (await other.get(back)).status_code == 403
    await other.get("/sign-in/provider")
    assert (await other.get(back)).status_code == 403, "another state"
    assert await other.name() is None


async def test_a_code_works_once(gateway: Gateway, provider: Provider) -> None:
    browser = gateway.browser()
    gone = await browser.get("/sign-in/provider")
    back = await provider.let_in(gone.headers["location"])
    assert (await browser.get(back)).status_code == 303
    assert (await browser.get(back)).status_code == 403


async def test_a_refusal_there_is_said_here(gateway: Gateway, provider: Provider) -> None:
    browser = gateway.browser()
    gone = await browser.get("/sign-in/provider")
    state = httpx.URL(gone.headers["location"]).params["state"]
    answer = await browser.get(f"/sign-in/provider/return?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "access_denied" in answer.text


async def test_a_provider_that_is_away_or_another_is_said(
    engine_environment: Mapping[str, str], provider: Provider
) -> None:
    for issuer in ("http://127.0.0.1:9", provider.issuer.replace("127.0.0.1", "localhost")):
        settings = {"oidc_issuer": issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
        async with running_gateway(engine_environment, **settings) as lonely:
            answer = await lonely.browser().get("/sign-in/provider")
            assert answer.status_code == 503
            assert "<!doctype html>" in answer.text


async def test_without_a_provider_there_is_no_such_way(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(engine_environment) as plain:
        assert (await plain.browser().get("/sign-in/provider")).status_code == 404
        assert "/sign-in/provider" not in (await plain.browser().get("/sign-in")).text
