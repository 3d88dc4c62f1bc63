"""Rate limits: who is counted as whom, and how each surface says no."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import httpx
import pytest

from tests.integration.gateway.browser import Gateway, running_gateway

FAR = "203.0.113.9"
OPEN = "/api/v1/models?limit=nonsense"
"""Answered by the gateway alone (400), so that no other service is needed."""


async def answers(client: httpx.AsyncClient, path: str, count: int) -> list[int]:
    return [(await client.get(path)).status_code for _ in range(count)]


async def test_a_stranger_is_stopped_and_told_when_to_come_back(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(engine_environment, rate_limit_anonymous="3/minute") as gateway:
        stranger = gateway.client(None, FAR)
        assert await answers(stranger, OPEN, 3) == [400] * 3
        stopped = await stranger.get(OPEN)
        assert stopped.status_code == 429
        assert stopped.json() == {"error": "Rate limit exceeded, please retry shortly."}
        assert 1 <= int(stopped.headers["retry-after"]) <= 60
        assert stopped.headers["cache-control"] == "no-store"
        problem = await stranger.get("/api/hub/me")
        assert (problem.status_code, problem.headers["content-type"]) == (429, "application/problem+json")
        assert problem.json()["status"] == 429
        assert "retry-after" in problem.headers
        page = await stranger.get("/docs/api")
        assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
        assert "retry-after" in page.headers


async def test_other_addresses_health_and_bytes_are_not_stopped(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(engine_environment, rate_limit_anonymous="2/minute") as gateway:
        stranger = gateway.client(None, FAR)
        assert await answers(stranger, OPEN, 3) == [400, 400, 429]
        assert (await gateway.client(None, "203.0.113.10").get(OPEN)).status_code == 400
        for path in ("/health/live", "/metrics", "/static/easel.css", "/image/x/y/z", "/store/files/x/y"):
            assert (await stranger.get(path)).status_code != 429, path


async def test_an_account_has_a_limit_of_its_own_wherever_it_comes_from(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(
        engine_environment, rate_limit_anonymous="1/minute", rate_limit_key="4/minute"
    ) as gateway:
        _, key = await gateway.new_account(f"user_{uuid4().hex[:8]}")
        second = (await gateway.client(key).post("/api/hub/keys", json={"name": "second"})).json()["key"]
        assert await answers(gateway.client(key, FAR), "/api/hub/me", 2) == [200, 200]
        assert await answers(gateway.client(second, "203.0.113.77"), "/api/hub/me", 3) == [200, 200, 429]
        assert await answers(gateway.client("f" * 32, FAR), "/api/hub/me", 2) == [401, 429], "an invented key is nobody"


async def test_a_password_is_not_guessed_from_many_addresses(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(engine_environment, rate_limit_guesses="3/hour") as gateway:
        name, password = f"user_{uuid4().hex[:8]}", "correct horse battery"
        await gateway.new_person(name, password)
        for tried in (name, f"nobody_{uuid4().hex[:8]}"):
            statuses = [
                (await gateway.browser(f"203.0.113.{n}").sign_in(tried.upper(), f"guess {n}")).status_code
                for n in range(4)
            ]
            assert statuses == [401, 401, 401, 429], "the same for a name that there is not"
        stopped = await gateway.browser().sign_in(name, password)
        assert stopped.status_code == 429
        assert 0 < int(stopped.headers["retry-after"]) <= 3600
        other = f"user_{uuid4().hex[:8]}"
        await gateway.new_person(other, password)
        assert [(await gateway.browser().sign_in(other, password)).status_code for _ in range(5)] == [303] * 5


async def test_attempts_to_sign_in_are_few(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(engine_environment, rate_limit_sign_in="2/minute") as gateway:
        browser = gateway.browser(FAR)
        statuses = [(await browser.sign_in("nobody_here", "wrong horse")).status_code for _ in range(3)]
        assert statuses == [401, 401, 429]
        assert (await browser.get("/sign-in")).status_code == 200, "looking at the form is no attempt"


async def test_the_limits_can_be_turned_off(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(engine_environment, rate_limit_anonymous="off") as gateway:
        assert set(await answers(gateway.client(None, FAR), OPEN, 700)) == {400}


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "same_stranger"),
    [
        ("10.0.0.0/8", "10.1.2.3", ("198.51.100.1", "198.51.100.2"), False),
        ("", "10.1.2.3", ("198.51.100.1", "198.51.100.2"), True),
        ("10.0.0.0/8", "10.1.2.3", ("1.1.1.1, 198.51.100.1", "2.2.2.2, 198.51.100.1"), True),
        ("", "127.0.0.1", ("198.51.100.1", "198.51.100.2"), True),
    ],
    ids=["a trusted proxy's word", "anybody's word", "what a client made up before it", "a proxy here, not trusted"],
)
async def test_the_address_is_a_trusted_proxys_word_or_the_peers(
    engine_environment: Mapping[str, str], trusted: str, peer: str, forwarded: tuple[str, str], same_stranger: bool
) -> None:
    async with running_gateway(engine_environment, rate_limit_anonymous="1/minute", trusted_proxies=trusted) as gateway:
        first, second = [await _from(gateway, peer, each) for each in forwarded]
        assert (first, second) == (400, 429 if same_stranger else 400)


async def test_this_machine_itself_is_not_counted(engine_environment: Mapping[str, str]) -> None:
    async with running_gateway(engine_environment, rate_limit_anonymous="1/minute") as gateway:
        assert await answers(gateway.client(None, "127.0.0.1"), OPEN, 5) == [400] * 5


async def test_gateways_share_their_counts_in_one_storage(engine_environment: Mapping[str, str]) -> None:
    storage = engine_environment["EASEL_MONGO_URL"].replace("mongodb://", "async+mongodb://")
    limits = {"rate_limit_anonymous": "3/hour", "rate_limit_storage": storage}
    address = f"198.18.{uuid4().int % 256}.{uuid4().int % 256}"
    async with (
        running_gateway(engine_environment, **limits) as one,
        running_gateway(engine_environment, **limits) as two,
    ):
        assert await answers(one.client(None, address), OPEN, 2) == [400, 400]
        assert await answers(two.client(None, address), OPEN, 2) == [400, 429]


async def test_without_its_storage_the_hub_goes_on_but_nobody_signs_in(engine_environment: Mapping[str, str]) -> None:
    away = "async+mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50"
    async with running_gateway(engine_environment, rate_limit_storage=away) as gateway:
        browser = gateway.browser(FAR)
        assert (await browser.get(OPEN)).status_code == 400
        assert (await browser.sign_in("admin", "wrong horse")).status_code == 503


async def _from(gateway: Gateway, peer: str, forwarded_for: str) -> int:
    answer = await gateway.client(None, peer, **{"x-forwarded-for": forwarded_for}).get(OPEN)
    return answer.status_code
