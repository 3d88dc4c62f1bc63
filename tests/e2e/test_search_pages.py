"""What the pages show of search: filters with counts, suggestions, and what is said where nothing is found."""

from __future__ import annotations

import re
import secrets
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from tests.e2e.conftest import Shared
from tests.e2e.test_pages import BROWSER, Elements, check_page
from tests.hub_driver import HubDriver, eventually, small_safetensors

OPTION = re.compile(
    r'name="([A-Za-z]+)" value="([^"]*)"( checked)?> <span dir="auto">[^<]*</span>'
    r'(?: <span class="option-count">([^<]+)<)?'
)
COUNT = re.compile(r'<p class="count" role="status">([\d,]+) models?</p>')
MARK = f"pier{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def browser(hub: HubDriver) -> httpx.Client:
    return httpx.Client(base_url=hub.url, headers=BROWSER, timeout=30)


@pytest.fixture(scope="module", autouse=True)
def published(hub: HubDriver, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Three models with one tag: their ids by name."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, model_type in (("Lantern", "LORA"), ("Gangway", "LORA"), ("Breakwater", "VAE")):
        path = small_safetensors(Path(folder / f"{name}.safetensors"), tensor=f"{name}.{MARK}")
        report = hub.publish(path, f"{name} {MARK}", model_type, "--tag", MARK)
        found[name] = report["modelId"]
    eventually(lambda: _all_found(hub), seconds=60)
    return found


def _all_found(hub: HubDriver) -> bool:
    answer = hub.anonymous.get("/api/v1/models", params={"tag": MARK})
    return len(answer.json()["items"]) == 3


def _options(text: str) -> dict[tuple[str, str], tuple[bool, str]]:
    """Whether each choice is checked, and the number beside it."""
    return {(name, unescape(value)): (bool(on), count) for name, value, on, count in OPTION.findall(text)}


def _total(text: str) -> int:
    counted = COUNT.search(text)
    assert counted, "no count on the page"
    return int(counted[1].replace(",", ""))


def test_the_number_beside_a_choice_is_the_number_of_models_after_choosing_it(browser: httpx.Client) -> None:
    start = [("tag", MARK), ("types", "VAE")]
    options = _options(check_page(browser.get(f"/?{urlencode(start)}")))
    assert options["types", "VAE"] == (True, "1")
    assert options["types", "LORA"] == (False, "2")
    assert options["tag", MARK] == (True, "1")
    tried = 0
    for (name, value), (is_chosen, count) in options.items():
        if is_chosen or not count.isdecimal():
            continue
        # Types are alternatives: what stands beside one is the number with this one alone.
        asked = [("tag", MARK), ("types", value)] if name == "types" else [*start, (name, value)]
        assert _total(check_page(browser.get(f"/?{urlencode(asked)}"))) == int(count), (name, value)
        tried += 1
    assert tried >= 3
    assert {name for name, _ in options} == {
        "types", "baseModels", "tag", "username", "fileFormats", "sizes", "allowCommercialUse",
    }  # fmt: skip


def test_programs_can_leave_models_out_and_sort_by_trend(hub: HubDriver, published: dict[str, int]) -> None:
    def ids(**params: str) -> set[int]:
        answer = hub.anonymous.get("/api/v1/models", params=params)
        assert answer.status_code == 200, answer.text
        return {item["id"] for item in answer.json()["items"]}

    loras = {published["Lantern"], published["Gangway"]}
    assert ids(query=f"tag:{MARK} -type:VAE") == loras
    assert ids(query=f"{MARK} -type:LORA") == {published["Breakwater"]}
    assert ids(query=f"tag:{MARK} -tag:{MARK}") == set()
    assert ids(tag=MARK, sort="Trending") == set(published.values())


def test_every_chosen_filter_has_a_cross_that_lifts_it_alone(browser: httpx.Client) -> None:
    text = check_page(browser.get("/", params={"tag": MARK, "types": "VAE", "sort": "Trending"}))
    chips = {unescape(attrs["href"] or "") for tag, attrs in Elements(text).found if attrs.get("class") == "chip"}
    assert chips == {f"/?tag={MARK}&sort=Trending", "/?types=VAE&sort=Trending"}
    assert _total(check_page(browser.get(f"/?tag={MARK}&sort=Trending"))) == 3


def test_what_is_typed_brings_models_and_tags(browser: httpx.Client, published: dict[str, int]) -> None:
    def suggested() -> bool:
        answer = browser.get("/models/suggestions", params={"query": MARK[:-2]})
        assert answer.status_code == 200, answer.text
        links = [attrs for tag, attrs in Elements(answer.text).found if attrs.get("role") == "option"]
        heads = {str(each["href"]).rsplit("/", 1)[0] for each in links}
        assert {f"/models/{model_id}" for model_id in published.values()} <= heads
        assert f"/?tag={MARK}" in {each["href"] for each in links}
        return True

    eventually(suggested)


def test_nothing_found_names_the_filter_that_hides_models(browser: httpx.Client) -> None:
    text = check_page(browser.get("/", params={"query": f"Lantern {MARK}", "types": "VAE", "tag": MARK}))
    assert "Nothing found" in text
    assert "Type: VAE" in text
    assert "Remove it to see 1 model" in text
    assert f"/?query=Lantern+{MARK}&amp;tag={MARK}" in text
    assert "Popular models" in text


def test_a_misspelt_name_is_answered_under_the_name_that_was_meant(browser: httpx.Client) -> None:
    text = check_page(browser.get("/", params={"query": "Braekwater", "tag": MARK}))
    assert re.search(r'Results for “<a href="/\?query=breakwater&amp;tag=[^"]+" dir="auto">breakwater</a>”', text)
    assert _total(text) == 1


def test_a_model_page_shows_similar_models_and_goes_on_without_search(
    hub: HubDriver, browser: httpx.Client, published: dict[str, int], shapes: Shared
) -> None:
    address = f"/models/{published['Lantern']}"

    def similar() -> bool:
        text = check_page(browser.get(address))
        row = text.partition('class="model-similar"')[2]
        assert f'href="/models/{published["Gangway"]}/' in row
        assert f'href="/models/{published["Lantern"]}/' not in row
        return True

    eventually(similar)
    hub.stop("search")
    try:
        assert "model-similar" not in check_page(browser.get(address))
        assert "Search is unavailable" in check_page(browser.get("/", params={"query": MARK}), 503)
        assert "<article" in check_page(browser.get(address))
    finally:
        hub.start("search")
        hub.wait_ready("search")
