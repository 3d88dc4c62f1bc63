"""Calls between services: what is sent, and what becomes of each kind of answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from shared.actor import Actor
from shared.inside import Peer
from shared.problems import Conflict, NotFound, Unavailable

PROBLEM = {"type": "https://easel.dev/problems/no-such-revision", "detail": "There is none.", "status": 404}


async def answer(request: web.Request) -> web.Response:
    """Tells what it was asked, or fails as the path says."""
    match request.path:
        case "/missing":
            return web.json_response(PROBLEM, status=404)
        case "/taken":
            errors = [{"field": "name", "message": "taken"}]
            return web.json_response({"detail": "Taken.", "errors": errors}, status=409)
        case "/broken":
            return web.Response(status=500, text="oops")
        case "/other-token":
            return web.json_response({"detail": "no"}, status=401)
        case "/elsewhere":
            raise web.HTTPFound("/")
    heard = {
        "method": request.method, "path": request.raw_path, "body": (await request.read()).decode(),
        "token": request.headers["authorization"], "account": request.headers.get("x-easel-account"),
        "correlation": request.headers["x-correlation-id"], "cookie": request.headers.get("cookie"),
    }  # fmt: skip
    response = web.json_response(heard)
    response.set_cookie("a", "b")
    return response


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    runner = web.AppRunner(_app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    found = Peer("neighbour", f"http://{host}:{port}/", "secret")
    yield found
    await found.close()
    await runner.cleanup()


def _app() -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def heard(peer: Peer, method: str, path: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = await peer.fetch(method, path, dict[str, Any], **options)
    return found


async def test_a_call_shows_the_token_and_who_asks_and_keeps_no_cookie(peer: Peer) -> None:
    for _ in range(2):
        found = await heard(peer, "POST", "/x", actor=Actor(7, "mira", "creator"), json={"a": 1})
        assert (found["method"], found["body"], found["token"]) == ("POST", '{"a":1}', "Bearer secret")
        assert (found["account"], found["cookie"]) == ("7", None)
        assert found["correlation"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (None, "/x"),
        ({"a": True, "b": None, "c": 3}, "/x?a=true&c=3"),
        ({"ids": [1, 2]}, "/x?ids=1&ids=2"),
        ([("q", "a b&c=d/ü+"), ("q", "%20")], "/x?q=a+b%26c%3Dd/%C3%BC%2B&q=%2520"),
    ],
)
async def test_parameters_arrive_as_they_were_meant(peer: Peer, params: Any, expected: str) -> None:
    assert (await heard(peer, "GET", "/x", params=params))["path"] == expected


async def test_a_path_that_is_quoted_already_stays_so(peer: Peer) -> None:
    assert (await heard(peer, "GET", "/repos/a%20b/c%2Fd"))["path"] == "/repos/a%20b/c%2Fd"


async def test_a_problem_of_the_other_service_is_the_callers(peer: Peer) -> None:
    with pytest.raises(NotFound, match=r"There is none\.") as missing:
        await peer.call("GET", "/missing")
    assert missing.value.type_ == PROBLEM["type"]
    with pytest.raises(Conflict, match="Taken") as taken:
        await peer.call("GET", "/taken")
    assert taken.value.extra == {"errors": [{"field": "name", "message": "taken"}]}


@pytest.mark.parametrize("path", ["/broken", "/other-token", "/elsewhere"])
async def test_its_own_troubles_are_not(peer: Peer, path: str) -> None:
    with pytest.raises(Unavailable, match="neighbour"):
        await peer.call("GET", path)


async def test_one_that_is_away_is_unavailable() -> None:
    away = Peer("neighbour", "http://127.0.0.1:1", "secret")
    with pytest.raises(Unavailable, match="neighbour"):
        await away.call("GET", "/x")
    await away.close()
