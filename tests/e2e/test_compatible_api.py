"""The compatible read API of a hub with drawn pictures: pictures, people, lookups, and HTTP itself."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest

from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json, eventually, small_safetensors

PUBLIC = "public, s-maxage=300, stale-while-revalidate=150"
PRIVATE = "max-age=0, private, no-cache"


class Sealed(msgspec.Struct, frozen=True):
    """A small published file of a creator's own."""

    creator: str
    key: str
    model_id: int
    version: Json
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest().upper()


@pytest.fixture(scope="module")
def sealed(hub: HubDriver, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    path = small_safetensors(tmp_path_factory.mktemp("compatible") / "sealed.safetensors", 5000)
    creator, client = hub.new_account()
    mark = secrets.token_hex(4)
    version = hub.ask_to_publish(client, f"Sealed {mark}", path, tags=["sealed", f"sealed {mark}", "seal"])
    assert hub.wait_settled(version["id"])["status"] == "Published"
    key = client.headers["authorization"].removeprefix("Bearer ")
    return Sealed(creator, key, version["modelId"], hub.version(version["id"]), path.read_bytes())


@pytest.fixture(scope="module")
def drawn(hub: HubDriver, shapes: Shared) -> list[Json]:
    """The pictures of the demo's checkpoint, newest first, with everything that is shown of them."""
    assert hub.wait_previews(shapes.version_id)["previews"]["status"] == "done"
    query = {"modelVersionId": shapes.version_id, "withMeta": "true", "withTags": "true"}

    def shown() -> list[Json]:
        items: list[Json] = read(hub, "/images", **query)["items"]
        assert len(items) == hub.version(shapes.version_id)["previews"]["done"]
        return items

    return eventually(shown)


def get(hub: HubDriver, path: str, status: int = 200, **query: Any) -> httpx.Response:
    answer = hub.anonymous.get(f"/api/v1{path}", params=query or None)
    assert answer.status_code == status, answer.text
    return answer


def read(hub: HubDriver, path: str, **query: Any) -> Json:
    document: Json = get(hub, path, **query).json()
    return document


def follow(hub: HubDriver, path: str, **query: Any) -> list[int]:
    """Ids of everything from here to the end."""
    ids: list[int] = []
    page = read(hub, path, **query)
    while True:
        assert page["items"]
        ids += [item["id"] for item in page["items"]]
        if "nextPage" not in page["metadata"]:
            assert "nextCursor" not in page["metadata"]
            return ids
        assert page["metadata"]["nextPage"].startswith(f"{hub.url}/api/v1{path}?")
        page = httpx.get(page["metadata"]["nextPage"]).json()


# Pictures


def test_a_picture_has_everything_that_tools_read(hub: HubDriver, shapes: Shared, drawn: list[Json]) -> None:
    item = drawn[0]
    assert item["meta"]["prompt"]
    assert item["meta"]["Model hash"] == hashlib.sha256(shapes.path.read_bytes()).hexdigest()[:10]
    assert (item["nsfwLevel"], item["nsfw"], item["browsingLevel"], item["type"]) == ("None", False, 1, "image")
    assert item["postId"] == shapes.version_id
    assert shapes.version_id in item["modelVersionIds"]
    assert (item["username"], item["baseModel"]) == ("admin", "Other")
    assert [tag["name"] for tag in item["tags"]] == ["quayside"]
    assert set(item["stats"].values()) == {0}
    assert httpx.get(item["url"]).headers["content-type"].startswith("image/")
    plain = read(hub, "/images", imageId=item["id"])["items"]
    assert plain == [{**{name: value for name, value in item.items() if name != "tags"}, "meta": None}]


def test_generation_data_is_wrapped_for_one_model_unless_flat(
    hub: HubDriver, shapes: Shared, drawn: list[Json]
) -> None:
    item = drawn[0]
    wrapped = {"id": item["id"], "meta": item["meta"]}
    for query, meta in (
        ({"imageId": item["id"], "withMeta": "true"}, wrapped),
        ({"modelId": shapes.model_id, "withMeta": "true"}, wrapped),
        ({"modelId": shapes.model_id, "withMeta": "true", "flatMeta": "true"}, item["meta"]),
        ({"modelVersionId": shapes.version_id, "withMeta": "yes"}, item["meta"]),
        ({"modelVersionId": shapes.version_id, "flatMeta": "true"}, None),
    ):
        assert read(hub, "/images", **query)["items"][0]["meta"] == meta, query


@pytest.mark.parametrize("sort", ["Most Reactions", "Newest", "Oldest"])
def test_pages_of_pictures_end_and_hold_each_once(hub: HubDriver, shapes: Shared, drawn: list[Json], sort: str) -> None:
    ids = [item["id"] for item in drawn]
    found = follow(hub, "/images", modelVersionId=shapes.version_id, limit=1, sort=sort, unknown="kept", token="")
    assert found == (ids[::-1] if sort == "Oldest" else ids)
    everything = follow(hub, "/images", limit=2, nsfw="X", sort=sort)
    assert len(everything) == len(set(everything))
    assert set(ids) <= set(everything)


def test_the_next_page_keeps_what_was_sent(hub: HubDriver, shapes: Shared, drawn: list[Json]) -> None:
    query = {"modelVersionId": shapes.version_id, "limit": 1, "page": 2, "unknown": "a b", "empty": "", "token": "abc"}
    page = read(hub, "/images", **query)
    assert [item["id"] for item in page["items"]] == [drawn[1]["id"]]
    assert (page["metadata"]["currentPage"], page["metadata"]["pageSize"]) == (2, 1)
    if len(drawn) > 2:
        sent = dict(parse_qsl(urlsplit(page["metadata"]["nextPage"]).query))
        assert sent == {
            "modelVersionId": str(shapes.version_id), "limit": "1", "unknown": "a b", "token": "abc",
            "cursor": page["metadata"]["nextCursor"],
        }  # fmt: skip


def test_filters_of_pictures(hub: HubDriver, shapes: Shared, drawn: list[Json]) -> None:
    ids, first = [item["id"] for item in drawn], drawn[0]
    tag = first["tags"][0]["id"]
    owner = read(hub, f"/models/{shapes.model_id}")["userId"]
    for query, expected in (
        ({"modelId": shapes.model_id}, ids),
        ({"postId": shapes.version_id}, ids),
        ({"modelId": 2147483647, "modelVersionId": shapes.version_id}, ids),
        ({"modelVersionId": shapes.version_id, "username": "ADMIN"}, ids),
        ({"modelVersionId": shapes.version_id, "userId": owner}, ids),
        ({"modelVersionId": shapes.version_id, "userId": 2147483647}, []),
        ({"modelVersionId": shapes.version_id, "tags": f"{tag},2147483647"}, ids),
        ({"modelVersionId": shapes.version_id, "tags": 2147483647}, []),
        ({"modelVersionId": shapes.version_id, "baseModels": "Other,Pony"}, ids),
        ({"modelVersionId": shapes.version_id, "baseModels": "Pony"}, []),
        ({"modelVersionId": shapes.version_id, "type": "image", "period": "Day"}, ids),
        ({"modelVersionId": shapes.version_id, "type": "video"}, []),
        ({"modelVersionId": shapes.version_id, "nsfw": "true"}, []),
        ({"modelVersionId": shapes.version_id, "nsfw": "Blocked"}, []),
        ({"modelVersionId": shapes.version_id, "nsfw": "X"}, ids),
        ({"modelVersionId": shapes.version_id, "browsingLevel": 1, "nsfw": "true"}, ids),
        ({"modelVersionId": shapes.version_id, "requiringMeta": "true"}, []),
        ({"modelVersionId": 2147483647}, []),
        ({"imageId": first["id"]}, [first["id"]]),
        ({"imageId": 2147483647}, []),
    ):
        page = read(hub, "/images", **query)
        assert [item["id"] for item in page["items"]] == expected, query
        assert page["metadata"] == {}, query


def test_refusals_of_pictures(hub: HubDriver, shapes: Shared) -> None:
    for query, path in (({"limit": 201}, "limit"), ({"sort": ""}, "sort"), ({"baseModels": "Nope"}, "baseModels")):
        error = get(hub, "/images", 400, **query).json()["error"]
        assert (error["name"], msgspec.json.decode(error["message"])[0]["path"]) == ("ZodError", [path])
    assert get(hub, "/images", 404, username="nobody_of_that_name").json() == {
        "error": "User not found", "code": "NOT_FOUND",
    }  # fmt: skip
    for asked in (f"modelId={shapes.model_id}&sort=Random", "cursor=made up"):
        assert get(hub, f"/images?{asked}", 400).json()["code"] == "BAD_REQUEST"
    text = "You've requested too many pages, please use cursors instead"
    for path in ("/images", "/models"):
        answer = get(hub, path, 429, page=11, limit=100)
        assert answer.json() == {"error": text}


def test_a_model_that_is_taken_down_takes_its_pictures_along(hub: HubDriver, sketch: Shared) -> None:
    hub.wait_previews(sketch.version_id)
    query = {"modelId": sketch.model_id}
    eventually(lambda: read(hub, "/images", **query)["items"])
    file_id = hub.version(sketch.version_id)["files"][0]["id"]
    taken = hub.admin.post("/api/hub/moderation/takedowns", json={"modelId": sketch.model_id, "reason": "a test"})
    assert taken.status_code == 202
    try:
        eventually(lambda: not read(hub, "/images", **query)["items"])
        assert get(hub, f"/model-files/{file_id}/tensor-metadata", 410).json() == {
            "error": "Model archived, not available"
        }
    finally:
        assert hub.admin.delete(f"/api/hub/moderation/takedowns/{sketch.model_id}").status_code == 202
    eventually(lambda: read(hub, "/images", **query)["items"])


# People and tags


def test_creators(hub: HubDriver, sealed: Sealed) -> None:
    page = read(hub, "/creators", query=sealed.creator[2:].upper())
    assert page["items"] == [
        {"username": sealed.creator, "modelCount": 1, "link": f"{hub.url}/api/v1/models?username={sealed.creator}"}
    ]
    assert page["metadata"] == {
        "totalItems": 1, "currentPage": 1, "pageSize": 20, "totalPages": 1, "hasMore": False,
    }  # fmt: skip
    linked = eventually(lambda: httpx.get(page["items"][0]["link"]).json()["items"])
    assert [model["id"] for model in linked] == [sealed.model_id]

    names, address = [], f"{hub.url}/api/v1/creators?limit=1"
    while address:
        found = httpx.get(address).json()
        assert found["metadata"]["totalPages"] == found["metadata"]["totalItems"]
        names += [item["username"] for item in found["items"]]
        address = found["metadata"].get("nextPage")
    assert names == sorted(names, key=str.lower)
    assert {"admin", sealed.creator} <= set(names)


def test_tags(hub: HubDriver, sealed: Sealed) -> None:
    model = read(hub, f"/models/{sealed.model_id}")
    page = read(hub, "/tags", query="SEAL", limit=200)
    names = [item["name"] for item in page["items"]]
    assert set(model["tags"]) <= set(names)
    assert [len(name) for name in names] == sorted(len(name) for name in names)
    assert page["items"][names.index("sealed")] == {"name": "sealed", "link": f"{hub.url}/api/v1/models?tag=sealed"}
    assert {"totalItems", "currentPage", "pageSize", "totalPages"} <= set(page["metadata"])
    assert read(hub, "/tags")["items"]
    assert read(hub, "/tags", query="no such beginning")["items"] == []


@pytest.mark.parametrize("path", ["/creators", "/tags"])
@pytest.mark.parametrize("query", ["limit=0", "limit=201", "page=-1", "limit=x"])
def test_a_bad_query_for_names_is_a_bare_list_of_issues(hub: HubDriver, path: str, query: str) -> None:
    issues = get(hub, f"{path}?{query}", 400).json()
    assert issues[0]["path"] == [query.partition("=")[0]]


def test_users(hub: HubDriver, sealed: Sealed) -> None:
    user_id = read(hub, f"/models/{sealed.model_id}")["userId"]
    shown = {"id": user_id, "username": sealed.creator, "avatarUrl": None, "avatarNsfw": 1, "meta": None}
    assert read(hub, "/users", ids=f"{user_id},2147483647") == {"items": [shown]}
    assert read(hub, "/users", query=sealed.creator.upper()) == {"items": [shown]}
    assert read(hub, "/users", query="nobody_of_that_name") == {"items": []}
    assert get(hub, "/users", 400, ids="x").json()["name"] == "ZodError"


def test_oneself(hub: HubDriver, sealed: Sealed) -> None:
    for client, query in ((hub.client(sealed.key), ""), (hub.anonymous, f"?token={sealed.key}")):
        answer = client.get(f"/api/v1/me{query}")
        assert answer.status_code == 200
        me = answer.json()
        assert (me["username"], me["status"], me["isMember"], me["subscriptions"]) == (
            sealed.creator,
            "active",
            False,
            [],
        )
        assert me["tokenScope"] & (1 | 4 | 8) == 1 | 4 | 8
        assert (me["subject"]["type"], me["buzzLimit"]) == ("apiKey", None)
        assert answer.headers["cache-control"] == PRIVATE
    for shown in (None, "", "Bearer", "Bearer None", f"Bearer {'0' * 32}"):
        headers = {"authorization": shown} if shown is not None else {}
        refused = httpx.get(f"{hub.url}/api/v1/me", headers=headers)
        assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized"})


# Lookups


def test_many_hashes_at_once(hub: HubDriver, sealed: Sealed, shapes: Shared) -> None:
    other = hashlib.sha256(shapes.path.read_bytes()).hexdigest()
    asked = [sealed.sha256, other, "0" * 64]
    answer = hub.anonymous.post("/api/v1/model-versions/by-hash", json=asked)
    assert answer.status_code == 200, answer.text
    by_id = {each["id"]: each for each in answer.json()}
    assert by_id[sealed.version["id"]] == read(hub, f"/model-versions/{sealed.version['id']}")
    assert shapes.version_id in by_id
    answer = hub.anonymous.post("/api/v1/model-versions/by-hash/ids", json=asked * 3000)
    assert answer.status_code == 200, answer.text
    assert {"modelVersionId": sealed.version["id"], "modelId": sealed.model_id, "hash": sealed.sha256} in answer.json()
    for path, most in (("", 100), ("/ids", 10_000)):
        url = f"/api/v1/model-versions/by-hash{path}"
        assert hub.anonymous.post(url, json=[]).json() == []
        assert hub.anonymous.post(url, json=["0" * 64] * most).json() == []
        for wrong in (["0" * 64] * (most + 1), ["0" * 63], {"a": 1}):
            refused = hub.anonymous.post(url, json=wrong)
            assert refused.status_code == 400
            assert refused.json()["error"].startswith("Request must include an array of SHA256 Hashes. [")


def test_the_short_form_of_a_version(hub: HubDriver, sealed: Sealed) -> None:
    version_id, file = sealed.version["id"], sealed.version["files"][0]
    whole = read(hub, f"/model-versions/{version_id}")
    mini = read(hub, f"/model-versions/mini/{version_id}")
    assert mini["air"] == whole["air"]
    assert (mini["size"], mini["hashes"]) == (len(sealed.data) / 1024, whole["files"][0]["hashes"])
    assert (mini["fileName"], mini["fileType"], mini["format"]) == ("sealed.safetensors", "Model", "SafeTensor")
    assert (mini["availability"], mini["publishedAt"]) == ("Public", whole["publishedAt"])
    assert mini["downloadUrls"] == [whole["downloadUrl"]]
    exact = read(hub, f"/model-versions/mini/{version_id}", modelFileId=file["id"])
    assert exact["air"] == f"{whole['air']}+{file['id']}"
    assert exact["downloadUrls"] == [f"{whole['downloadUrl']}?fileId={file['id']}"]
    for path, status, error in (
        (f"{version_id}?modelFileId=2147483647", 404, f"Model file 2147483647 not found in version {version_id}"),
        ("2147483647", 404, "Model not found"),
        ("x", 400, "✖ Invalid input: expected number, received NaN\n  → at id"),
        (f"{version_id}?modelFileId=x", 400, "✖ Invalid input: expected number, received NaN\n  → at modelFileId"),
    ):
        assert get(hub, f"/model-versions/mini/{path}", status).json() == {"error": error}


def test_an_owner_sees_the_short_form_before_all_others(hub: HubDriver, tmp_path: Path) -> None:
    path = small_safetensors(tmp_path / "draft.safetensors")
    version = hub.new_version(hub.admin, f"Draft {secrets.token_hex(4)}")
    url = f"/api/v1/model-versions/mini/{version['id']}"
    assert hub.admin.get(url).json() == {"error": "Missing model file"}
    hub.upload(hub.admin, version["id"], path)
    eventually(lambda: hub.admin.get(url).json()["fileName"] == path.name)
    assert (hub.admin.get(url).json()["availability"], hub.admin.get(url).json()["publishedAt"]) == ("Private", None)
    assert hub.anonymous.get(url).status_code == 404


def test_permissions(hub: HubDriver, sealed: Sealed) -> None:
    version_id = sealed.version["id"]
    assert read(hub, "/permissions/check", entityIds=f"{version_id},2147483647") == {
        str(version_id): True, "2147483647": False,
    }  # fmt: skip
    assert read(hub, "/permissions/check", entityIds=version_id, entityType="Article") == {str(version_id): False}
    assert get(hub, "/permissions/check", entityIds="").json() == []
    for wrong in ("x", "1,0", ",".join(map(str, range(1, 1002)))):
        assert get(hub, "/permissions/check", 400, entityIds=wrong).json() == {
            "error": "Could not parse provided model versions array."
        }


def test_the_tensors_of_a_file(hub: HubDriver, sealed: Sealed) -> None:
    path = f"/model-files/{sealed.version['files'][0]['id']}/tensor-metadata"
    answer = get(hub, path)
    tensor = {"name": "weight", "shape": [5000], "dtype": "U8", "sizeBytes": 5000}
    assert answer.json() == {
        "format": "SafeTensor", "tensorCount": 1, "totalTensorBytes": 5000, "vramEstimate": None, "tensors": [tensor],
        "dtypeCounts": [{"dtype": "U8", "count": 1, "bytes": 5000}], "largestTensor": tensor, "detectedModelType": None,
    }  # fmt: skip
    assert answer.headers["cache-control"] == "public, max-age=31536000, s-maxage=31536000, immutable"
    summary = read(hub, path, summaryOnly="true")
    assert summary == {name: value for name, value in answer.json().items() if name != "tensors"}
    assert get(hub, "/model-files/2147483647/tensor-metadata", 404).json() == {"error": "File not found"}
    assert get(hub, "/model-files/x/tensor-metadata", 400).json()["error"].startswith("✖ Invalid input")


def test_the_tensors_of_a_draft_are_nobodys_business(hub: HubDriver, tmp_path: Path) -> None:
    version = hub.new_version(hub.admin, f"Draft {secrets.token_hex(4)}")
    hub.upload(hub.admin, version["id"], small_safetensors(tmp_path / "draft.safetensors"))
    file = eventually(lambda: [each for each in hub.version(version["id"])["files"] if each["state"] == "clean"])[0]
    answer = hub.admin.get(f"/api/v1/model-files/{file['id']}/tensor-metadata")
    assert (answer.status_code, answer.json()) == (404, {"error": "File not found"})


def test_what_a_hub_does_not_have_is_empty(hub: HubDriver) -> None:
    for path, thing in (("articles", "article"), ("collections", "collection")):
        assert read(hub, f"/{path}", limit=100, sort="Newest", nsfw="true") == {"items": [], "metadata": {}}
        assert get(hub, f"/{path}/7", 404).json() == {"error": f"No {thing} with id 7"}
        assert get(hub, f"/{path}", 400, limit=101).json()["error"]["name"] == "ZodError"
    get(hub, "/collections", 400, sort="Most Followers", cursor="5")


# HTTP


def test_methods(hub: HubDriver, sealed: Sealed) -> None:
    version_id = sealed.version["id"]
    paths = ("models", "images", "me", f"model-versions/{version_id}", "enums", "creators", "model-versions/by-hash")
    for path in (*(f"/api/v1/{path}" for path in paths), f"/api/download/models/{version_id}"):
        options = hub.anonymous.request("OPTIONS", path)
        assert (options.status_code, options.content) == (200, b""), path
        wrong = hub.anonymous.request("DELETE", path)
        assert (wrong.status_code, wrong.json()) == (405, {"error": "Method not allowed"}), path
        for answer in (options, wrong):
            assert answer.headers["access-control-allow-headers"] == "*"
            assert answer.headers["access-control-allow-origin"] == (hub.url if path.endswith("/me") else "*")
            assert answer.headers["x-correlation-id"]
    assert hub.anonymous.request("OPTIONS", "/api/v1/me").headers["access-control-allow-credentials"] == "true"
    options = hub.anonymous.request("OPTIONS", "/api/v1/model-versions/by-hash")
    assert options.headers["access-control-allow-methods"] == "POST"
    preflight = hub.anonymous.request(
        "OPTIONS", "/api/v1/models", headers={"origin": "https://tool.example", "access-control-request-method": "GET"}
    )
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "*")
    unknown = hub.anonymous.get("/api/v1/no/such/address")
    assert unknown.status_code == 404
    assert isinstance(unknown.json()["error"], str)


@pytest.mark.parametrize("path", ["images?limit=2", "models?limit=1", "enums", "creators", "tags", "model-versions/x"])
def test_head_answers_like_get(hub: HubDriver, drawn: list[Json], path: str) -> None:
    got, headed = hub.anonymous.get(f"/api/v1/{path}"), hub.anonymous.head(f"/api/v1/{path}")
    assert headed.content == b""
    assert headed.status_code == got.status_code
    varying = {"date", "x-correlation-id"}
    assert {k: v for k, v in headed.headers.items() if k not in varying} == {
        k: v for k, v in got.headers.items() if k not in varying
    }


def test_a_known_body_is_not_sent_again(hub: HubDriver, sealed: Sealed) -> None:
    path = f"/api/v1/models/{sealed.model_id}"
    first = hub.anonymous.get(path)
    for tag in (first.headers["etag"], f"W/{first.headers['etag']}", f'"other", {first.headers["etag"]}', "*"):
        again = hub.anonymous.get(path, headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["cache-control"] == PUBLIC
        assert again.headers["access-control-allow-origin"] == "*"
    assert hub.anonymous.get(path, headers={"if-none-match": '"other"'}).content == first.content


def test_cache_headers(hub: HubDriver, sealed: Sealed) -> None:
    version_id = sealed.version["id"]
    for path, anonymous, known in (
        ("models?limit=1", PUBLIC, PRIVATE),
        (f"models/{sealed.model_id}", PUBLIC, PUBLIC),
        (f"model-versions/{version_id}", PUBLIC, PRIVATE),
        (f"model-versions/mini/{version_id}", PUBLIC, PRIVATE),
        (f"model-versions/by-hash/{sealed.sha256}", *["public, s-maxage=3600, stale-while-revalidate=1800"] * 2),
        ("images?limit=1", PUBLIC, PUBLIC),
        ("creators", PUBLIC, PUBLIC),
        ("tags", PUBLIC, PUBLIC),
        ("users", PUBLIC, PUBLIC),
        ("enums", PRIVATE, PRIVATE),
    ):
        for client, wanted in ((hub.anonymous, anonymous), (hub.client("f" * 32), anonymous), (hub.admin, known)):
            answer = client.get(f"/api/v1/{path}")
            assert (answer.status_code, answer.headers["cache-control"]) == (200, wanted), path
            assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_five_hundred_ids_in_one_address(hub: HubDriver, sealed: Sealed) -> None:
    ids = [sealed.model_id, *range(2_000_000_000, 2_000_000_499)]
    query = "&".join(f"ids={each}" for each in ids)
    answer = eventually(lambda: found_by(hub, f"{query}&nsfw=true"))
    assert [model["id"] for model in answer] == [sealed.model_id]
    padded = httpx.get(f"{hub.url}/api/v1/images?imageId=1&padding={'x' * (15 << 10)}")
    assert padded.status_code == 200


def found_by(hub: HubDriver, query: str) -> list[Json]:
    answer = hub.anonymous.get(f"/api/v1/models?{query}")
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items
