"""What the replayed traces would notice in a document."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.shape import faults

GOOD = {
    "items": [{"id": 1, "name": "a", "hashes": {"SHA256": "AB"}, "files": []}],
    "metadata": {"nextCursor": "x", "at": "2026-01-02T03:04:05.678Z", "gone": None},
}


def test_a_document_as_expected_has_no_faults() -> None:
    expected = {
        "items[].id": "integer", "items[].name": "text", "items[].hashes": "object of strings",
        "items[].hashes.SHA256": "upper hex", "items[].files[*].id": "integer", "metadata.nextCursor": "text",
        "metadata.at": "time", "metadata.gone": "string?", "metadata.other?": "integer",
        "items[].more[*]?.id": "integer",
    }  # fmt: skip
    assert faults(GOOD, expected) == []


@pytest.mark.parametrize(
    ("document", "path", "kind", "fault"),
    [
        ({"id": "1"}, "id", "integer", "id is no integer: '1'"),
        ({"id": True}, "id", "integer", "id is no integer: True"),
        ({"id": None}, "id", "integer", "id is no integer: None"),
        ({"id": 1.0}, "id", "integer", "id is no integer: 1.0"),
        ({}, "id", "integer", "id is missing"),
        ({"id": None}, "id?", "integer", "id is no integer: None"),
        ({"items": []}, "items[].id", "integer", "items[] is missing"),
        ({"items": [{"id": 1}, {}]}, "items[].id", "integer", "items[1].id is missing"),
        ([{"id": 1}, {"id": "2"}], "[].id", "integer", "[1].id is no integer: '2'"),
        ({"a": None}, "a.b", "integer", "a.b is missing"),
        ({"a": {"b": "ab"}}, "a.b", "upper hex", "a.b is no upper hex: 'ab'"),
        ({"at": "2026-01-02T03:04:05Z"}, "at", "time", "at is no time: '2026-01-02T03:04:05Z'"),
        ({"hashes": {"x": None}}, "hashes", "object of strings", "hashes is no object of strings: {'x': None}"),
    ],
)
def test_a_fault_is_named_with_its_place(document: Any, path: str, kind: str, fault: str) -> None:
    assert faults(document, {path: kind}) == [fault]
