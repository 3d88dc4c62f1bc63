"""Documents that the gateway keeps for strangers: the same as those it reads, and never long behind."""

from __future__ import annotations

import secrets
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.hub_driver import HubDriver, Json, eventually, small_safetensors

_OF_EACH_ANSWER = {"date", "x-correlation-id"}


def _kept(hub: HubDriver) -> float:
    page = text_string_to_metric_families(httpx.get(f"{hub.url}/metrics").text)
    samples = (sample for family in page for sample in family.samples)
    found = (s.value for s in samples if s.name == "easel_document_reads_total" and s.labels["result"] == "kept")
    return sum(found)


def _read_until_kept(hub: HubDriver, path: str) -> httpx.Response:
    """Ask until the answer is one that was kept: other tests may read too, and changes may be on their way."""

    def ask() -> httpx.Response | None:
        before = _kept(hub)
        answer = httpx.get(hub.url + path)
        return answer if _kept(hub) > before else None

    found = eventually(ask)
    assert found is not None
    return found


@pytest.fixture
def published(hub: HubDriver, tmp_path: Path) -> tuple[httpx.Client, Json]:
    path = small_safetensors(tmp_path / "kept.safetensors", 3000)
    _, client = hub.new_account()
    version = hub.ask_to_publish(client, f"Kept {secrets.token_hex(4)}", path, tags=["kept"])
    assert hub.wait_settled(version["id"])["status"] == "Published"
    return client, hub.version(version["id"])


def test_a_kept_document_is_what_the_long_way_answers(hub: HubDriver, published: tuple[httpx.Client, Json]) -> None:
    _, version = published
    sha256 = version["files"][0]["hashes"]["SHA256"].lower()
    for path in (
        f"/api/v1/models/{version['modelId']}",
        f"/api/v1/model-versions/{version['id']}",
        f"/api/v1/model-versions/by-hash/{sha256}",
    ):
        kept, read = _read_until_kept(hub, path), httpx.get(f"{hub.url}{path}?long=way")
        assert (kept.status_code, kept.content) == (read.status_code, read.content)
        sent, meant = ({n: v for n, v in each.headers.items() if n not in _OF_EACH_ANSWER} for each in (kept, read))
        assert sent == meant
        head = httpx.head(hub.url + path)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", kept.headers["etag"])
        same = httpx.get(hub.url + path, headers={"if-none-match": kept.headers["etag"]})
        assert same.status_code == 304


def test_strangers_see_a_change_and_a_deletion(hub: HubDriver, published: tuple[httpx.Client, Json]) -> None:
    client, version = published
    path = f"/api/v1/models/{version['modelId']}"
    _read_until_kept(hub, path)
    name = f"Renamed {secrets.token_hex(4)}"
    client.patch(f"/api/hub/models/{version['modelId']}", json={"name": name}).raise_for_status()
    assert client.get(path).json()["name"] == name  # who is known reads what is so
    assert eventually(lambda: httpx.get(hub.url + path).json()["name"] == name)
    _read_until_kept(hub, path)
    client.delete(f"/api/hub/models/{version['modelId']}").raise_for_status()
    assert client.get(path).status_code == 404
    assert eventually(lambda: httpx.get(hub.url + path).status_code == 404)
