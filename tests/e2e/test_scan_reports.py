"""Scan reports, duplicates, and the way of a refused file by appeal to a moderator's word."""

from __future__ import annotations

import pickle
import secrets
from pathlib import Path

import httpx
import pytest

from tests.e2e.authorization.table import PASSWORD, post_form
from tests.hub_driver import HubDriver, Json, created, eventually, small_safetensors


def report_of(hub: HubDriver, version: Json, client: httpx.Client | None = None) -> Json:
    answer = (client or hub.anonymous).get(f"/api/hub/files/{version['files'][0]['id']}/scan")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def signed_in(hub: HubDriver, client: httpx.Client, name: str) -> httpx.Client:
    browser = httpx.Client(base_url=hub.url, timeout=30)
    assert client.post("/api/hub/me/password", json={"password": PASSWORD}).status_code == 204
    assert post_form(browser, "/sign-in", {"username": name, "password": PASSWORD}).status_code == 303
    return browser


def test_the_same_bytes_are_judged_once_and_the_report_says_so(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "twin.safetensors")
    versions = []
    for name in ("First", "Second"):
        _, owner = hub.new_account()
        version = hub.ask_to_publish(owner, f"{name} {secrets.token_hex(4)}", path)
        versions.append(hub.wait_settled(version["id"]))
    assert [version["status"] for version in versions] == ["Published", "Published"]
    first, second = (report_of(hub, version) for version in versions)
    assert (first["sameBytesAs"], second["sameBytesAs"]) == (None, first["fileId"])
    for same in ("sha256", "hashes", "scannedAt", "steps", "rulesVersion", "scannerVersion"):
        assert first[same] == second[same]
    assert [(step["name"], step["verdict"]) for step in first["steps"]] == [
        ("content", "clean"), ("imports", "none"), ("antivirus", "not-scanned"),
    ]  # fmt: skip
    page = hub.anonymous.get(f"/files/{first['fileId']}/scan")
    assert page.status_code == 200 and "not virus scanned" in page.text and first["rulesVersion"] in page.text


@pytest.fixture
def refused(hub: HubDriver, tmp_path: Path) -> tuple[Json, httpx.Client, str]:
    """A version refused for a harmless pickle that is no checkpoint, with its owner."""
    path = tmp_path / f"{secrets.token_hex(4)}.ckpt"
    path.write_bytes(pickle.dumps({"mark": secrets.token_hex(8)}, protocol=2))
    name, owner = hub.new_account()
    version = hub.wait_settled(hub.ask_to_publish(owner, f"Odd {secrets.token_hex(4)}", path)["id"])
    assert version["status"] == "Refused"
    return version, owner, name


def test_a_refused_file_passes_by_an_appeal(hub: HubDriver, refused: tuple[Json, httpx.Client, str]) -> None:
    version, owner, name = refused
    file_id = version["files"][0]["id"]
    report = report_of(hub, version, owner)
    assert report["findings"] and all(finding["advice"] for finding in report["findings"])
    assert hub.anonymous.get(f"/api/hub/files/{file_id}/scan").status_code == 404
    browser = signed_in(hub, owner, name)
    own = f"/models/{version['modelId']}"
    assert f'href="/files/{file_id}/scan"' in browser.get(own).text
    assert httpx.get(f"{hub.url}{own}").status_code == 404
    page = browser.get(f"/files/{file_id}/scan").text
    assert "Appeal to the moderators" in page and "What to do" in page

    def appeal() -> httpx.Response:
        answer = post_form(browser, f"/files/{file_id}/appeal", {"text": "It holds one word."})
        assert answer.status_code == 303, answer.text
        return answer

    eventually(appeal)
    _, moderator = hub.new_account("moderator")
    waiting = moderator.get("/api/hub/moderation/appeals", params={"limit": 100}).json()["items"]
    [mine] = [each for each in waiting if each["fileId"] == file_id]
    assert (mine["text"], mine["username"]) == ("It holds one word.", name)
    decided = moderator.post(f"/api/hub/moderation/appeals/{mine['id']}/accept", json={"reason": "It is harmless."})
    assert decided.status_code == 202, decided.text

    published = eventually(
        lambda: found if (found := hub.version(version["id"]))["status"] == "Published" else None, 60
    )
    assert published is not None and published["files"][0]["override"] == "It is harmless."
    assert hub.download(version["id"])
    shown = report_of(hub, version)
    assert (shown["state"], shown["override"]["reason"]) == ("clean", "It is harmless.")
    assert "It is harmless." in hub.anonymous.get(f"/files/{file_id}/scan").text
    told = eventually(lambda: owner.get("/api/hub/notifications").json()["items"])
    assert [item["kind"] for item in told] == ["appeal-accepted"]
    assert browser.get("/account/notifications/unread").json() == {"unread": 1}
    assert "was accepted" in browser.get("/account/notifications").text
    assert post_form(browser, "/account/notifications/read", {}).status_code == 303
    assert browser.get("/account/notifications/unread").json() == {"unread": 0}
    log = moderator.get("/api/hub/moderation/appeals", params={"status": "accepted", "limit": 100}).json()["items"]
    assert file_id in [each["fileId"] for each in log]


def test_a_rejected_appeal_leaves_the_file_refused(hub: HubDriver, refused: tuple[Json, httpx.Client, str]) -> None:
    version, owner, _ = refused
    file_id = version["files"][0]["id"]
    _, stranger = hub.new_account()
    asked = {"text": "It is harmless."}
    appeal = eventually(lambda: created(owner.post(f"/api/hub/files/{file_id}/appeals", json=asked)))
    again = owner.post(f"/api/hub/files/{file_id}/appeals", json=asked)
    assert again.is_success and again.json()["id"] == appeal["id"]
    assert stranger.post(f"/api/hub/files/{file_id}/appeals", json=asked).status_code == 404
    _, moderator = hub.new_account("moderator")
    path = f"/api/hub/moderation/appeals/{appeal['id']}/reject"
    assert moderator.post(path, json={"reason": "It is no model."}).status_code == 202
    assert moderator.post(path, json={"reason": "It is no model."}).status_code == 409
    told = eventually(lambda: owner.get("/api/hub/notifications").json()["items"])
    assert (told[0]["kind"], "It is no model." in told[0]["text"]) == ("appeal-rejected", True)
    assert hub.version(version["id"])["status"] == "Refused"
    assert report_of(hub, version, owner)["appeal"]["status"] == "rejected"
