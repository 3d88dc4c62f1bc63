"""A search saved on the browse page, models that match it, and one notification of them."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import httpx

from tests.e2e.authorization.table import PASSWORD, post_form
from tests.hub_driver import HubDriver, Json, eventually, small_safetensors


def test_a_saved_search_tells_of_new_models_once_and_is_deleted_on_the_account_page(
    hub: HubDriver, tmp_path: Path
) -> None:
    word = f"Inkstone{secrets.token_hex(4)}"
    name, searcher = hub.new_account("member")
    _, creator = hub.new_account()

    def publish(*titles: str) -> list[int]:
        drafts = [
            hub.ask_to_publish(creator, title, small_safetensors(tmp_path / f"{secrets.token_hex(4)}.safetensors"))
            for title in titles
        ]
        return [hub.wait_settled(draft["id"])["modelId"] for draft in drafts]

    before = publish(f"{word} Before")
    eventually(lambda: hub.search(word) == before)
    browser = httpx.Client(base_url=hub.url, timeout=30)
    assert searcher.post("/api/hub/me/password", json={"password": PASSWORD}).status_code == 204
    assert post_form(browser, "/sign-in", {"username": name, "password": PASSWORD}).status_code == 303
    page = browser.get("/models", params={"query": word}).text
    address = re.search(r'name="address" value="([^"]+)"', page)
    assert address, page
    assert 'name="address"' not in hub.anonymous.get("/models", params={"query": word}).text
    form = {"name": "Inkstones", "address": address[1].replace("&amp;", "&")}
    assert post_form(browser, "/account/searches", form).headers["location"] == "/account?done=search-saved"
    assert "Inkstones" in browser.get("/account").text
    [saved] = searcher.get("/api/hub/searches").json()["items"]

    new = publish(f"{word} One", f"{word} Two")
    eventually(lambda: sorted(hub.search(word)) == sorted(before + new))

    def told() -> list[Json]:
        items: list[Json] = searcher.get("/api/hub/notifications").json()["items"]
        return items

    [notice] = eventually(told, seconds=60)
    assert (notice["kind"], notice["path"]) == ("search-matched", saved["url"])
    assert notice["title"] == "2 new models for your search Inkstones"
    assert f"{word} One" in notice["text"] and f"{word} Before" not in notice["text"]

    assert post_form(browser, f"/account/searches/{saved['id']}/delete", {}).status_code == 303
    assert searcher.get("/api/hub/searches").json()["items"] == []


def test_what_cannot_be_saved_is_refused_with_the_field(hub: HubDriver) -> None:
    _, searcher = hub.new_account("member")
    for filters in ("sort=Nonsense", "favorites=true", "ids=3", "availability=Private"):
        answer = searcher.post("/api/hub/searches", json={"name": "x", "filters": filters})
        assert answer.status_code == 400, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == ["filters"]
