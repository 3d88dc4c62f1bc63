"""The compatible API stays as it is frozen: additions are announced, and nothing else changes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.contracts.v1.shapes import (
    CHANGELOG,
    Field,
    Shapes,
    broken,
    current,
    load,
    unannounced,
    violations,
)


def test_nothing_that_clients_read_has_changed() -> None:
    assert broken(load().read_shapes(), current()) == []


def test_everything_new_is_announced() -> None:
    assert unannounced(load().read_shapes(), current(), CHANGELOG.read_text()) == []


def test_the_frozen_file_is_whole() -> None:
    assert load().read_shapes() == current(), "run python -m tests.contracts.v1.freeze and commit"


def test_routes_and_exceptions_name_what_there_is() -> None:
    frozen = load()
    names = {f"{shape}.{name}" for shape, fields in frozen.shapes.items() for name in fields}
    assert {name for fields in frozen.always_in.values() for name in fields} <= names
    assert frozen.always_in.keys() <= frozen.routes.keys()


THING: Shapes = {"Thing": {"id": Field("integer"), "note": Field("string", nullable=True), "tags": Field("[string]")}}


@pytest.mark.parametrize(
    ("name", "field", "what"),
    [
        ("id", None, "Thing.id is gone"),
        ("id", Field("number"), "Thing.id was integer and is number"),
        ("id", Field("integer", nullable=True), "Thing.id may be null now"),
        ("id", Field("integer", presence="sometimes"), "Thing.id may be absent now"),
        ("tags", Field("[integer]"), "Thing.tags was [string] and is [integer]"),
    ],
)
def test_a_break_is_noticed(name: str, field: Field | None, what: str) -> None:
    fields = {key: value for key, value in THING["Thing"].items() if key != name}
    assert broken(THING, {"Thing": fields | ({name: field} if field else {})}) == [what]


def test_a_field_by_another_name_is_gone_and_unannounced() -> None:
    renamed = {"Thing": {"ID" if name == "id" else name: field for name, field in THING["Thing"].items()}}
    assert broken(THING, renamed) == ["Thing.id is gone"]
    assert unannounced(THING, renamed, "") == ["Thing.ID"]
    assert unannounced(THING, renamed, "- `Thing.ID` …") == []
    assert broken(THING, {}) == ["Thing is gone"]


def test_what_is_narrower_breaks_nobody() -> None:
    narrower = {"Thing": THING["Thing"] | {"note": Field("string")}}
    assert broken(THING, narrower) == []


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({"id": 1, "note": None, "tags": []}, []),
        ({"id": 1.0, "note": "", "tags": []}, ["$.id is number 1.0, not integer"]),
        ({"id": True, "note": "", "tags": []}, ["$.id is boolean true, not integer"]),
        ({"id": "1", "note": "", "tags": []}, ['$.id is string "1", not integer']),
        ({"id": None, "note": "", "tags": []}, ["$.id is null"]),
        ({"note": "", "tags": []}, ["$.id is missing"]),
        ({"id": 1, "note": "", "tags": None}, ["$.tags is null"]),
        ({"id": 1, "note": "", "tags": [1]}, ["$.tags[0] is integer 1, not string"]),
        ({"id": 1, "note": "", "tags": {}}, ["$.tags is object, not a list"]),
        ({"id": 1, "note": "", "tags": [], "x": 1}, ["$.x is not a field of Thing"]),
    ],
)
def test_an_answer_is_held_against_its_shape(value: Any, what: list[str]) -> None:
    assert violations(msgspec.json.decode(msgspec.json.encode(value)), "Thing", THING, []) == what
