"""The OpenAPI document, taken at its word: requests that it allows and some that it does not, by everybody.

Whatever is sent is answered with a status, a content type and a body that the document declares, and never by 5xx.
`EASEL_FUZZ_EXAMPLES` (8 for each operation) makes the run longer, and another one each time.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.api.hub import ONE_LINE
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver, Json

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
EXAMPLES = int(os.environ.get("EASEL_FUZZ_EXAMPLES", "8"))
ROLES = ("anonymous", "member", "creator", "administrator")
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
AnyCase = Case[Any]


def _easy_to_make(schema: Json) -> Json:
    """A schema whose texts are found at once: those of the real expression take minutes to be made."""
    return schema | ({"pattern": "^[!-~]+$"} if schema.get("pattern") == ONE_LINE else {})


def operations() -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """All operations of the document by `METHOD path`; an invalid one fails here."""
    document = json.loads(DOCUMENT.read_text(), object_hook=_easy_to_make)
    schema = schemathesis.openapi.from_dict(document)
    found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    assert len(found) == schema.statistic.operations.total
    return {operation.label: operation for operation in found}


OPERATIONS = operations()


class Owned:
    """Accounts of each role, and things of their own: nothing of other tests is changed."""

    def __init__(self, hub: HubDriver) -> None:
        self.url = hub.url
        self.clients: dict[str, httpx.Client] = {"anonymous": hub.anonymous}
        for role in ROLES[1:]:
            _, self.clients[role] = hub.new_account(role)
        version = hub.new_version(self.clients["creator"], "Fuzzed")
        name, _ = hub.new_account()
        users = hub.anonymous.get("/api/v1/users", params={"query": name}).json()["items"]
        self.ids = {"model_id": version["modelId"], "version_id": version["id"], "account_id": users[0]["id"]}

    def headers(self, role: str) -> dict[str, str]:
        """What a caller of that role sends."""
        shown = self.clients[role].headers.get("authorization")
        return {"Authorization": shown} if shown else {}

    def keep_from_others(self, case: AnyCase) -> None:
        """Point a change that could hit something real at something of one's own."""
        if case.method in ("GET", "HEAD"):
            return
        for name, value in (case.path_parameters or {}).items():
            if name in self.ids and _may_exist(value):
                case.path_parameters[name] = self.ids[name]
            elif name in ("review_id", "file_id") and _may_exist(value):
                case.path_parameters[name] = 2**31 - 1
        if isinstance(case.body, dict):
            for name in ("modelId", "subjectId"):
                if _may_exist(case.body.get(name)):
                    case.body[name] = self.ids["model_id"]


def _may_exist(value: Any) -> bool:
    try:
        return 0 < int(value) < 100_000
    except (TypeError, ValueError, OverflowError):
        return False


@pytest.fixture(scope="module")
def owned(hub: HubDriver, shapes: Shared, sketch: Shared) -> Owned:
    return Owned(hub)


def test_the_served_document_is_the_committed_one(hub: HubDriver) -> None:
    served: Json = hub.anonymous.get("/schema/openapi.json").json()
    assert served == json.loads(DOCUMENT.read_text())


@pytest.mark.parametrize("label", OPERATIONS)
def test_operation(owned: Owned, label: str) -> None:
    operation = OPERATIONS[label]
    cases = st.one_of(*(operation.as_strategy(mode) for mode in GenerationMode))

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES <= 8,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases, st.sampled_from(ROLES))
    def run(case: AnyCase, role: str) -> None:
        owned.keep_from_others(case)
        answer = case.call(base_url=owned.url, headers=owned.headers(role), allow_redirects=False, timeout=30)
        case.validate_response(answer, checks=CHECKS)

    run()
