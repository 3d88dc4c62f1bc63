"""Bodies of the bulk hash lookups."""

from __future__ import annotations

import json

import pytest

from services.gateway.hash_list import parse_hashes
from shared.problems import Invalid

HASH = "aB" * 32


@pytest.mark.parametrize("count", [0, 1, 100])
def test_up_to_so_many_hashes_are_taken(count: int) -> None:
    assert parse_hashes(json.dumps([HASH] * count).encode(), 100) == [HASH] * count


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (json.dumps([HASH] * 101), "too_big"),
        (json.dumps([HASH[:-1]]), "too_small"),
        (json.dumps([HASH + "0"]), "too_big"),
        (json.dumps([HASH, 7]), "invalid_type"),
        (json.dumps({"hashes": [HASH]}), "invalid_type"),
        ("null", "invalid_type"),
        ("", "custom"),
        ("[", "custom"),
    ],
)
def test_anything_else_is_refused_with_the_text_that_clients_know(body: str, code: str) -> None:
    with pytest.raises(Invalid) as failure:
        parse_hashes(body.encode(), 100)
    begin, _, issues = failure.value.detail.partition(". ")
    assert begin == "Request must include an array of SHA256 Hashes"
    assert json.loads(issues)[0]["code"] == code


def test_a_long_list_of_wrong_hashes_is_not_answered_at_length() -> None:
    with pytest.raises(Invalid) as failure:
        parse_hashes(json.dumps(["x"] * 10_000).encode(), 10_000)
    assert len(failure.value.detail) < 20_000
