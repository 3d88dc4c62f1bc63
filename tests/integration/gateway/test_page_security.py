"""Attacks on the pages: where one is led, what headers every page has, and forms that are none."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from tests.integration.gateway.browser import Browser, Gateway

PASSWORD = "a long enough phrase"
ELSEWHERE = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
    "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "/\r\nset-cookie: x=1", "\x00//evil.example", "evil",
    "http:evil.example", " //evil.example", "data:text/html,x", "", "?x", "#x",
)  # fmt: skip
HERE = (
    "/models?query=a%26b",
    "/models/7/é",
    "/models?query=港",
    "/%2F%2Fevil.example",
    "/a//b",
    "/@evil.example",
    "/:80",
)


async def signed_in(gateway: Gateway, name: str) -> Browser:
    await gateway.new_person(name, PASSWORD)
    browser = gateway.browser()
    assert (await browser.sign_in(name, PASSWORD)).status_code == 303
    return browser


def target_of(answer: httpx.Response) -> httpx.URL:
    """Where a browser would go."""
    assert answer.status_code == 303, answer.text
    return answer.url.join(answer.headers["location"])


async def test_signing_in_never_leads_to_another_site(gateway: Gateway) -> None:
    browser = await signed_in(gateway, "led_on")
    here = httpx.URL(gateway.base_url)
    for wanted in (*ELSEWHERE, *HERE):
        for answer in (
            await browser.get(f"/sign-in?next={quote(wanted)}"),
            await gateway.browser().sign_in("led_on", PASSWORD, next=wanted),
        ):
            found = target_of(answer)
            assert (found.scheme, found.host, found.port) == (here.scheme, here.host, here.port), wanted
            assert "x=1" not in answer.headers.get("set-cookie", "")
            if wanted not in HERE:
                assert found.path == "/", wanted


@pytest.mark.parametrize(
    "path",
    ["/", "/models", "/models?sort=x", "/models/999999", "/no/such/page", "/sign-in", "/docs/api", "/account",
     "/account/keys", "/sign-in/provider", "/models/1/nope/nope"],
)  # fmt: skip
async def test_every_page_tells_the_browser_what_it_must_not_do(gateway: Gateway, path: str) -> None:
    for browser in (gateway.browser(), await signed_in(gateway, f"safe_{abs(hash(path)) % 10**9}")):
        answer = await browser.client.get(path, headers={"accept": "text/html"})
        if answer.is_redirect:
            continue
        policy = answer.headers["content-security-policy"]
        for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert rule in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] in ("private, no-cache", "no-store")


@pytest.mark.parametrize(
    "path", ["/api/v1/me", "/api/hub/me", "/api/v1/nothing", "/health/live", "/schema/openapi.json"]
)
async def test_no_answer_is_taken_for_a_page(gateway: Gateway, path: str) -> None:
    answer = await gateway.client().get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "json" in answer.headers["content-type"]


FORMS = {
    "nothing": ("application/x-www-form-urlencoded", b""),
    "no utf-8": ("application/x-www-form-urlencoded", b"username=%FF&password=\xff"),
    "nul": ("application/x-www-form-urlencoded", b"username=%00&password=%00&next=%00"),
    "repeated": ("application/x-www-form-urlencoded", b"username=a&username=b&password=c&password=d"),
    "many fields": ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % n for n in range(50_000))),
    "one long field": ("application/x-www-form-urlencoded", b"username=" + b"a" * 5_000_000),
    "json": ("application/json", b'{"username":"a","password":"b"}'),
    "text": ("text/plain", b"username=a"),
    "no boundary": ("multipart/form-data", b"--x\r\n\r\n"),
    "empty boundary": ("multipart/form-data; boundary=", b"--\r\n"),
    "truncated": ("multipart/form-data; boundary=x",
                  b'--x\r\ncontent-disposition: form-data; name="username"\r\n\r\na'),
    "no name": ("multipart/form-data; boundary=x", b"--x\r\ncontent-disposition: form-data\r\n\r\na\r\n--x--\r\n"),
    "a file": ("multipart/form-data; boundary=x",
               b'--x\r\ncontent-disposition: form-data; name="username"; filename="f"\r\n\r\na\r\n--x--\r\n'),
    "strange header": ("multipart/form-data; boundary=x", b"--x\r\n\xff\xff\r\n\r\na\r\n--x--\r\n"),
    "many parts": ("multipart/form-data; boundary=x",
                   b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n' * 5_000 + b"--x--\r\n"),
    "strange charset": ("application/x-www-form-urlencoded; charset=utf-99", b"username=a&password=b"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_that_is_none_is_refused_as_a_page(gateway: Gateway, name: str) -> None:
    kind, body = FORMS[name]
    browser = gateway.browser()
    shown = await browser.get("/sign-in")
    token = shown.text.partition('name="_csrf_token" value="')[2].partition('"')[0]
    for path in ("/sign-in", "/sign-up", "/account/keys", "/account/password", "/models/1/report"):
        for headers in ({}, {"x-csrftoken": token}):
            answer = await browser.client.post(path, content=body, headers={"content-type": kind, **headers})
            assert answer.status_code in (303, 400, 401, 403, 413, 415), (
                path,
                headers,
                answer.status_code,
                answer.text,
            )
            assert "easel-session" not in answer.headers.get("set-cookie", "")
            if answer.status_code == 303:
                assert answer.headers["location"].startswith("/sign-in?")
