"""Downloads and pages where the tools that were tried do not complain by themselves, and do the wrong thing."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.conformance.site import Json, Site


def address_of(site: Site, version: Json, **headers: str) -> httpx.Response:
    """The answer to a request for a version's file, with the key if there is one."""
    key = {"authorization": f"Bearer {site.token}"} if site.token else {}
    return site.client.get(version["downloadUrl"], headers=key | headers)


def smallest(site: Site) -> tuple[Json, Json]:
    """The version whose first file is the smallest, and that file."""
    files = [(version, file) for version, file in site.files() if file.get("primary")]
    return min(files, key=lambda each: float(each[1]["sizeKB"]))


@pytest.mark.parametrize("extra", [{}, {"range": "bytes=0-9"}, {"accept": "text/html"}, {"accept-encoding": "gzip"}])
def test_a_download_is_answered_with_an_address_and_never_with_the_bytes(site: Site, extra: dict[str, str]) -> None:
    version, file = smallest(site)
    answer = address_of(site, version, **extra)
    assert answer.status_code == 307
    location = answer.headers["location"]
    assert location.startswith(("http://", "https://")), "an address without its origin is opened as it stands"
    address = urlsplit(location)
    assert address.netloc
    assert address.path.endswith(f"/{file['name']}")
    disposition = dict(parse_qsl(address.query))["response-content-disposition"]
    assert disposition == f'attachment; filename="{file["name"]}"'
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("path", ["/models", "/images"])
def test_the_last_page_does_not_even_mention_a_next_one(site: Site, path: str) -> None:
    first = site.read(path, limit=100, nsfw="true" if path == "/models" else "X")
    metadata = first["metadata"]
    for _ in range(100):
        if "nextPage" not in metadata:
            break
        assert isinstance(metadata["nextPage"], str), "null is not absent"
        assert isinstance(metadata["nextCursor"], str)
        metadata = site.client.get(metadata["nextPage"]).json()["metadata"]
    else:
        pytest.skip("the site has more than a hundred pages")
    assert "nextCursor" not in metadata


def test_the_bytes_come_under_one_plain_name(site: Site) -> None:
    version, file = smallest(site)
    location = address_of(site, version).headers["location"]
    expected = f'attachment; filename="{file["name"]}"'
    for headers, status in (({}, 200), ({"range": "bytes=1-2"}, 206)):
        answer = httpx.get(location, headers=headers, timeout=300)
        assert answer.status_code == status
        assert answer.headers.get("content-disposition") == expected
        assert answer.headers["content-type"] == "application/octet-stream"
    assert file["name"].isascii()
    assert not set(file["name"]) & set('";=/\\')


def test_a_range_that_begins_past_the_end_means_that_the_file_is_whole(site: Site) -> None:
    version, file = smallest(site)
    size = round(file["sizeKB"] * 1024)
    location = address_of(site, version).headers["location"]
    for first in (size, size + 1000):
        answer = httpx.get(location, headers={"range": f"bytes={first}-"}, timeout=60)
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{size}"
    past = httpx.get(location, headers={"range": f"bytes={size - 1}-{size + 1000}"}, timeout=60)
    assert (past.status_code, past.headers["content-range"]) == (206, f"bytes {size - 1}-{size - 1}/{size}")


def test_every_file_of_a_version_has_a_name_of_its_own(site: Site) -> None:
    for model in site.models():
        for version in model["modelVersions"]:
            names = [file["name"].lower() for file in version["files"]]
            assert len(names) == len(set(names)), names
