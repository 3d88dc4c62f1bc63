"""What the OpenAPI document says of a query is what its route reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.gateway.declared_queries import QUERIES
from services.gateway.image_query import parse_image_query
from services.gateway.model_query import parse_model_query
from services.gateway.query_reader import BadQuery

READERS: dict[str, Callable[[list[tuple[str, str]]], Any]] = {
    "/api/v1/models": parse_model_query,
    "/api/v1/images": lambda pairs: parse_image_query(pairs, ["Other"]),
}
LEGAL = {"integer": "1", "boolean": "true", "string": "Other"}


def refused(path: str, name: str, value: str) -> bool:
    try:
        READERS[path]([(name, value)])
    except BadQuery as error:
        assert json.loads(str(error))[0]["path"] == [name]
        return True
    return False


@pytest.mark.parametrize(
    ("path", "name", "schema"),
    [(path, each.name, each.schema) for path in READERS for each in QUERIES[path]],
)
def test_a_declared_value_is_read_and_another_refused(path: str, name: str, schema: Any) -> None:
    item = schema.items or schema
    legal = item.enum[0] if item.enum else LEGAL[item.type.value]
    assert not refused(path, name, str(legal))
    if item.minimum is not None:
        assert refused(path, name, str(int(item.minimum) - 1))
        assert refused(path, name, str(int(item.maximum) + 1))
    if item.enum or item.type.value in ("integer", "boolean"):
        assert refused(path, name, "nonsense")
