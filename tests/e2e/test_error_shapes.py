"""How the compatible API refuses, case by case: clients parse these bodies."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.e2e.compatible import get
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver

NAN = "✖ Invalid input: expected number, received NaN\n  → at id"


@pytest.mark.parametrize("path", ["/models", "/images", "/articles", "/collections"])
def test_a_bad_query_is_an_error_that_holds_its_issues_as_text(hub: HubDriver, path: str) -> None:
    body = get(hub, path, 400, limit="x", sort="x").json()
    assert set(body) == {"error"} and set(body["error"]) == {"name", "message"}
    assert body["error"]["name"] == "ZodError"
    issues = {issue["path"][0]: issue for issue in json.loads(body["error"]["message"])}
    assert (issues["limit"]["code"], issues["limit"]["expected"]) == ("invalid_type", "number")
    sort = issues["sort"]
    assert sort["code"] == "invalid_value"
    assert sort["message"] == "Invalid option: expected one of " + "|".join(f'"{value}"' for value in sort["values"])


def test_of_a_union_the_legal_values_are_where_clients_look_for_them(hub: HubDriver) -> None:
    for query in ("types=", "types=Nonsense", "types=LORA&types=Nonsense"):
        (issue,) = json.loads(get(hub, f"/models?{query}", 400).json()["error"]["message"])
        assert (issue["code"], issue["path"], issue["message"]) == ("invalid_union", ["types"], "Invalid input")
        assert "Checkpoint" in issue["errors"][0][0]["values"]


def test_users_have_the_same_without_the_wrapper(hub: HubDriver) -> None:
    body = get(hub, "/users", 400, ids="x").json()
    assert set(body) == {"name", "message"} and body["name"] == "ZodError"
    assert json.loads(body["message"])[0]["path"][0] == "ids"


@pytest.mark.parametrize("path", ["/creators", "/tags"])
def test_creators_and_tags_have_the_issues_alone(hub: HubDriver, path: str) -> None:
    (issue,) = get(hub, path, 400, limit=201).json()
    assert (issue["code"], issue["path"]) == ("too_big", ["limit"])


@pytest.mark.parametrize("path", ["/models", "/model-versions", "/model-versions/mini"])
@pytest.mark.parametrize("value", ["x", "0", "-1", "2147483648", "1.5"])
def test_a_bad_id(hub: HubDriver, path: str, value: str) -> None:
    assert get(hub, f"{path}/{value}", 400).json() == {"error": NAN}


def test_a_bad_bulk_body(hub: HubDriver) -> None:
    for path, most in (("by-hash", 100), ("by-hash/ids", 10_000)):
        for sent, code in (
            ({}, "invalid_type"), ([1], "invalid_type"), (["0" * 63], "too_small"), (["0" * 65], "too_big"),
            (["0" * 64] * (most + 1), "too_big"),
        ):  # fmt: skip
            answer = hub.anonymous.post(f"/api/v1/model-versions/{path}", json=sent)
            assert answer.status_code == 400
            before, _, issues = answer.json()["error"].partition("Hashes. ")
            assert before == "Request must include an array of SHA256 "
            assert json.loads(issues)[0]["code"] == code


def test_of_a_search_only_the_first_page_is_asked_for_by_number(hub: HubDriver) -> None:
    body = {"error": "Cannot use page param with query search. Use cursor-based pagination."}
    assert get(hub, "/models", 400, query="quayside", page=2).json() == body
    assert get(hub, "/models", 400, query="quayside", page=2, cursor="x").json() == body
    first = get(hub, "/models", query="quayside", page=1, limit=1).json()
    assert first["items"] == get(hub, "/models", query="quayside", limit=1).json()["items"]
    assert get(hub, "/models?query=&page=1").status_code == 200
    assert get(hub, "/models?query=quayside&page=").status_code == 200


@pytest.mark.parametrize("path", ["/models", "/images"])
def test_pages_that_only_a_cursor_leads_to(hub: HubDriver, path: str) -> None:
    body = {"error": "You've requested too many pages, please use cursors instead"}
    answer = get(hub, path, 429, page=101, limit=10)
    assert answer.json() == body
    assert get(hub, path, page=100, limit=10).status_code == 200


@pytest.mark.parametrize("cursor", ["x", "812|4401|90211", "newest:x", "\x00", "x" * 9_000])
def test_a_malformed_cursor(hub: HubDriver, cursor: str) -> None:
    body = get(hub, "/models", 400, cursor=cursor).json()
    assert set(body) == {"message"} and body["message"].startswith("Invalid cursor: ")
    assert get(hub, "/images", 400, cursor=cursor).json()["code"] == "BAD_REQUEST"


def test_an_unknown_user(hub: HubDriver) -> None:
    assert get(hub, "/models", 404, username="nobody_at_all").json() == {"message": "User not found"}
    assert get(hub, "/images", 404, username="nobody_at_all").json() == {"error": "User not found", "code": "NOT_FOUND"}
    name, _ = hub.new_account()
    assert get(hub, "/models", username=name.upper()).json()["items"] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/models/2147483647", "No model with id 2147483647"),
        ("/model-versions/2147483647", "Model not found"),
        ("/model-versions/mini/2147483647", "Model not found"),
        ("/model-versions/by-hash/" + "0" * 64, "Model not found"),
        ("/model-versions/by-hash/x", "Model not found"),
        ("/articles/7", "No article with id 7"),
        ("/collections/7", "No collection with id 7"),
        ("/model-files/2147483647/tensor-metadata", "File not found"),
    ],
)
def test_what_is_missing(hub: HubDriver, path: str, text: str) -> None:
    assert get(hub, path, 404).json() == {"error": text}


def test_what_needs_a_key(hub: HubDriver) -> None:
    assert get(hub, "/me", 401).json() == {"error": "Unauthorized"}


def test_unknown_addresses_and_wrong_methods(hub: HubDriver) -> None:
    assert set(get(hub, "/no/such", 404).json()) == {"error"}
    answer = hub.anonymous.put("/api/v1/models")
    assert (answer.status_code, answer.json()) == (405, {"error": "Method not allowed"})
    assert "GET" in answer.headers["allow"]


def test_no_answer_of_a_download_is_stored(hub: HubDriver) -> None:
    for path in ("x", "0", "2147483647", "1?type=Nothing", "1?fileId=x"):
        answer = hub.anonymous.get(f"/api/download/models/{path}")
        assert answer.status_code in (400, 404), path
        assert answer.headers["cache-control"] == "no-store, max-age=0", path


# The hub's own API: RFC 9457


def problem_of(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["title"] and problem["detail"] and problem["correlationId"]
    return problem


@pytest.mark.parametrize(
    ("path", "field", "message"),
    [
        ("uploads?versionId=x", "versionId", "must be a whole number or null, not a text"),
        ("uploads?versionId=0", "versionId", "must be a whole number >= 1"),
        ("accounts?limit=0", "limit", "must be a whole number >= 1"),
        ("accounts?limit=201", "limit", "must be a whole number <= 200"),
        ("accounts?cursor=x", "cursor", "must be a whole number, not a text"),
        ("models/1/reviews?limit=101", "limit", "must be a whole number <= 100"),
        ("models/1/reviews?cursor=x", "cursor", "is not one that this list gave; start again without it"),
        ("moderation/reports?status=x", "status", "must be open or closed"),
    ],
)
def test_a_wrong_parameter_of_the_hubs_api_is_named(
    hub: HubDriver, shapes: Shared, path: str, field: str, message: str
) -> None:
    problem = problem_of(hub.admin.get(f"/api/hub/{path}"), 400)
    assert problem["errors"] == [{"field": field, "message": message}]
    assert problem["detail"] == f"{field}: {message}"


def test_a_wrong_field_is_named_where_it_is(hub: HubDriver) -> None:
    version = hub.new_version(hub.admin, "Wrong")
    answer = hub.admin.post(
        f"/api/hub/versions/{version['id']}/uploads", json={"name": "a", "sizeBytes": 1, "metadata": {"size": "x"}}
    )
    assert problem_of(answer, 400)["errors"] == [
        {"field": "metadata.size", "message": "'x' is not known; use one of full, pruned"}
    ]


def test_other_refusals_of_the_hubs_api(hub: HubDriver) -> None:
    _, member = hub.new_account("member")
    problem_of(hub.anonymous.get("/api/hub/me"), 401)
    problem_of(member.post("/api/hub/models", json={"name": "a", "type": "LORA"}), 403)
    problem_of(hub.admin.get("/api/hub/models/2147483647"), 404)
    problem_of(hub.admin.put("/api/hub/models"), 405)
    problem_of(hub.admin.post("/api/hub/accounts", json={"username": "admin"}), 409)
    problem_of(hub.admin.post("/api/hub/keys", content=b"x" * 11_000_000), 413)
    problem_of(hub.admin.post("/api/hub/keys", content=b"{}", headers={"content-type": "text/plain"}), 415)


@pytest.mark.parametrize("name", ["favorites", "hidden"])
@pytest.mark.parametrize("value", ["true", "false", "0"])
def test_lists_of_ones_own_need_a_key_even_where_they_are_not_wanted(hub: HubDriver, name: str, value: str) -> None:
    assert get(hub, "/models", 401, **{name: value}).json() == {"error": "Unauthorized"}
    answer = hub.admin.get("/api/v1/models", params={name: value, "limit": 1})
    assert answer.status_code == 200, answer.text


def test_private_models_are_asked_for_by_their_owner(hub: HubDriver) -> None:
    assert get(hub, "/models", 401, availability="Private").json() == {"error": "Unauthorized"}
    assert hub.admin.get("/api/v1/models?availability=Private").json() == {"error": "Unauthorized"}
