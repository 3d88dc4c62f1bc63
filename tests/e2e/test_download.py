"""Downloads as tools make them: a redirect, then the bytes, whole or in ranges; and nothing that is not clean."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import httpx
import msgspec
import pytest

from services.gateway.relay_token import DownloadGrant, Grants, PartGrant
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, eventually, small_safetensors


class Published(msgspec.Struct, frozen=True):
    """A published file and what is inside."""

    version_id: int
    model_id: int
    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@pytest.fixture(scope="module")
def lighthouse(hub: HubDriver, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A small published file."""
    path = small_safetensors(tmp_path_factory.mktemp("download") / "lighthouse.safetensors", 200_000)
    version = hub.ask_to_publish(hub.admin, f"Lighthouse {secrets.token_hex(4)}", path)
    assert hub.wait_settled(version["id"])["status"] == "Published"
    return Published(version["id"], version["modelId"], path.name, path.read_bytes())


def test_a_download_redirects_to_an_absolute_address_that_names_the_file(hub: HubDriver, lighthouse: Published) -> None:
    answer = hub.anonymous.get(f"/api/download/models/{lighthouse.version_id}")
    location = httpx.URL(answer.headers["location"])
    assert answer.status_code == 307
    assert str(location).startswith(f"{hub.url}/")
    assert location.path.endswith(f"/{lighthouse.name}")
    assert location.params["response-content-disposition"] == f'attachment; filename="{lighthouse.name}"'
    assert answer.text == answer.headers["location"]
    assert answer.headers["cache-control"] == "no-store, max-age=0"
    assert "content-disposition" not in answer.headers


def test_the_bytes_are_the_published_ones_with_the_headers_that_tools_read(
    hub: HubDriver, lighthouse: Published
) -> None:
    answer = httpx.get(hub.address(lighthouse.version_id), headers={"accept-encoding": "gzip, br"})
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == lighthouse.sha256
    version = hub.anonymous.get(f"/api/v1/model-versions/{lighthouse.version_id}").json()
    assert version["files"][0]["hashes"]["SHA256"].lower() == lighthouse.sha256
    assert version["files"][0]["name"] == lighthouse.name
    assert answer.headers["content-length"] == str(len(lighthouse.data))
    assert answer.headers["content-disposition"] == f'attachment; filename="{lighthouse.name}"'
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    assert "content-encoding" not in answer.headers
    assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize("key", [None, "valid", "None", "stale" * 8])
@pytest.mark.parametrize("ranged", [False, True])
def test_a_key_kept_over_the_redirect_does_no_harm(
    hub: HubDriver, lighthouse: Published, key: str | None, ranged: bool
) -> None:
    shown = hub.admin_key if key == "valid" else key
    headers = {"authorization": f"Bearer {shown}"} if shown else {}
    headers |= {"range": "bytes=100-"} if ranged else {}
    path = f"{hub.url}/api/download/models/{lighthouse.version_id}"
    redirect = httpx.get(path, headers=headers)
    answer = httpx.get(redirect.headers["location"], headers=headers)
    assert answer.status_code == (206 if ranged else 200)
    assert answer.content == (lighthouse.data[100:] if ranged else lighthouse.data)
    by_query = httpx.get(path, params={"token": shown or ""})
    assert by_query.status_code == 307


def test_every_kind_of_range_gets_exactly_its_bytes(hub: HubDriver, lighthouse: Published) -> None:
    address, data, size = hub.address(lighthouse.version_id), lighthouse.data, len(lighthouse.data)
    for written, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=1000-", 1000, size - 1),
        ("bytes=-10", size - 10, size - 1),
        (f"bytes={size - 1}-", size - 1, size - 1),
        (f"bytes=5-{size + 1000}", 5, size - 1),
        (f"bytes=-{size * 2}", 0, size - 1),
    ):
        for method in ("GET", "HEAD"):
            answer = httpx.request(method, address, headers={"range": written})
            assert answer.status_code == 206, written
            assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
            assert answer.headers["content-length"] == str(last - first + 1)
            assert answer.content == (data[first : last + 1] if method == "GET" else b"")


@pytest.mark.parametrize("written", ["bytes=0-1,5-6", "lines=1-2", "bytes=9-3", "bytes=-", "garbage"])
def test_a_range_that_is_not_one_gets_the_whole_file(hub: HubDriver, lighthouse: Published, written: str) -> None:
    answer = httpx.get(hub.address(lighthouse.version_id), headers={"range": written})
    assert (answer.status_code, answer.content) == (200, lighthouse.data)


@pytest.mark.parametrize("beyond", [0, 1, 10**15])
def test_a_range_past_the_end_says_how_long_the_file_is(hub: HubDriver, lighthouse: Published, beyond: int) -> None:
    size = len(lighthouse.data)
    answer = httpx.get(hub.address(lighthouse.version_id), headers={"range": f"bytes={size + beyond}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert (answer.headers["content-length"], answer.content) == ("0", b""), "a tool may append what comes"


def test_if_range_continues_the_same_file_and_restarts_another(hub: HubDriver, lighthouse: Published) -> None:
    address = hub.address(lighthouse.version_id)
    head = httpx.head(address)
    same = httpx.get(address, headers={"range": "bytes=7-", "if-range": head.headers["etag"]})
    assert (same.status_code, same.content) == (206, lighthouse.data[7:])
    other = httpx.get(address, headers={"range": "bytes=7-", "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, lighthouse.data)
    unchanged = httpx.get(address, headers={"if-none-match": head.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    weakened = httpx.get(address, headers={"if-none-match": f'"another", W/{head.headers["etag"]}'})
    assert (weakened.status_code, weakened.content) == (304, b"")
    again = httpx.head(hub.address(lighthouse.version_id))
    assert again.headers["etag"] == head.headers["etag"], "a resumed download asks for a new address"


def test_a_file_has_a_date_by_which_a_download_can_be_resumed(hub: HubDriver, lighthouse: Published) -> None:
    head = httpx.head(hub.address(lighthouse.version_id))
    assert head.headers["last-modified"].endswith(" GMT")
    dated = {"range": "bytes=7-", "if-range": head.headers["last-modified"]}
    assert httpx.get(hub.address(lighthouse.version_id), headers=dated).status_code == 206


def test_head_is_answered_like_get_and_counts_no_download(hub: HubDriver, lighthouse: Published) -> None:
    path = f"/api/download/models/{lighthouse.version_id}"
    redirect = hub.anonymous.head(path)
    assert redirect.status_code == 307
    answer = httpx.head(redirect.headers["location"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(lighthouse.data))


def downloads_of(hub: HubDriver, version_id: int) -> int:
    count: int = hub.anonymous.get(f"/api/v1/model-versions/{version_id}").json()["stats"]["downloadCount"]
    return count


def test_downloads_are_counted_once_each_and_heads_are_not(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "counted.safetensors")
    version = hub.ask_to_publish(hub.admin, f"Counted {secrets.token_hex(4)}", path)
    assert hub.wait_settled(version["id"])["status"] == "Published"
    for _ in range(3):
        hub.anonymous.head(f"/api/download/models/{version['id']}")
        hub.address(version["id"])
    eventually(lambda: downloads_of(hub, version["id"]) == 3)
    model = hub.anonymous.get(f"/api/v1/models/{version['modelId']}").json()
    assert model["stats"]["downloadCount"] == model["modelVersions"][0]["stats"]["downloadCount"] == 3


def test_a_forged_or_expired_address_is_refused(
    hub: HubDriver, lighthouse: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = hub.address(lighthouse.version_id)
    token = httpx.URL(address).path.split("/")[3]
    forged = address.replace(token, token[:-3] + ("AAA" if not token.endswith("AAA") else "BBB"))
    grant = DownloadGrant(lighthouse.version_id, 1, lighthouse.sha256, lighthouse.name, len(lighthouse.data))
    another_secret = address.replace(token, Grants("x" * 40).issue(grant))
    signed = Grants(secret_of(hub))
    two_days_ago = time.time() - timedelta(days=2).total_seconds()
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: two_days_ago)
        expired = address.replace(token, signed.issue(grant))
    another_kind = address.replace(token, signed.issue(PartGrant("http://127.0.0.1:1/", 5)))
    for bad in (forged, another_secret, expired, another_kind):
        answer = httpx.get(bad)
        assert answer.status_code == 403, bad
        assert answer.headers["content-type"] == "application/problem+json"
        assert lighthouse.data[:50] not in answer.content
    assert "expired" in httpx.get(expired).json()["detail"]


def secret_of(hub: HubDriver) -> str:
    return hub.running.hub.environment()["EASEL_SECRET"]


@pytest.mark.parametrize("version_id", ["2147483647", "0", "99999999999999", "abc"])
def test_an_unknown_version_is_a_json_error_for_tools_and_text_for_browsers(hub: HubDriver, version_id: str) -> None:
    path = f"/api/download/models/{version_id}"
    answer = hub.anonymous.get(path, headers={"user-agent": "python-requests/2.31"})
    if version_id.isdecimal() and len(version_id) <= 10:
        assert (answer.status_code, answer.json()) == (404, {"error": "File not found"})
        browser = hub.anonymous.get(path, headers={"user-agent": "Mozilla/5.0"})
        assert (browser.status_code, browser.text) == (404, "File not found")
    else:
        assert answer.status_code == 400
        assert isinstance(answer.json()["error"], str)


def test_a_wish_that_the_file_contradicts_is_not_found(hub: HubDriver, shapes: Shared) -> None:
    path = f"/api/download/models/{shapes.version_id}"
    for query, status in (
        ("format=SafeTensor", 307), ("type=Model&format=SafeTensor&unknown=1&size=&token=", 307),
        ("format=PickleTensor", 404), ("type=VAE", 404), ("fileId=2147483647", 404), ("type=Modell", 400),
        ("fileId=x", 400),
    ):  # fmt: skip
        answer = hub.anonymous.get(f"{path}?{query}")
        assert answer.status_code == status, query
        assert status == 307 or isinstance(answer.json()["error"], str)


def everywhere(hub: HubDriver, version: Json, data: bytes) -> None:
    """Nobody, not even the owner, gets the bytes of this version by any address that the hub has."""
    file = version["files"][0]
    sha256 = hashlib.sha256(data).hexdigest()
    for client in (hub.anonymous, hub.admin):
        for query in ("", f"?fileId={file['id']}", "?type=Model", "?format=SafeTensor"):
            answer = client.get(f"/api/download/models/{version['id']}{query}")
            assert (answer.status_code, answer.json()) == (404, {"error": "File not found"})
        shown = client.get(f"/api/v1/model-versions/{version['id']}")  # moderators see it, without its files
        assert shown.status_code == 404 or (client is hub.admin and shown.json()["files"] == [])
        assert client.get(f"/api/v1/models/{version['modelId']}").status_code == 404
        assert client.get(f"/api/v1/model-versions/by-hash/{sha256}").status_code == 404
        assert client.get(f"/api/v1/models?ids={version['modelId']}&nsfw=true").json()["items"] == []
        assert client.get(f"/image/{sha256}.png/original=true/1.png").status_code == 404
    assert hub.anonymous.get(f"/api/hub/versions/{version['id']}").status_code == 404
    # Even an address signed by the hub itself leads nowhere, should one ever exist.
    grant = DownloadGrant(version["id"], file["id"], sha256, file["name"], len(data))
    token = Grants(secret_of(hub)).issue(grant)
    answer = httpx.get(f"{hub.url}/store/files/{token}/{unquote(file['name'])}")
    assert answer.status_code == 410


def test_nothing_can_be_downloaded_before_it_is_clean(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "early.safetensors", 100_000)
    version = hub.new_version(hub.admin, f"Early {secrets.token_hex(4)}")
    upload = hub.open_upload(hub.admin, version["id"], path)
    part = hub.send_part(hub.admin, upload, path, 1)
    everywhere(hub, {**hub.version(version["id"]), "state": "uploading"}, path.read_bytes())
    hub.stop("scanner")
    try:
        done = hub.admin.post(f"/api/hub/uploads/{upload['id']}/complete", json={"parts": [part]})
        assert done.status_code == 200
        hub.admin.post(f"/api/hub/versions/{version['id']}/publish")
        waiting = hub.version(version["id"])
        assert (waiting["status"], waiting["files"][0]["state"]) == ("Scanning", "pending")
        everywhere(hub, waiting, path.read_bytes())
    finally:
        hub.start("scanner")
    assert hub.wait_settled(version["id"])["status"] == "Published"
    assert hub.download(version["id"]) == path.read_bytes()


def test_a_clean_file_of_a_draft_is_its_owners_and_the_moderators(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "draft.safetensors", 10_000)
    _, owner = hub.new_account()
    _, stranger = hub.new_account()
    version = hub.new_version(owner, f"Draft {secrets.token_hex(4)}")
    hub.upload(owner, version["id"], path)
    eventually(lambda: hub.version(version["id"])["files"][0]["state"] == "clean")
    address = f"/api/download/models/{version['id']}"
    for client in (hub.anonymous, stranger):
        assert client.get(address).json() == {"error": "File not found"}
        assert client.get(f"/api/v1/model-versions/{version['id']}").status_code == 404
    for client in (owner, hub.admin):
        assert httpx.get(client.get(address).headers["location"]).content == path.read_bytes()


def test_a_refused_file_can_be_downloaded_by_nobody(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "cut.safetensors", 10_000)
    path.write_bytes(path.read_bytes()[:-1])
    version = hub.ask_to_publish(hub.admin, f"Cut {secrets.token_hex(4)}", path)
    assert hub.wait_settled(version["id"])["status"] == "Refused"
    everywhere(hub, hub.version(version["id"]), path.read_bytes())
