"""Who may download what: the creator's choices, and how each kind of client is told."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.e2e.compatible import read
from tests.hub_driver import HubDriver, Json, created, eventually, small_safetensors

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}
DISABLED = "The creator of this asset has disabled downloads on this file"
LOGIN = "The creator of this asset requires you to be logged in to download it"


class Offered(msgspec.Struct, frozen=True):
    """A creator's published model."""

    hub: HubDriver
    client: httpx.Client
    model_id: int
    version_id: int

    def change(self, **facts: Any) -> None:
        answer = self.client.patch(f"/api/hub/versions/{self.version_id}", json=facts)
        assert answer.status_code == 200, answer.text

    def change_model(self, **facts: Any) -> None:
        answer = self.client.patch(f"/api/hub/models/{self.model_id}", json=facts)
        assert answer.status_code == 200, answer.text

    def ask(self, client: httpx.Client | None = None, *, browser: bool = False, query: str = "") -> httpx.Response:
        headers = BROWSER if browser else {"user-agent": "tool/1.0"}
        path = f"/api/download/models/{self.version_id}{query}"
        answer = (client or self.hub.anonymous).get(path, headers=headers)
        assert answer.headers.get("cache-control") == "no-store, max-age=0" or answer.status_code == 400
        return answer


def published(hub: HubDriver, client: httpx.Client, *paths: Path, **facts: Any) -> tuple[int, int]:
    version = hub.new_version(client, f"Offered {secrets.token_hex(4)}", **facts)
    for path in paths:
        hub.upload(client, version["id"], path)
    assert client.post(f"/api/hub/versions/{version['id']}/publish").status_code == 202
    assert hub.wait_settled(version["id"])["status"] == "Published"
    return version["modelId"], version["id"]


@pytest.fixture
def offered(hub: HubDriver, tmp_path: Path) -> Offered:
    _, client = hub.new_account()
    model_id, version_id = published(hub, client, small_safetensors(tmp_path / "offered.safetensors"))
    return Offered(hub, client, model_id, version_id)


def told(answer: httpx.Response) -> tuple[int, Json]:
    return answer.status_code, answer.json()


def test_a_creator_closes_the_files(offered: Offered) -> None:
    assert offered.ask().status_code == 307
    offered.change(usageControl="Generation")
    for browser in (False, True):
        refused = told(offered.ask(browser=browser))
        assert refused == (401, {"error": "Unauthorized", "message": DISABLED})
    assert read(offered.hub, f"/model-versions/{offered.version_id}")["usageControl"] == "Generation"
    offered.change(usageControl="Download")
    assert offered.ask().status_code == 307


def test_a_creator_asks_for_an_account(offered: Offered) -> None:
    offered.change(requireLogin=True)
    assert told(offered.ask()) == (401, {"error": "Unauthorized", "message": LOGIN})
    led = offered.ask(browser=True)
    assert led.status_code == 307
    back = f"returnUrl=%2Fmodel-versions%2F{offered.version_id}&reason=download-auth"
    assert led.headers["location"] == led.text == f"{offered.hub.url}/login?{back}"
    sign_in = httpx.get(led.headers["location"])
    assert sign_in.headers["location"] == f"/sign-in?next=%2Fmodel-versions%2F{offered.version_id}"
    _, member = offered.hub.new_account("member")
    assert offered.ask(member).status_code == 307
    key = member.headers["authorization"].removeprefix("Bearer ")
    address = offered.ask(query=f"?token={key}").headers["location"]
    assert httpx.get(address).status_code == 200
    offered.change(usageControl="Generation")
    assert httpx.get(address).status_code == 410  # where the hub hands out the bytes itself, it asks each time
    offered.change(usageControl="Download")
    assert read(offered.hub, f"/model-versions/mini/{offered.version_id}")["requireAuth"] is True


def test_early_access_is_for_some_and_then_for_all(offered: Offered) -> None:
    friend, friends_client = offered.hub.new_account("member")
    _, stranger = offered.hub.new_account("member")
    until = datetime.now(UTC) + timedelta(days=1)
    offered.change(earlyAccessUntil=until.isoformat(), earlyAccessFor=[friend.upper()])
    deadline = read(offered.hub, f"/model-versions/{offered.version_id}")["earlyAccessEndsAt"]
    assert datetime.fromisoformat(deadline) == until.replace(microsecond=until.microsecond // 1000 * 1000)
    refused = offered.ask(stranger)
    assert refused.status_code == 403
    assert (refused.json()["error"], refused.json()["deadline"]) == ("Early Access", deadline)
    assert offered.ask(browser=True).headers["location"] == f"{offered.hub.url}/model-versions/{offered.version_id}"
    for client in (friends_client, offered.client, offered.hub.admin):
        assert httpx.get(offered.ask(client).headers["location"]).status_code == 200
    found = eventually(lambda: listed(offered, earlyAccess="true")) or {}
    assert found["modelVersions"][0]["earlyAccessDeadline"] == deadline
    assert listed(offered, ids="") is None  # plain browsing shows what is for everybody at once
    assert listed(offered, ids=str(offered.model_id)) is not None
    offered.change(earlyAccessUntil=(datetime.now(UTC) + timedelta(milliseconds=50)).isoformat())
    eventually(lambda: listed(offered, ids=""))
    assert offered.ask(stranger).status_code == 307
    shown = read(offered.hub, f"/models/{offered.model_id}")["modelVersions"][0]
    assert (shown["availability"], shown["paidAccess"]) == ("Public", None)


def listed(offered: Offered, **query: str) -> Json | None:
    """The model in the newest page of a list, if it is there."""
    items = read(offered.hub, "/models", sort="Newest", limit=100, **query)["items"]
    return next((item for item in items if item["id"] == offered.model_id), None)


def test_an_archived_model_is_shown_to_those_who_ask_and_given_to_nobody(offered: Offered) -> None:
    eventually(lambda: listed(offered))
    offered.change_model(archived=True)
    for client in (None, offered.client, offered.hub.admin):
        refused = told(offered.ask(client))
        assert refused == (410, {"error": "Model archived, not available for download"})
    assert offered.ask(browser=True).text == "Model archived, not available for download"
    eventually(lambda: listed(offered) is None)
    found = listed(offered, archived="true")
    assert found is not None
    assert (found["mode"], found["modelVersions"][0]["files"]) == ("Archived", [])
    whole = read(offered.hub, f"/models/{offered.model_id}")
    assert whole["mode"] == "Archived" and "downloadUrl" not in whole["modelVersions"][0]
    assert "downloadUrl" not in read(offered.hub, f"/model-versions/{offered.version_id}")
    offered.change_model(archived=False)
    assert offered.ask().status_code == 307
    eventually(lambda: listed(offered))


def test_a_private_model_is_its_owners(offered: Offered) -> None:
    hub = offered.hub
    name = offered.client.get("/api/hub/me").json()["username"]
    eventually(lambda: listed(offered))
    offered.change_model(availability="Private")
    for path in (f"/models/{offered.model_id}", f"/model-versions/{offered.version_id}"):
        assert hub.anonymous.get(f"/api/v1{path}").status_code == 404
    assert told(offered.ask()) == (403, {"error": "You do not have access to download this file"})
    assert offered.ask(offered.client).status_code == 307
    eventually(lambda: listed(offered, username=name) is None)
    private = offered.client.get("/api/v1/models", params={"availability": "Private", "username": name}).json()
    assert [item["id"] for item in private["items"]] == [offered.model_id]
    for client, query in ((offered.client, ""), (hub.anonymous, f"&username={name}")):
        answer = client.get(f"/api/v1/models?availability=Private{query}")
        assert told(answer) == (401, {"error": "Unauthorized"})
    offered.change_model(availability="Unsearchable")
    assert read(hub, f"/models/{offered.model_id}")["availability"] == "Unsearchable"
    assert eventually(lambda: listed(offered, username=name)) is not None
    assert listed(offered) is None
    assert offered.ask().status_code == 307


def test_models_of_real_people_are_their_owners_to_list_and_to_download(offered: Offered) -> None:
    eventually(lambda: listed(offered))
    offered.change_model(poi=True)
    assert told(offered.ask()) == (404, {"error": "File not found"})
    assert offered.ask(browser=True).text == "File not found"
    for client in (offered.client, offered.hub.admin):
        assert offered.ask(client).status_code == 307
    eventually(lambda: listed(offered) is None)
    own = offered.client.get("/api/v1/models", params={"sort": "Newest", "limit": 100}).json()["items"]
    assert offered.model_id in [item["id"] for item in own]


@pytest.mark.parametrize(
    "facts", [{"poi": True}, {"availability": "Private"}, {"availability": "Private", "archived": True}]
)
def test_the_tensors_of_what_nobody_may_download_are_not_shown(hub: HubDriver, offered: Offered, facts: Json) -> None:
    path = f"/api/v1/model-files/{hub.version(offered.version_id)['files'][0]['id']}/tensor-metadata"
    assert hub.anonymous.get(path).status_code == 200
    offered.change_model(**facts)
    assert told(hub.anonymous.get(path)) == (404, {"error": "File not found"})


def test_the_tensors_of_a_file_are_shown_to_those_who_may_download_it(offered: Offered) -> None:
    friend, friends_client = offered.hub.new_account("member")
    _, stranger = offered.hub.new_account("member")
    path = f"/api/v1/model-files/{offered.hub.version(offered.version_id)['files'][0]['id']}/tensor-metadata"
    until = datetime.now(UTC) + timedelta(days=1)
    offered.change(earlyAccessUntil=until.isoformat(), earlyAccessFor=[friend.upper()])
    for client in (offered.hub.anonymous, stranger):
        assert told(client.get(path)) == (403, {"error": "You do not have access to this file"})
    for client in (friends_client, offered.client, offered.hub.admin):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "max-age=0, private, no-cache")
    offered.change_model(availability="Private")
    assert told(friends_client.get(path)) == (404, {"error": "File not found"})
    assert offered.client.get(path).status_code == 200


def test_moderators_list_models_of_other_statuses(offered: Offered) -> None:
    draft = created(offered.client.post("/api/hub/models", json={"name": "A draft", "type": "LORA"}))
    query: dict[str, str | int] = {"status": "Draft", "limit": 5}
    assert draft["id"] in [item["id"] for item in offered.hub.admin.get("/api/v1/models", params=query).json()["items"]]
    for client in (offered.hub.anonymous, offered.client):
        found = client.get("/api/v1/models", params=query).json()["items"]
        assert draft["id"] not in [item["id"] for item in found]


def test_a_status_means_models_of_that_status_and_other_filters_hold_as_well(offered: Offered) -> None:
    creator = read(offered.hub, f"/models/{offered.model_id}")["creator"]["username"]
    body = {"name": "A draft", "type": "VAE", "tags": ["Unheard of"]}
    draft = created(offered.client.post("/api/hub/models", json=body))["id"]

    def found(**query: Any) -> list[int]:
        answer = offered.hub.admin.get("/api/v1/models", params={"username": creator, **query})
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert found(status="Draft") == [draft]
    assert found(status=["Draft", "Published"]) == [draft, offered.model_id]
    assert found(status="Scheduled") == []
    for query in ({"types": "LORA"}, {"ids": offered.model_id}, {"tag": "heard"}, {"tag": "\0"}, {"tag": "x" * 9000}):
        assert found(status="Draft", **query) == [], query
    for query in ({"types": "VAE"}, {"ids": draft}, {"tag": "unheard OF"}):
        assert found(status="Draft", **query) == [draft], query


def test_private_models_come_in_pages_like_all_others(hub: HubDriver, offered: Offered, tmp_path: Path) -> None:
    creator = read(hub, f"/models/{offered.model_id}")["creator"]["username"]
    second, _ = published(hub, offered.client, small_safetensors(tmp_path / "second.safetensors"))
    for model_id in (offered.model_id, second):
        answer = offered.client.patch(f"/api/hub/models/{model_id}", json={"availability": "Private"})
        assert answer.status_code == 200, answer.text

    def ask(**query: Any) -> httpx.Response:
        query = {"availability": "Private", "username": creator, "limit": 1, **query}
        return offered.client.get("/api/v1/models", params=query)

    first = ask(page=1).json()
    followed = offered.client.get(first["metadata"]["nextPage"]).json()
    for page, expected in ((first, second), (followed, offered.model_id), (ask(page=2).json(), offered.model_id)):
        assert [item["id"] for item in page["items"]] == [expected]
    assert "nextPage" not in followed["metadata"]
    assert ask(page=3).json()["items"] == []
    assert ask(baseModels="Pony").json()["items"] == []
    for strange in ("x", "0", "-1", "4294967296", "1|2"):
        refused = ask(cursor=strange)
        assert refused.status_code == 400
        assert refused.json()["message"].startswith("Invalid cursor: "), refused.text


def test_a_linked_version_gives_the_component_and_preferences_choose_the_file(
    hub: HubDriver, tmp_path: Path, offered: Offered
) -> None:
    _, vae = published(hub, offered.client, small_safetensors(tmp_path / "a vae.safetensors", 3000))
    assert offered.ask(query="?type=VAE").status_code == 404
    offered.change(components=[{"type": "VAE", "versionId": vae}])
    answer = offered.ask(query="?type=VAE")
    assert answer.status_code == 307
    assert httpx.get(answer.headers["location"]).content == (tmp_path / "a vae.safetensors").read_bytes()
    shown = read(hub, f"/models/{offered.model_id}")["modelVersions"][0]
    assert (shown["vaeId"], shown["files"][-1]["type"]) == (vae, "VAE")
    assert [file["primary"] for file in shown["files"]] == [True, False]
    for query in ("?size=huge", f"?fp={'x' * 65}", f"?quantType={'x' * 65}", "?type=Nonsense", "?fileId=x"):
        assert offered.ask(query=query).status_code == 400, query
    preferences = {"format": "SafeTensor", "size": "full", "fp": "fp32", "quantType": None}
    assert offered.client.put("/api/hub/me/file-preferences", json=preferences).json() == preferences
    assert offered.client.get("/api/hub/me/file-preferences").json() == preferences
    assert offered.ask(offered.client).status_code == 307
