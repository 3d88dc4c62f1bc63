"""The compatible read API beside models and pictures: people, lookups, and HTTP itself."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.e2e.compatible import get, read
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
    assert page["items"][names.index("sealed")] == {
        "name": "sealed", "modelCount": 1, "link": f"{hub.url}/api/v1/models?tag=sealed",
    }  # fmt: skip
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
    assert shapes.version_id in {each["id"] for each in answer.json()}

    def is_the_same() -> bool:  # downloads of other tests may be counted between the two
        found = hub.anonymous.post("/api/v1/model-versions/by-hash", json=asked[:1]).json()
        return bool(found == [read(hub, f"/model-versions/{sealed.version['id']}")])

    assert eventually(is_the_same)
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


def test_a_hub_has_no_articles(hub: HubDriver) -> None:
    assert read(hub, "/articles", limit=100, sort="Newest", nsfw="true") == {"items": [], "metadata": {}}
    assert get(hub, "/articles/7", 404).json() == {"error": "No article with id 7"}
    assert get(hub, "/articles", 400, limit=101).json()["error"]["name"] == "ZodError"


# HTTP


def test_methods(hub: HubDriver, sealed: Sealed) -> None:
    version_id = sealed.version["id"]
    paths = ("models", "images", "me", f"model-versions/{version_id}", "enums", "creators")
    for path in (*(f"/api/v1/{path}" for path in paths), f"/api/download/models/{version_id}"):
        options = hub.anonymous.request("OPTIONS", path)
        assert (options.status_code, options.content) == (200, b""), path
        wrong = hub.anonymous.request("DELETE", path)
        assert (wrong.status_code, wrong.json()) == (405, {"error": "Method not allowed"}), path
        for answer in (options, wrong):
            assert answer.headers["access-control-allow-headers"] == "*"
            assert answer.headers["access-control-allow-origin"] == (hub.url if path.endswith("/me") else "*")
            assert answer.headers["x-correlation-id"]


@pytest.mark.parametrize("path", ["/api/v1/model-versions/by-hash", "/api/v1/model-versions/by-hash/ids"])
def test_bulk_lookups_look_at_the_body_before_the_method(hub: HubDriver, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = hub.anonymous.request(method, path)
        assert answer.status_code == 400, method
        text, _, issues = answer.json()["error"].partition(". ")
        assert text == "Request must include an array of SHA256 Hashes"
        assert msgspec.json.decode(issues)[0]["expected"] == "array"
    assert hub.anonymous.request("OPTIONS", path).status_code == 200
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
def test_head_answers_like_get(hub: HubDriver, sealed: Sealed, path: str) -> None:
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
