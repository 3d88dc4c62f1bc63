"""Every parameter of the compatible API with everything that it may not be.

A value that is not one of the parameter's is refused by 400, in the shape that the route has for it, and nothing is
ever answered by 5xx, by a broken connection, or with what was not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tests.e2e.conftest import Shared
from tests.e2e.hostile.parameters import FREE_VALUES, PARAMETERS, REPEATED_VALUES, VALUES, Parameter, anything
from tests.e2e.hostile.wire import Answer, Wire
from tests.hub_driver import HubDriver

SEARCHED = {"query", "tag", "tagname", "username", "user", "baseModels"}
"""Parameters of which a value that nothing has must find nothing."""
FINE = (200, 307, 404)


@pytest.fixture(scope="module")
def wire(hub: HubDriver) -> Iterator[Wire]:
    connection = Wire(hub.url)
    yield connection
    connection.close()


def issues_of(answer: Answer, parameter: Parameter) -> list[Any] | None:
    """The issues that a refusal tells of, once its shape is right; None where it tells in words."""
    body = answer.json
    if parameter.shape == "zod list":
        return list(body)
    if parameter.shape in ("zod", "zod bare"):
        named = body["error"] if parameter.shape == "zod" else body
        assert set(named) == {"name", "message"} and named["name"] == "ZodError"
        return list(json.loads(named["message"]))
    if parameter.shape == "cursor":
        assert set(body) == {"message"} and body["message"].startswith("Invalid cursor: ")
    elif parameter.shape == "coded":
        assert set(body) == {"error", "code"} and body["code"] == "BAD_REQUEST"
    else:
        assert set(body) == {"error"} and isinstance(body["error"], str)
    return None


def require_right(parameter: Parameter, query: str, answer: Answer, *, is_legal: bool) -> None:
    """Fail unless the answer is one that this query may have."""
    said = f"{parameter.route}?{query[:120]} -> {answer.status} {answer.body[:300]!r}"
    assert answer.status in ((*FINE, 429) if is_legal else (400,)), said
    if answer.status == 307:
        return
    assert answer.headers["content-type"] == "application/json; charset=utf-8", said
    if answer.status == 400:
        issues = issues_of(answer, parameter)
        assert issues is None or {issue["path"][0] for issue in issues} == {parameter.name}, said


@pytest.mark.parametrize("parameter", PARAMETERS, ids=[f"{each.route} {each.name}" for each in PARAMETERS])
def test_parameter(wire: Wire, shapes: Shared, sketch: Shared, parameter: Parameter) -> None:
    file_id = shapes.report["files"][0]["id"]
    route = parameter.route.format(version=shapes.version_id, file=file_id)
    for value in VALUES if parameter.may_be is not anything else FREE_VALUES:
        decoded = unquote_plus(value, errors="replace").strip()
        query = f"{parameter.name}={value}"
        answer = wire.get(f"{route}?{query}")
        require_right(parameter, query, answer, is_legal=parameter.may_be(decoded))
        if answer.status == 200 and parameter.name in SEARCHED and len(decoded) > 12 and "/v1/" in route:
            assert answer.json["items"] == [], f"{query[:100]} found {answer.body[:200]!r}"
    for value in REPEATED_VALUES:
        for query in (f"{parameter.name}={value}&{parameter.name}=1", f"{parameter.name}[]={value}"):
            answer = wire.get(f"{route}?{query}")
            assert answer.status in (*FINE, 400, 429), f"{query[:100]} -> {answer.status} {answer.body[:300]!r}"


def test_parameters_by_strange_names_are_ignored(wire: Wire, shapes: Shared) -> None:
    for query in ("%FF=1&=2&&&==&limit=1", "a=1&" * 4_000, "limit%00=5", "LIMIT=x", "__proto__=1", "limit[]=x&limit=1"):
        assert wire.get(f"/api/v1/models?{query}").status == 200, query[:40]


# Cursors


def page(wire: Wire, target: str) -> Any:
    answer = wire.get(target)
    assert answer.status == 200, answer.body
    return answer.json["metadata"]


def test_cursors_of_other_lists_are_refused(wire: Wire, shapes: Shared, sketch: Shared) -> None:
    cursors = {
        "newest": page(wire, "/api/v1/models?limit=1&sort=Newest&nsfw=true")["nextCursor"],
        "rated": page(wire, "/api/v1/models?limit=1&nsfw=true")["nextCursor"],
        "searched": page(wire, "/api/v1/models?limit=1&query=quayside&nsfw=true")["nextCursor"],
        "images": "1|1700000000000",
        "civitai": "812|4401|90211",
        "forged": "eyJhIjoxfQ",
        "deep": "WzEsImEiLCJicm93c2UiLFsxXSw" + "W1tb" * 3_000,
    }
    lists = {
        "newest": "/api/v1/models?limit=1&sort=Newest&nsfw=true", "rated": "/api/v1/models?limit=1&nsfw=true",
        "searched": "/api/v1/models?limit=1&query=quayside&nsfw=true",
    }  # fmt: skip
    for name, target in lists.items():
        assert wire.get(f"{target}&cursor={cursors[name]}").json["items"], name
        for other in cursors.keys() - {name}:
            answer = wire.get(f"{target}&cursor={cursors[other]}")
            assert answer.status == 400, (name, other, answer.body)
            assert answer.json["message"].startswith("Invalid cursor: ")
    for other in cursors.keys() - {"images"}:
        answer = wire.get(f"/api/v1/images?cursor={cursors[other]}")
        assert (answer.status, answer.json["code"]) == (400, "BAD_REQUEST"), other


def test_tampered_cursors_are_refused_or_of_the_same_list(wire: Wire, shapes: Shared, sketch: Shared) -> None:
    target = "/api/v1/models?limit=1&tag=quayside"
    whole = page(wire, "/api/v1/models?limit=1&nsfw=true")["nextCursor"]
    for place in range(len(whole)):
        for letter in "A_=%":
            changed = whole[:place] + letter + whole[place + 1 :]
            answer = wire.get(f"{target}&cursor={changed}")
            assert answer.status in (200, 400), (changed, answer.body)


@pytest.mark.parametrize(
    "cursor",
    ["newest:", "newest:2026-01-01", "newest:2026-01-01|", "newest:2026-01-01|1_0", "newest:2026-01-01|%D9%A1",
     "newest:x|1", "newest:2026-01-01|99999999999", "newest:0001-01-01T00:00:00%2B23:59|1", "newest:" + "9" * 9_000],
)  # fmt: skip
def test_cursors_of_the_days_when_search_was_down(wire: Wire, cursor: str) -> None:
    answer = wire.get(f"/api/v1/models?cursor={cursor}")
    assert answer.status == 400, answer.body
    assert answer.json["message"].startswith("Invalid cursor: ")
    assert wire.get(f"/models?cursor={cursor}", ["accept: text/html"]).status == 400
