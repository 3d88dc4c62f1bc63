"""Collections, favourites and hidden models, as their owners and as the compatible API shows them."""

from __future__ import annotations

import secrets

import httpx

from tests.e2e.authorization.table import PASSWORD, post_form
from tests.e2e.compatible import get, read
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, created, eventually


def listed(client: httpx.Client, **query: str | int) -> list[int]:
    answer = client.get("/api/v1/models", params={"limit": 100, **query})
    assert answer.status_code == 200, answer.text
    return [model["id"] for model in answer.json()["items"]]


def test_a_public_collection_is_in_the_compatible_api_and_counts(hub: HubDriver, shapes: Shared) -> None:
    name, client = hub.new_account("member")
    title = f"Kept {secrets.token_hex(4)}"
    made = created(client.post("/api/hub/collections", json={"name": title, "description": "Good ones."}))
    path = f"/api/hub/collections/{made['id']}"
    before = read(hub, f"/models/{shapes.model_id}")["stats"]["favoriteCount"]
    assert client.put(f"{path}/models/{shapes.model_id}").status_code == 204
    assert read(hub, "/collections", query=title)["items"] == []
    assert get(hub, f"/collections/{made['id']}", 404).json() == {"error": f"No collection with id {made['id']}"}
    assert client.patch(path, json={"isPublic": True}).status_code == 200

    def shown() -> Json:
        [item] = read(hub, "/collections", query=title)["items"]
        assert item["itemCount"] == 1
        return dict(item)

    item = eventually(shown)
    user = {"id": client.get("/api/v1/me").json()["id"], "username": name}
    assert {key: value for key, value in item.items() if key != "coverImageUrl"} == {
        "id": made["id"], "name": title, "description": "Good ones.", "type": "Model", "nsfwLevel": 1, "read": "Public",
        "isPublic": True, "itemCount": 1, "user": user,
    }  # fmt: skip
    hub.wait_previews(shapes.version_id)
    cover = eventually(lambda: read(hub, f"/collections/{made['id']}")["coverImageUrl"])
    assert httpx.get(cover).headers["content-type"].startswith("image/")
    one = read(hub, f"/collections/{made['id']}")
    assert one == {
        **{key: value for key, value in item.items() if key != "itemCount"},
        "coverImageUrl": cover,
        "tags": [],
    }
    assert hub.anonymous.get(f"{path}/models").json() == {"items": [shapes.model_id]}
    eventually(lambda: read(hub, f"/models/{shapes.model_id}")["stats"]["favoriteCount"] == before + 1)
    eventually(lambda: listed(hub.anonymous, sort="Most Collected")[0] == shapes.model_id)


def test_lists_of_collections_are_paged_and_checked(hub: HubDriver) -> None:
    _, client = hub.new_account("member")
    title = f"Paged {secrets.token_hex(4)}"
    ids = [created(client.post("/api/hub/collections", json={"name": title, "isPublic": True}))["id"] for _ in range(3)]
    page = read(hub, "/collections", query=title, limit=2)
    assert [item["id"] for item in page["items"]] == ids[:0:-1]
    assert page["metadata"]["nextCursor"] == str(ids[0])
    rest = httpx.get(page["metadata"]["nextPage"]).json()
    assert ([item["id"] for item in rest["items"]], rest["metadata"]) == ([ids[0]], {})
    assert client.put(f"/api/hub/collections/{ids[1]}/follow").status_code == 204
    assert read(hub, "/collections", query=title, sort="Most Followers")["items"][0]["id"] == ids[1]
    get(hub, "/collections", 400, sort="Most Followers", cursor="5")
    for wrong in ({"limit": 101}, {"sort": ""}, {"query": "x" * 101}, {"cursor": "x"}):
        assert get(hub, "/collections", 400, **wrong).json()["error"]["name"] == "ZodError"
    assert get(hub, "/collections/x", 404).json() == {"error": "No collection with id x"}


def test_favourites_and_hidden_models_are_lists_of_ones_own(hub: HubDriver, shapes: Shared) -> None:
    _, client = hub.new_account("member")
    hub.search("Quayside")  # it is in the index
    assert listed(client, favorites="true") == []
    for own_list in ("favorites", "hidden"):
        path = f"/api/hub/me/{own_list}/models"
        assert client.put(f"{path}/{shapes.model_id}").status_code == 204
        assert client.get(path).json() == {"items": [shapes.model_id]}
        assert listed(client, **{own_list: "true"}) == [shapes.model_id]
        assert listed(client, **{own_list: "true", "ids": "2147483647"}) == []
        assert len(listed(client, **{own_list: "false"})) >= 1
        assert client.delete(f"{path}/{shapes.model_id}").status_code == 204
        assert listed(client, **{own_list: "true"}) == []
        for value in ("true", "false", ""):
            answer = hub.anonymous.get(f"/api/v1/models?{own_list}={value}")
            assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})


def test_a_model_is_kept_and_let_go_on_pages_without_scripts(hub: HubDriver, shapes: Shared) -> None:
    name, client = hub.new_account("member")
    assert client.post("/api/hub/me/password", json={"password": PASSWORD}).status_code == 204
    browser = httpx.Client(base_url=hub.url, timeout=30)
    assert post_form(browser, "/sign-in", {"username": name, "password": PASSWORD}).status_code == 303
    page = f"/models/{shapes.model_id}"
    title = f"Kept {secrets.token_hex(4)}"
    assert "Put into" not in browser.get(page).text
    kept = post_form(browser, f"{page}/keep", {"in": "new", "name": title})
    assert kept.headers["location"] == f"{page}?done=kept"
    assert post_form(browser, f"{page}/keep", {"in": "favorites", "keep": "yes"}).status_code == 303
    shown = browser.get(page).text
    assert f'Take out of <span dir="auto">{title}</span>' in shown
    assert "No longer a favourite" in shown
    [own] = client.get("/api/hub/collections").json()["items"]
    path = f"/collections/{own['id']}"
    assert title in browser.get("/collections").text
    eventually(lambda: shapes.name in browser.get(path).text)
    assert hub.anonymous.get(path).status_code == 404
    form = {"name": f"{title}!", "description": "Seen.", "is_public": "yes"}
    assert post_form(browser, path, form).headers["location"] == f"{path}?done=changed"
    assert f"{title}!" in hub.anonymous.get(path).text
    assert post_form(browser, f"{path}/models/{shapes.model_id}/remove", {}).status_code == 303
    assert shapes.name not in browser.get(path).text
    assert post_form(browser, f"{path}/delete", {}).headers["location"] == "/collections?done=deleted"
    assert hub.anonymous.get(path).status_code == 404


def test_addresses_that_tools_make_by_themselves(hub: HubDriver, shapes: Shared) -> None:
    hub.wait_previews(shapes.version_id)
    image = eventually(lambda: read(hub, "/images", modelVersionId=shapes.version_id)["items"])[0]
    page = hub.anonymous.get(f"/images/{image['id']}")
    assert page.status_code == 200
    assert image["url"].partition(hub.url)[2] in page.text
    for path, location in (
        (f"/posts/{image['postId']}", f"/model-versions/{shapes.version_id}"),
        (f"/model-versions/{shapes.version_id}", f"/models/{shapes.model_id}?modelVersionId={shapes.version_id}"),
        ("/user/ADMIN", "/?username=admin"),
    ):
        assert hub.anonymous.get(path).headers["location"] == location
    for path in (
        f"/models/{shapes.model_id}/any-slug?modelVersionId={shapes.version_id}",
        f"/models/{shapes.model_id}",
    ):
        assert hub.anonymous.get(path).status_code == 200
    for path in ("/images/2147483647", "/user/nobody_of_that_name", "/collections/2147483647"):
        assert hub.anonymous.get(path).status_code == 404
