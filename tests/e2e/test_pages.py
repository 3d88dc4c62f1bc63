"""The hub's pages, as a browser without scripts gets them."""

from __future__ import annotations

import html
import re
import secrets
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, eventually, small_safetensors

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "user-agent": "Mozilla/5.0"}
ADDRESS = re.compile(r'(?:src|href|srcset)="([^"#][^"]*)"')


class Elements(HTMLParser):
    """The elements that a browser sees in a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def browser(hub: HubDriver) -> httpx.Client:
    return httpx.Client(base_url=hub.url, headers=BROWSER, timeout=30)


def check_page(answer: httpx.Response, status: int = 200) -> str:
    """A whole HTML page with the headers that keep it harmless."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    text = answer.text
    assert text.lower().startswith("<!doctype html>")
    assert "</html>" in text
    assert "<script>" not in text, "the policy forbids scripts inside the page"
    assert " style=" not in text, "the policy forbids styles inside the page"
    assert 'lang="en"' in text
    assert "origin.easel.invalid" not in text
    return text


def test_the_front_page_shows_models_with_their_pictures(hub: HubDriver, browser: httpx.Client, shapes: Shared) -> None:
    hub.wait_previews(shapes.version_id)

    def with_picture() -> str | None:
        text = check_page(browser.get("/models", params={"tag": "quayside"}))
        return text if f"/models/{shapes.model_id}" in text and "<img" in text else None

    text = eventually(with_picture)
    assert text is not None
    assert shapes.name in text
    assert "Checkpoint" in text
    check_page(browser.get("/"))


def test_the_model_page_shows_what_one_needs_to_use_it(hub: HubDriver, browser: httpx.Client, shapes: Shared) -> None:
    hub.wait_previews(shapes.version_id)
    text = eventually(
        lambda: shown if (shown := check_page(browser.get(f"/models/{shapes.model_id}"))).count("<img") >= 4 else None
    )
    assert text is not None
    sha256 = shapes.report["files"][0]["sha256"]
    assert shapes.name in text
    assert "Drawn <em>scenes</em>." in text
    assert sha256.upper() in text or sha256 in text
    assert f"/api/download/models/{shapes.version_id}" in text
    assert "quayside" in text
    assert "admin" in text


def test_every_local_address_on_a_page_leads_somewhere(hub: HubDriver, browser: httpx.Client, shapes: Shared) -> None:
    hub.wait_previews(shapes.version_id)
    addresses: set[str] = set()
    for page in (f"/models/{shapes.model_id}", "/models?tag=quayside"):
        addresses |= {html.unescape(found) for found in ADDRESS.findall(browser.get(page).text)}
    ours = sorted(address for address in addresses if address.startswith(("/", hub.url)))
    assert len(ours) > 8
    for address in ours:
        answer = browser.get(address)
        assert answer.status_code in (200, 302, 307), address
    pictures = [address for address in ours if "/image/" in address]
    assert pictures
    assert browser.get(pictures[0]).headers["content-type"] == "image/png"
    styles = [address for address in ours if ".css" in address]
    assert "immutable" in browser.get(styles[0]).headers["cache-control"]


def test_a_search_page_shows_what_was_found_and_what_was_not(
    hub: HubDriver, browser: httpx.Client, shapes: Shared, sketch: Shared
) -> None:
    text = check_page(browser.get("/models", params={"query": "quayside sketch"}))
    assert f'href="/models/{sketch.model_id}' in text
    assert 'value="quayside sketch"' in text
    nothing = check_page(browser.get("/models", params={"query": f"<b>{secrets.token_hex(8)}</b>"}))
    assert "Nothing found" in nothing
    assert "&lt;b&gt;" in nothing
    assert "<b>" not in nothing


def test_a_bad_filter_is_a_page_that_says_which(browser: httpx.Client) -> None:
    assert "types" in check_page(browser.get("/models", params={"types": "Nonsense"}), 400)
    assert "sort" in check_page(browser.get("/models", params={"sort": "Nonsense"}), 400)


@pytest.mark.parametrize(
    "path",
    ["/models/2147483647", "/models/2147483647/previews", "/model-versions/2147483647", "/no/such/page", "/robot"],
)
def test_an_unknown_address_is_a_page_that_leads_back(browser: httpx.Client, path: str) -> None:
    text = check_page(browser.get(path), 404)
    assert 'href="/"' in text


def test_an_unknown_address_is_a_problem_document_for_programs(hub: HubDriver) -> None:
    answer = hub.anonymous.get("/no/such/page")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-correlation-id"]


def test_a_version_has_an_address_of_its_own(hub: HubDriver, browser: httpx.Client, shapes: Shared) -> None:
    answer = browser.get(f"/model-versions/{shapes.version_id}")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/models/{shapes.model_id}?modelVersionId={shapes.version_id}"
    check_page(browser.get(answer.headers["location"]))
    missing = browser.get(f"/models/{shapes.model_id}", params={"modelVersionId": 2147483647})
    assert "no published version" in check_page(missing, 404)


def test_the_fragments_that_refresh_a_page_are_fragments(browser: httpx.Client, shapes: Shared) -> None:
    for part in ("previews", "files"):
        answer = browser.get(f"/models/{shapes.model_id}/{part}", params={"versionId": shapes.version_id})
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert answer.headers["content-security-policy"]


def test_what_people_write_cannot_break_out_of_a_page(hub: HubDriver, browser: httpx.Client, tmp_path: Path) -> None:
    mark = secrets.token_hex(4)
    path = small_safetensors(tmp_path / "script.safetensors")
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    version = hub.ask_to_publish(
        hub.admin, f"{attack} {mark}", path, tags=[f'"><{mark}>'], description=f"{attack} [x](javascript:alert(3))"
    )
    assert hub.wait_settled(version["id"])["status"] == "Published"
    eventually(lambda: version["modelId"] in hub.search(mark))
    for page in (f"/models/{version['modelId']}", f"/models?query={mark}"):
        text = check_page(browser.get(page))
        assert "alert(1)" in text
        assert "<script>alert" not in text
        elements = Elements(text)
        assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
        assert all(attributes.get("src") for tag, attributes in elements.found if tag == "script")
        assert not [attributes for _, attributes in elements.found if "javascript:" in (attributes.get("href") or "")]
        assert f"<{mark}>" not in text


def test_the_theme_of_the_cookie_is_kept(browser: httpx.Client) -> None:
    dark = check_page(browser.get("/", headers={"cookie": "easel-theme=dark"}))
    light = check_page(browser.get("/", headers={"cookie": "easel-theme=light"}))
    strange = check_page(browser.get("/", headers={"cookie": 'easel-theme="><script>'}))
    assert 'data-theme="dark"' in dark
    assert 'data-theme="light"' in light
    assert 'data-theme="dark"' not in strange


def test_the_api_describes_itself(hub: HubDriver) -> None:
    described = hub.anonymous.get("/schema/openapi.json")
    assert described.status_code == 200
    assert "/api/v1/models" in described.json()["paths"]
