"""Addresses, methods, headers and bodies that no well-meaning program sends: always a clear 4xx, never a 5xx."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Shared
from tests.e2e.hostile.wire import Answer, Wire
from tests.hub_driver import HubDriver

LONG = "a" * 12_000
PATHS = (
    "/api/v1/models/..", "/api/v1/../../etc/passwd", "/api/v1/%2e%2e/hub/me", "/api/v1/models/1%2F..",
    "/api/v1/models/%00", "/api/v1/models/1%00", "/api/v1/models/%FF", f"/api/v1/models/{'9' * 9_000}",
    "/api/v1/models/%D9%A1", "/api/v1/models/-1", "/api/v1/models/0", "/api/v1/models/2147483648", "/api/v1/models/1.0",
    "/api/v1/model-versions/1e3", "/api/v1/model-versions/mini/", "/api/v1/model-versions/mini/%EF%BC%91",
    f"/api/v1/model-versions/by-hash/{LONG}", "/api/v1/model-versions/by-hash/%00",
    "/api/v1/model-versions/by-hash/%EF%BC%91%C3%9F", "/api/v1/model-files/%FF/tensor-metadata", "/api/v1", "/api/v1/",
    "/api/v1/articles/%00", f"/api/v1/collections/{LONG}", "/api/download/models/%C2%B2", "/api/download/",
    "/api/download/models/99999999999999999999", "/%FF", "/%00", "/static/../app.py",
    "/static/%2e%2e%2f%2e%2e%2fapp.py",
    "/static/easel.css%00", f"/static/{LONG}", "/static//etc/passwd", "/static/%FF", "/models/99999999999999999999",
    f"/models/{'9' * 6_000}", "/models/%D9%A1%00", "/model-versions/99999999999999999999", "/api/hub/models/-1",
    "/api/hub/models/99999999999999999999", "/api/hub/versions/2147483648", "/api/hub/uploads/x", "/image/x/y/z",
    f"/image/{'a' * 64}.png/width=99999999/x.png", "/image/%FF/%00/x", "/store/files/x/y", f"/store/files/{LONG}/y",
    "/store/files/%00/%00", "/api/models/%00/b", "/api/models/a%0d%0aset-cookie:%20x=1/b", "/api/models/%E2%82%AC/b",
    "/api/models/a/b/tree/main/../..", "/admin/Quayside-Shapes/resolve/main/../../x", "/admin/x/resolve/%00/%00",
    "/admin/Quayside-Shapes/resolve/main/a%0d%0ax-y:%20z", "/admin/Quayside-Shapes/resolve/%FF/x", "/schema/../x", "*",
    "/API/V1/MODELS", "/sign-in/provider/return?code=%00&state=%FF", "/account/keys/%00/revoke",
)  # fmt: skip


@pytest.fixture(scope="module")
def wire(hub: HubDriver) -> Iterator[Wire]:
    connection = Wire(hub.url)
    yield connection
    connection.close()


def require_refused(answer: Answer, path: str) -> None:
    """4xx, in the shape of the surface that the address is of, and nothing of the request in the headers."""
    assert 400 <= answer.status < 500, (path, answer)
    assert "x=1" not in answer.headers.get("set-cookie", "") and "x-y" not in answer.headers, (path, answer)
    kind = answer.headers["content-type"]
    if path.startswith(("/api/v1/", "/api/download/")):
        assert kind == "application/json; charset=utf-8", (path, answer)
        assert isinstance(answer.json["error"], str)
    elif kind == "application/problem+json":
        assert {"type", "title", "status", "detail"} <= set(answer.json)
        assert answer.json["status"] == answer.status
    else:
        assert kind.startswith(("text/html", "application/json")), (path, answer)


@pytest.mark.parametrize("path", PATHS, ids=[path[:40] for path in PATHS])
def test_address(hub: HubDriver, wire: Wire, shapes: Shared, path: str) -> None:
    require_refused(wire.get(path, [f"authorization: Bearer {hub.admin_key}"]), path)
    assert 300 <= wire.get(path, ["accept: text/html"]).status < 500


def test_slashes_are_forgiven(wire: Wire, shapes: Shared) -> None:
    whole = wire.get(f"/api/v1/models/{shapes.model_id}")
    for path in (
        f"//api/v1/models/{shapes.model_id}",
        f"/api//v1///models/{shapes.model_id}/",
        f"/api/v1/models/{shapes.model_id}/?",
    ):
        answer = wire.get(path)
        assert (answer.status, answer.body) == (200, whole.body), path


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "REPORT", "M-SEARCH"])
def test_other_methods_are_405_and_say_which_there_are(wire: Wire, shapes: Shared, method: str) -> None:
    for path in (
        "/api/v1/models",
        "/api/v1/me",
        f"/api/download/models/{shapes.version_id}",
        "/models",
        "/health/live",
    ):
        answer = wire.send(method, path, body=b"{}")
        assert answer.status == 405, (method, path, answer)
        assert "GET" in answer.headers["allow"]
        if path.startswith("/api/"):
            assert answer.json == {"error": "Method not allowed"}


@pytest.mark.parametrize("method", ["FOO", "get", "GETT", "CONNECT"])
def test_what_is_no_method_is_refused(wire: Wire, method: str) -> None:
    assert wire.send(method, "/api/v1/models").status in (400, 405)


def test_addresses_of_16_kib_are_read_and_longer_ones_are_414(wire: Wire) -> None:
    path = "/api/v1/models?limit=1&x="
    assert wire.get(path + "a" * ((16 << 10) - len(path))).status == 200
    for size in (16 << 10, 70_000, 3_000_000):
        answer = wire.get(path + "a" * size)
        assert answer.status == 414, answer
        assert isinstance(answer.json["error"], str)


def test_three_thousand_ids_in_one_address(wire: Wire, shapes: Shared) -> None:
    ids = ",".join(map(str, range(1, 3_400)))
    answer = wire.get(f"/api/v1/models?limit=1&nsfw=true&ids={ids}")
    assert (answer.status, len(answer.json["items"])) == (200, 1)


def test_heads_without_end_are_431(wire: Wire) -> None:
    for headers in (["x: " + "a" * 3_000_000], [f"x-{number}: a" for number in range(5_000)]):
        answer = wire.get("/api/v1/enums", headers)
        assert (answer.status, isinstance(answer.json["error"], str)) == (431, True)


STRANGE_HEADERS = (
    "x-correlation-id: \xff", "cookie: \xff=\xff; easel-session=\xff", "user-agent: \xff", "accept: \xff;q=x",
    "accept-encoding: \xff", "accept-language: \xff", "if-none-match: \xff", "if-none-match: " + '"a",' * 5_000,
    "range: bytes=x", "x-forwarded-for: \xff", "x-forwarded-proto: \xff", "x-forwarded-host: evil.example",
    "forwarded: for=\xff", "origin: null", "content-type: \xff", "if-modified-since: x", "expect: 999",
    "upgrade: h2c", "te: x", "cookie: " + "a" * 9_000, 'cookie: easel-session="a\\"b', "content-encoding: gzip",
)  # fmt: skip


@pytest.mark.parametrize("header", STRANGE_HEADERS, ids=[header[:30] for header in STRANGE_HEADERS])
def test_strange_headers_change_nothing(wire: Wire, shapes: Shared, header: str) -> None:
    plain = wire.get(f"/api/v1/models/{shapes.model_id}")
    answer = wire.get(f"/api/v1/models/{shapes.model_id}", [header.encode("latin-1")])
    assert (answer.status, answer.body) == (200, plain.body)
    assert wire.get("/models", [header.encode("latin-1"), b"accept: text/html"]).status == 200
    assert wire.get("/account", [header.encode("latin-1"), b"accept: text/html"]).status == 303


@pytest.mark.parametrize(
    "shown",
    ["", " ", "Bearer", "Bearer ", "Bearer None", "Bearer null", "Basic YTpi", "Bearer " + "f" * 32, "x" * 9_000,
     "Bearer \xff", "Bearer {}", "Bearer $ne", "\x7f", "Bearer " + "f" * 31 + "\xe9"],
)  # fmt: skip
def test_a_credential_that_is_none_is_a_strangers(hub: HubDriver, wire: Wire, shapes: Shared, shown: str) -> None:
    header = b"authorization: " + shown.encode("latin-1")
    if "\x7f" not in shown:
        assert wire.get("/api/v1/models?limit=1", [header]).status == 200
        assert wire.get(f"/api/download/models/{shapes.version_id}", [header]).status == 307
    answer = wire.get("/api/v1/me", [header])
    assert answer.status in ((400,) if "\x7f" in shown else (401,)), answer
    assert answer.status == 400 or answer.json == {"error": "Unauthorized"}
    is_absent = not shown.strip()
    asked = wire.get(f"/api/v1/me?token={hub.admin_key}", [header])
    assert asked.status == (200 if is_absent else answer.status)  # a header that says something hides the query


def test_a_request_without_a_host_or_with_a_forged_one_has_no_origin(wire: Wire) -> None:
    for head in (b"", b"host: \r\n", b"host: a/b\r\n", b"host: a b\r\n", b"host: a<b>\r\n", b"host: a:99999999\r\n"):
        answer = wire.raw(b"GET /api/v1/enums HTTP/1.1\r\n" + head + b"\r\n")
        assert answer.status == 400, (head, answer)
    assert wire.raw(b"GET /api/v1/enums HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n").status == 400


# Bodies

BODIES = {
    "nothing": b"", "null": b"null", "number": b"1", "text": b'"x"', "list": b"[]", "true": b"true",
    "byte order mark": b"\xef\xbb\xbf{}", "utf-16": "{}".encode("utf-16"), "truncated": b'{"name": "x',
    "more than one": b"{} {}", "deep list": b"[" * 100_000, "deep and closed": b"[" * 3_000 + b"]" * 3_000,
    "deep object": b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    "deep inside": b'{"tags":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
    "no utf-8": b'{"name":"\xff"}', "half a surrogate pair": b'{"name":"\\ud800"}', "nul": b'{"name":"a\\u0000b"}',
    "huge number": b'{"name":1' + b"0" * 400 + b"}", "out of range": b'{"name":1e400}', "nan": b'{"name":NaN}',
    "unknown": b'{"zzz":1}', "prototype": b'{"__proto__":{"a":1}}', "operator": b'{"name":{"$gt":""}}',
    "comment": b"{/**/}", "single quotes": b"{'a':1}", "form": b"name=x&type=LORA",
}  # fmt: skip
TARGETS = (
    ("POST", "/api/hub/models"), ("PATCH", "/api/hub/models/{model}"), ("POST", "/api/hub/models/{model}/versions"),
    ("POST", "/api/hub/versions/{version}/uploads"), ("POST", "/api/hub/versions/{version}/reviews"),
    ("POST", "/api/hub/reports"), ("POST", "/api/hub/accounts"), ("PATCH", "/api/hub/accounts/{account}"),
    ("POST", "/api/hub/keys"), ("POST", "/api/hub/me/password"), ("POST", "/api/hub/moderation/takedowns"),
    ("POST", "/api/hub/uploads/01980000-0000-7000-8000-000000000000/urls"),
    ("POST", "/api/hub/uploads/01980000-0000-7000-8000-000000000000/complete"),
)  # fmt: skip


@pytest.mark.parametrize(("method", "template"), TARGETS, ids=[" ".join(target) for target in TARGETS])
def test_body_that_is_not_what_the_route_reads(hub: HubDriver, wire: Wire, method: str, template: str) -> None:
    _, client = hub.new_account("administrator")
    draft = hub.new_version(client, "Draft")
    target = template.format(model=draft["modelId"], version=draft["id"], account=2147483647)
    headers = [f"authorization: {client.headers['authorization']}", "content-type: application/json"]
    for name, body in BODIES.items():
        answer = wire.send(method, target, headers, body)
        assert answer.status == 400, (name, answer)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json
        assert problem["title"] == "The request is not valid"
        assert problem["errors"] and all(set(error) == {"field", "message"} for error in problem["errors"]), (
            name,
            answer,
        )
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\xff"):
        answer = wire.send(method, target, [headers[0], f"content-type: {content_type}".encode("latin-1")], b"{}")
        assert answer.status == 415, (content_type, answer)
    assert wire.send(method, target, [*headers, "content-encoding: gzip"], gzip.compress(b"{}")).status == 415
    for body in (b'{"name":"' + b"a" * 11_000_000 + b'"}', b"[" + b"1," * 6_000_000):
        answer = wire.send(method, target, headers, body)
        assert (answer.status, answer.json["title"]) == (413, "Too large")


@pytest.mark.parametrize("path", ["/api/v1/model-versions/by-hash", "/api/v1/model-versions/by-hash/ids"])
def test_bulk_body_that_is_no_list_of_hashes(wire: Wire, path: str) -> None:
    lists = {"63": b'["%s"]' % (b"0" * 63), "65": b'["%s"]' % (b"0" * 65), "mixed": b'["%s",1]' % (b"0" * 64)}
    for name, body in {**BODIES, **lists, "too many": json.dumps(["0" * 64] * 10_001).encode()}.items():
        if name == "list":
            continue  # an empty list is one
        answer = wire.send("POST", path, ["content-type: application/json"], body)
        assert answer.status == 400, (name, answer)
        text = answer.json["error"]
        assert text.startswith("Request must include an array of SHA256 Hashes. ["), (name, answer)
        assert json.loads(text.removeprefix("Request must include an array of SHA256 Hashes. "))[0]["message"]
    assert wire.send("POST", path, [], b" " * 11_000_000).status == 413


def test_bodies_in_chunks(hub: HubDriver, wire: Wire) -> None:
    headers = [f"authorization: Bearer {hub.admin_key}", "content-type: application/json", "transfer-encoding: chunked"]
    for body, status in (
        (b'1a\r\n{"name":"c","type":"LORA"}\r\n0\r\n\r\n', 201),
        (b"zz\r\n{}\r\n0\r\n\r\n", 400),
        (b"".join(b"100000\r\n" + b"a" * 0x100000 + b"\r\n" for _ in range(11)) + b"0\r\n\r\n", 413),
    ):
        assert wire.send("POST", "/api/hub/models", headers, body, sized=False).status == status


def test_a_body_shorter_than_it_says_does_nothing(hub: HubDriver, wire: Wire) -> None:
    before = hub.admin.get("/api/hub/keys").json()
    head = f"POST /api/hub/keys HTTP/1.1\r\nhost: {wire.host}\r\nauthorization: Bearer {hub.admin_key}\r\n"
    connection = Wire(hub.url)
    connection.raw_and_leave(f'{head}content-length: 100\r\n\r\n{{"name":"half"}}'.encode())
    assert hub.admin.get("/api/hub/keys").json() == before
