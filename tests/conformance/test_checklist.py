"""What tools of the public site rely on: one test or more for each item of the list that clients were read for.

Runs against any site: `EASEL_CONFORMANCE_URL=https://… python -m pytest tests/conformance`.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from urllib.parse import parse_qsl, urlsplit

import blake3
import httpx
import pytest

from shared.api.v1 import MODEL_SORTS
from tests.conformance.site import MOST_PAGES, Json, Site

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NOBODY = 2_147_483_647
"""An id that no site has given yet."""
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
PROGRAM = {"user-agent": "python-requests/2.32"}


# 1. Paging


def test_a_page_holds_as_many_models_as_were_asked_for(site: Site) -> None:
    assert len(site.read("/models", limit=1)["items"]) == 1


@pytest.mark.parametrize("sort", MODEL_SORTS)
def test_following_pages_shows_every_model_once(site: Site, sort: str) -> None:
    query = {"sort": sort, "nsfw": "true"}
    ids: list[int] = []
    pages = list(site.pages("/models", limit=2, **query))
    for page in pages:
        assert page["items"], "an empty page reads as the end"
        assert ("nextPage" in page["metadata"]) == ("nextCursor" in page["metadata"])
        ids += [model["id"] for model in page["items"]]
    assert len(ids) == len(set(ids))
    if len(pages) <= MOST_PAGES and "nextPage" not in pages[-1]["metadata"]:
        assert set(ids) == {
            model["id"] for page in site.pages("/models", limit=100, **query) for model in page["items"]
        }


def test_the_next_page_is_where_the_client_is_and_keeps_its_query(site: Site) -> None:
    page = site.read("/models", limit=1, sort="Newest", nsfw="true", pageSize="7", token="abc")
    address = urlsplit(page["metadata"]["nextPage"])
    assert f"{address.scheme}://{address.netloc}" == site.url
    sent = dict(parse_qsl(address.query))
    assert sent.pop("cursor") == page["metadata"]["nextCursor"]
    assert sent == {"limit": "1", "sort": "Newest", "nsfw": "true", "pageSize": "7", "token": "abc"}


# 2. Filters


@pytest.mark.parametrize(("name", "field"), [("types", "type"), ("baseModels", "baseModels")])
def test_lists_filter_repeated_and_joined(site: Site, name: str, field: str) -> None:
    def of(model: Json) -> set[str]:
        return {model[field]} if field == "type" else set(model[field])

    values = sorted({value for model in site.models() for value in of(model)})[:2]
    repeated = site.read("/models", **{name: values}, nsfw="true", limit=100)["items"]
    joined = site.read("/models", **{name: ",".join(values)}, nsfw="true", limit=100)["items"]
    assert repeated
    assert [model["id"] for model in repeated] == [model["id"] for model in joined]
    for value in values:
        found = site.read("/models", **{name: value}, nsfw="true", limit=100)["items"]
        assert found
        assert all(value in of(model) for model in found)


def test_an_unknown_tag_finds_nothing(site: Site) -> None:
    assert site.read("/models", tag="no model has a tag of this name")["items"] == []


# 3. Long addresses


def test_five_hundred_ids_in_one_address(site: Site) -> None:
    known = [model["id"] for model in site.models()][:3]
    ids = [*known, *range(NOBODY - 500, NOBODY - len(known))][:500]
    answer = site.get("/models", ids=ids, nsfw="true", limit=1)
    assert len(answer.json()["items"]) == 1
    if len(known) > 1:
        sent = parse_qsl(urlsplit(answer.json()["metadata"]["nextPage"]).query)
        assert [value for name, value in sent if name == "ids"] == [str(each) for each in ids]
    found = [model["id"] for page in site.pages("/models", ids=ids, nsfw="true", limit=1) for model in page["items"]]
    assert sorted(found) == sorted(known)


# 4. Keys


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer None", f"Bearer {'0' * 32}", "Token x", "nonsense"])
def test_a_key_that_is_none_is_anonymous_where_none_is_needed(site: Site, shown: str) -> None:
    for path in ("/models?limit=1", "/images?limit=1", "/enums", "/creators?limit=1"):
        answer = site.client.get(f"/api/v1{path}", headers={"authorization": shown})
        assert answer.status_code == 200, path
    refused = site.client.get("/api/v1/me", headers={"authorization": shown})
    assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized"})


def test_a_key_is_taken_from_the_header_or_else_from_the_query(site: Site) -> None:
    if site.token is None:
        pytest.skip("no EASEL_CONFORMANCE_TOKEN")
    by_header = site.client.get("/api/v1/me", headers={"authorization": f"Bearer {site.token}"})
    by_query = site.client.get("/api/v1/me", params={"token": site.token}, headers={"authorization": ""})
    assert by_header.status_code == by_query.status_code == 200
    assert by_header.json()["username"] == by_query.json()["username"]
    both = site.client.get("/api/v1/me", params={"token": site.token}, headers={"authorization": "Bearer None"})
    assert both.status_code == 401


# 5 and 6. Versions and their files


def test_versions_have_their_lists_and_times(site: Site) -> None:
    for model in site.models():
        whole = site.read(f"/models/{model['id']}")
        for version in [*model["modelVersions"], *whole["modelVersions"]]:
            assert TIME.fullmatch(version["publishedAt"])
            for name in ("files", "images", "trainedWords"):
                assert isinstance(version[name], list), name
        for version in whole["modelVersions"]:
            detail = site.read(f"/model-versions/{version['id']}")
            assert TIME.fullmatch(detail["publishedAt"])
            assert detail["modelId"] == model["id"]


def test_one_file_is_primary_and_its_address_is_the_versions(site: Site) -> None:
    for model in site.models():
        for listed in model["modelVersions"]:
            for version in (listed, site.read(f"/model-versions/{listed['id']}")):
                primary = [file for file in version["files"] if file.get("primary")]
                assert len(primary) == 1
                assert primary[0]["downloadUrl"] == version["downloadUrl"]
                assert "?" not in version["downloadUrl"]
                assert f"/models/{version['id']}" in version["downloadUrl"]


# 7 and 8. Hashes


def test_every_kind_of_hash_finds_a_version_with_that_file(site: Site) -> None:
    files = site.files()
    tested = set()
    for kind in ("SHA256", "AutoV1", "AutoV2", "AutoV3", "CRC32", "BLAKE3"):
        value = next((file["hashes"][kind] for _, file in files if kind in file["hashes"]), None)
        if value is None:
            continue
        tested.add(kind)
        assert value == value.upper()
        for spelling in (value, value.lower()):
            found = site.read(f"/model-versions/by-hash/{spelling}")
            assert any(file["hashes"].get(kind) == value for file in found["files"]), kind
    assert {"SHA256", "AutoV2", "CRC32", "BLAKE3"} <= tested


@pytest.mark.parametrize("value", ["0" * 64, "0123456789", "ffffffff"])
def test_an_unknown_hash_is_not_found(site: Site, value: str) -> None:
    assert "Model not found" in site.get(f"/model-versions/by-hash/{value}", 404).text


def test_hashes_in_bulk(site: Site) -> None:
    version, file = site.files()[0]
    known, missing = file["hashes"]["SHA256"], "0" * 64
    path = "/api/v1/model-versions/by-hash"
    answer = site.client.post(path, json=[known.lower(), *[missing] * 99])
    assert answer.status_code == 200, answer.text
    assert any(file["hashes"].get("SHA256") == known for each in answer.json() for file in each["files"])
    assert site.client.post(path, json=[]).json() == []
    for wrong in ([missing] * 101, ["0" * 63], ["0" * 65], {"hashes": [missing]}):
        refused = site.client.post(path, json=wrong)
        assert refused.status_code == 400
        assert refused.json()["error"].startswith("Request must include an array of SHA256 Hashes.")
    ids = site.client.post(f"{path}/ids", json=[known.lower(), *[missing] * 9999]).json()
    assert version["id"] in {each["modelVersionId"] for each in ids}
    assert {each["hash"] for each in ids} == {known}
    assert all(isinstance(each["modelId"], int) for each in ids)


# 9. Maturity


def test_a_mature_picture_is_shown_on_request_alone(site: Site) -> None:
    mature = site.read("/images", browsingLevel=4 | 8 | 16, limit=1)["items"]
    if not mature:
        pytest.skip("the site has no mature picture")
    assert site.read("/images", imageId=mature[0]["id"]) == {"items": [], "metadata": {}}
    shown = site.read("/images", imageId=mature[0]["id"], nsfw="X", withMeta="true")["items"]
    assert [item["id"] for item in shown] == [mature[0]["id"]]
    assert shown[0]["nsfw"] is True


def test_a_picture_comes_with_its_generation_data_on_request(site: Site) -> None:
    item = site.read("/images", limit=1)["items"][0]
    assert item["meta"] is None
    assert (item["nsfwLevel"], item["nsfw"], item["browsingLevel"]) == ("None", False, 1)
    shown = site.read("/images", imageId=item["id"], nsfw="X", withMeta="true")["items"][0]
    assert shown["meta"]["id"] == item["id"]
    flat = site.read("/images", imageId=item["id"], nsfw="X", withMeta="true", flatMeta="true")["items"][0]
    assert flat["meta"] == shown["meta"]["meta"]
    assert TIME.fullmatch(item["createdAt"])


# 10. Downloads


def test_a_download_is_a_redirect_to_the_bytes(site: Site) -> None:
    version, file = site.files()[0]
    headers = {"authorization": f"Bearer {site.token}"} if site.token else {}
    redirect = site.client.get(version["downloadUrl"], headers=headers)
    assert redirect.status_code == 307
    location = redirect.headers["location"]
    assert location.startswith(("http://", "https://"))
    named = dict(parse_qsl(urlsplit(location).query))["response-content-disposition"]
    assert named == f'attachment; filename="{file["name"]}"'
    size = round(file["sizeKB"] * 1024)
    with httpx.stream("GET", location, timeout=60) as whole:
        assert (whole.status_code, whole.headers["content-length"]) == (200, str(size))
        assert whole.headers["accept-ranges"] == "bytes"
        assert whole.headers["content-disposition"] == named
    part = httpx.get(location, headers={"range": "bytes=5-14"})
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes 5-14/{size}")
    assert part.headers["content-length"] == "10"


def test_refusals_of_downloads_are_json_for_programs_and_text_for_browsers(site: Site) -> None:
    path = f"/api/download/models/{NOBODY}"
    program, browser = site.client.get(path, headers=PROGRAM), site.client.get(path, headers=BROWSER)
    assert (program.status_code, program.json()) == (404, {"error": "File not found"})
    assert (browser.status_code, browser.headers["content-type"].partition(";")[0]) == (404, "text/plain")


# 11. Pictures in other sizes


@pytest.mark.parametrize(
    "options",
    ["width=450", "original=true", "transcode=true,width=320", "anim=false,width=256", "nonsense=1,width=512"],
)
def test_the_options_in_a_pictures_address_can_be_anything(site: Site, options: str) -> None:
    url = site.read("/images", limit=1)["items"][0]["url"]
    assert "/original=true/" in url
    answer = httpx.get(url.replace("/original=true/", f"/{options}/"), timeout=60, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/")


# 12. Enumerations


def test_the_enumerations_are_complete(site: Site) -> None:
    enums = site.read("/enums")
    for name in ("ModelType", "ModelFileType", "ActiveBaseModel", "BaseModel", "BaseModelType"):
        assert enums[name], name
        assert all(isinstance(value, str) for value in enums[name])
    assert set(enums["ActiveBaseModel"]) <= set(enums["BaseModel"])


@pytest.mark.parametrize("name", ["sort", "period"])
def test_an_empty_choice_tells_the_legal_values(site: Site, name: str) -> None:
    error = site.get(f"/models?{name}=", 400).json()["error"]
    assert error["name"] == "ZodError"
    issue = json.loads(error["message"])[0]
    assert issue["path"] == [name]
    assert {"sort": "Newest", "period": "AllTime"}[name] in issue["values"]


def test_an_empty_list_of_types_tells_the_legal_values(site: Site) -> None:
    issues = json.loads(site.get("/models?types=", 400).json()["error"]["message"])
    assert "LORA" in issues[0]["errors"][0][0]["values"]


# 13. Hashes are computed as tools compute them


def hashes_of(data: bytes) -> dict[str, str]:
    """All six, as the public site defines them."""
    sha256 = hashlib.sha256(data).hexdigest()
    found = {
        "SHA256": sha256,
        "AutoV2": sha256[:10],
        "BLAKE3": blake3.blake3(data).hexdigest(),
        "CRC32": zlib.crc32(data).to_bytes(4, "little").hex(),
    }
    if len(data) >= 0x200000:
        found["AutoV1"] = hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8]
    if data[8:9] == b"{":
        found["AutoV3"] = hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()[:12]
    return {name: value.upper() for name, value in found.items()}


def test_the_check_vector() -> None:
    assert hashes_of(b"hello world") == {
        "SHA256": "B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9",
        "AutoV2": "B94D27B993",
        "BLAKE3": "D74981EFA70A0C880B8D8C1985D075DBCBF679B99A5F9914E5AAF96B831A9E24",
        "CRC32": "85114A0D",
    }


def test_a_downloaded_file_has_the_hashes_that_are_told(site: Site) -> None:
    files = [(version, file) for version, file in site.files() if file.get("primary")]
    version, file = min(files, key=lambda each: each[1]["sizeKB"])
    headers = {"authorization": f"Bearer {site.token}"} if site.token else {}
    location = site.client.get(version["downloadUrl"], headers=headers).headers["location"]
    data = httpx.get(location, timeout=300).content
    assert len(data) == file["sizeKB"] * 1024
    expected = hashes_of(data)
    assert {kind: file["hashes"].get(kind) for kind in expected} == expected
