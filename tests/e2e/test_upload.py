"""Uploads in parts: broken connections, restarted clients, second thoughts, and other people's uploads."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import httpx
import pytest

from tests.hub_driver import HubDriver, Json, eventually, publish_arguments, small_safetensors, sparse_safetensors

PART_BYTES = 32 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three parts."""
    return sparse_safetensors(tmp_path_factory.mktemp("large") / "breakwater.safetensors", 2 * PART_BYTES + 5_000_000)


def opened(hub: HubDriver, path: Path, client: httpx.Client | None = None) -> Json:
    """An upload for a file into a new draft."""
    client = client or hub.admin
    version = hub.new_version(client, f"Upload {secrets.token_hex(4)}")
    return hub.open_upload(client, version["id"], path)


def state(hub: HubDriver, upload: Json) -> Json:
    found: Json = hub.admin.get(f"/api/hub/uploads/{upload['id']}").json()
    return found


def part_url(hub: HubDriver, upload: Json, number: int) -> str:
    answer = hub.admin.post(f"/api/hub/uploads/{upload['id']}/urls", json={"parts": [number]})
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["urls"][0]["url"]
    return url


def complete(hub: HubDriver, upload: Json, parts: list[Json]) -> httpx.Response:
    return hub.admin.post(f"/api/hub/uploads/{upload['id']}/complete", json={"parts": parts})


def check_problem(answer: httpx.Response, status: int, *words: str) -> None:
    """The answer is a problem document of that status whose detail has these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    for word in words:
        assert word in answer.json()["detail"], answer.text


def test_after_a_broken_connection_only_the_missing_parts_are_sent(hub: HubDriver, large: Path) -> None:
    upload = opened(hub, large)
    assert (upload["partSizeBytes"], upload["partCount"], upload["parts"]) == (PART_BYTES, 3, [])
    first = hub.send_part(hub.admin, upload, large, 1)

    def half_a_part() -> object:
        yield b"\0" * 1_000_000
        raise ConnectionAbortedError("the line went dead")

    with pytest.raises((ConnectionAbortedError, httpx.HTTPError)):
        httpx.put(part_url(hub, upload, 2), content=half_a_part(), headers={"content-length": str(PART_BYTES)})  # type: ignore[arg-type]
    stored = state(hub, upload)
    assert [(part["number"], part["sizeBytes"]) for part in stored["parts"]] == [(1, PART_BYTES)]
    assert stored["parts"][0]["etag"].strip('"') == first["etag"].strip('"')
    listed = hub.admin.get("/api/hub/uploads", params={"versionId": upload["versionId"]}).json()["items"]
    assert [each["id"] for each in listed] == [upload["id"]]
    missing = sorted({1, 2, 3} - {part["number"] for part in stored["parts"]})
    parts = [first, *(hub.send_part(hub.admin, upload, large, number) for number in missing)]
    done = complete(hub, upload, parts)
    assert (done.status_code, done.json()["status"]) == (200, "complete")
    file = eventually(lambda: clean_file(hub, upload["versionId"]))
    assert file is not None
    with large.open("rb") as source:
        assert file["sha256"] == hashlib.file_digest(source, "sha256").hexdigest()


def clean_file(hub: HubDriver, version_id: int) -> Json | None:
    file: Json = hub.version(version_id)["files"][0]
    return file if file["state"] == "clean" else None


def test_a_publish_killed_in_the_middle_goes_on_where_it_stopped(hub: HubDriver, tmp_path: Path) -> None:
    path = sparse_safetensors(tmp_path / "pier.safetensors", 6 * PART_BYTES)
    _, client = hub.new_account()
    key = client.headers["authorization"].removeprefix("Bearer ")
    arguments = [*publish_arguments(path, f"Pier {secrets.token_hex(4)}"), "--wait"]
    first = hub.start_easel(*arguments, key=key)

    def some_parts() -> Json | None:
        uploads: list[Json] = client.get("/api/hub/uploads").json()["items"]
        return uploads[0] if uploads and uploads[0]["parts"] else None

    eventually(some_parts, every=0.02)
    first.kill()
    first.communicate()
    upload = some_parts()
    assert upload is not None, "the upload was over before it could be interrupted"
    kept = {part["number"] for part in upload["parts"]}
    second = hub.easel(*arguments, key=key)
    assert second.status == 0, second.stdout
    report = second.document
    assert report["resumed"] is True
    assert report["versionId"] == upload["versionId"]
    assert report["files"][0]["id"] == upload["fileId"]
    assert report["findable"] is True
    assert 0 < len(kept) < upload["partCount"], "the interruption left nothing to go on with"
    assert client.get("/api/hub/uploads").json()["items"] == []
    with path.open("rb") as source:
        assert report["files"][0]["sha256"] == hashlib.file_digest(source, "sha256").hexdigest()
    third = hub.easel(*arguments, key=key).document
    assert (third["modelId"], third["versionId"]) == (report["modelId"], report["versionId"])


def test_an_aborted_upload_takes_no_more_parts_and_leaves_its_name_free(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "second-thoughts.safetensors")
    upload = opened(hub, path)
    url = part_url(hub, upload, 1)
    for _ in range(2):
        assert hub.admin.delete(f"/api/hub/uploads/{upload['id']}").status_code == 204
    assert state(hub, upload)["status"] == "aborted"
    check_problem(httpx.put(url, content=path.read_bytes()), 410, "finished or aborted")
    answer = hub.admin.post(f"/api/hub/uploads/{upload['id']}/urls", json={"parts": [1]})
    check_problem(answer, 409, "aborted", "Open a new one")
    check_problem(complete(hub, upload, [{"number": 1, "etag": "x"}]), 409, "aborted")
    eventually(lambda: hub.version(upload["versionId"])["files"] == [])
    again = hub.upload(hub.admin, upload["versionId"], path)
    assert again["status"] == "complete"


def test_completing_twice_does_it_once(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "twice.safetensors")
    upload = opened(hub, path)
    part = hub.send_part(hub.admin, upload, path, 1)
    answers = [complete(hub, upload, [part]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert {answer.json()["status"] for answer in answers} == {"complete"}
    eventually(lambda: clean_file(hub, upload["versionId"]))
    assert complete(hub, upload, [part]).status_code == 200
    assert [file["state"] for file in hub.version(upload["versionId"])["files"]] == ["clean"]
    check_problem(hub.admin.delete(f"/api/hub/uploads/{upload['id']}"), 409, "arrived already")


def test_completing_without_all_parts_names_those_that_are_missing(hub: HubDriver, large: Path) -> None:
    upload = opened(hub, large)
    part = hub.send_part(hub.admin, upload, large, 2)
    check_problem(complete(hub, upload, [part]), 409, "2 of 3 parts are missing: 1, 3", "Send them")
    assert state(hub, upload)["status"] == "open"
    answer = hub.admin.post(f"/api/hub/versions/{upload['versionId']}/publish")
    check_problem(answer, 409, "breakwater.safetensors", "still being uploaded")
    assert hub.admin.delete(f"/api/hub/uploads/{upload['id']}").status_code == 204


def test_a_part_of_another_size_is_refused(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "sized.safetensors")
    upload = opened(hub, path)
    url = part_url(hub, upload, 1)
    data = path.read_bytes()
    check_problem(httpx.put(url, content=data[:-1]), 400, f"exactly {len(data):,} bytes")
    check_problem(httpx.put(url, content=data + b"\0"), 400, f"exactly {len(data):,} bytes")
    check_problem(httpx.put(url, content=iter([data])), 400, "Content-Length")
    assert state(hub, upload)["parts"] == []
    assert httpx.put(url, content=data).status_code == 200


def test_an_etag_that_is_not_the_parts_is_refused(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "tagged.safetensors")
    upload = opened(hub, path)
    part = hub.send_part(hub.admin, upload, path, 1)
    check_problem(complete(hub, upload, [{"number": 1, "etag": "0" * 32}]), 409, "Part 1", "Send it again")
    check_problem(complete(hub, upload, [part, {"number": 2, "etag": "0" * 32}]), 409, "Part 2")
    assert complete(hub, upload, [part]).status_code == 200


@pytest.mark.parametrize("numbers", [[2], [0], [10_001], [], ["one"], [1.5], list(range(1, 1002))])
def test_addresses_are_given_only_for_parts_that_the_upload_has(
    hub: HubDriver, tmp_path: Path, numbers: list[object]
) -> None:
    upload = opened(hub, small_safetensors(tmp_path / "numbered.safetensors"))
    check_problem(hub.admin.post(f"/api/hub/uploads/{upload['id']}/urls", json={"parts": numbers}), 400)


def test_somebody_elses_upload_is_as_good_as_none(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "mine.safetensors")
    upload = opened(hub, path)
    part = hub.send_part(hub.admin, upload, path, 1)
    _, stranger = hub.new_account()
    at = f"/api/hub/uploads/{upload['id']}"
    for answer in (
        stranger.get(at),
        stranger.delete(at),
        stranger.post(f"{at}/urls", json={"parts": [1]}),
        stranger.post(f"{at}/complete", json={"parts": [part]}),
    ):
        check_problem(answer, 404)
    assert stranger.get("/api/hub/uploads").json() == {"items": []}
    assert stranger.get("/api/hub/uploads", params={"versionId": upload["versionId"]}).json() == {"items": []}
    body = {"name": "theirs.safetensors", "sizeBytes": 10}
    answer = stranger.post(f"/api/hub/versions/{upload['versionId']}/uploads", json=body)
    check_problem(answer, 404)
    check_problem(hub.anonymous.get(at), 401)
    assert complete(hub, upload, [part]).status_code == 200


def test_two_files_of_a_version_have_different_names(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "same.safetensors")
    upload = opened(hub, path)
    body = {"name": path.name, "sizeBytes": 5}
    answer = hub.admin.post(f"/api/hub/versions/{upload['versionId']}/uploads", json=body)
    check_problem(answer, 409, "same.safetensors", "rename")
    listed = hub.admin.get("/api/hub/uploads", params={"versionId": upload["versionId"]}).json()["items"]
    assert [each["id"] for each in listed] == [upload["id"]], "the refused upload must not stay open"
    assert len(hub.version(upload["versionId"])["files"]) == 1


def test_the_files_of_a_published_version_are_final(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "final.safetensors")
    version = hub.ask_to_publish(hub.admin, f"Final {secrets.token_hex(4)}", path)
    published = hub.wait_settled(version["id"])
    body = {"name": "more.safetensors", "sizeBytes": 10}
    answer = hub.admin.post(f"/api/hub/versions/{version['id']}/uploads", json=body)
    check_problem(answer, 409, "final", "Add a new version")
    file_id = published["files"][0]["id"]
    check_problem(hub.admin.delete(f"/api/hub/versions/{version['id']}/files/{file_id}"), 409, "final")
