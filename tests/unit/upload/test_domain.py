"""Rules of uploads: names, sizes, parts, and when all parts are there."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.upload import domain
from services.upload.domain import MAX_PARTS, MIB, Session
from shared.api.hub import PartTag
from shared.api.inside import OpenUpload
from shared.engines.s3 import StoredPart
from shared.problems import Conflict, Invalid, TooLarge

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def session(size_bytes: int = 25, part_bytes: int = 10, **changes: Any) -> Session:
    ask = OpenUpload(version_id=10, name="m.safetensors", size_bytes=size_bytes, type="Model")
    given: dict[str, Any] = {
        "upload_id": "u", "file_id": 1, "owner_id": 7, "owner": "maker", "store_upload_id": "s", "object_key": "k",
        "part_bytes": part_bytes, "now": NOON, "lifetime": timedelta(hours=24),
    } | changes  # fmt: skip
    return domain.open_session(ask, **given)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "Model (v2) [x].SAFETENSORS", "模型.gguf", "a.b.c.ckpt", "workflow.json", "x y.zip"]
)
def test_a_plain_name_of_a_known_kind_is_taken_as_it_is(name: str) -> None:
    assert domain.check_name(name) == name


def test_a_name_is_kept_in_normal_form_without_blanks_around_it() -> None:
    decomposed = unicodedata.normalize("NFD", "  Müller.safetensors ")
    assert domain.check_name(decomposed) == unicodedata.normalize("NFC", "Müller.safetensors")


@pytest.mark.parametrize(
    "name",
    [
        "", "   ", ".safetensors", "../up.safetensors", "a/b.safetensors", "a\\b.safetensors", "a\n.safetensors",
        "a\x00.safetensors", "model", "model.exe", "model.safetensors.exe", "model.py", "model.pkl", "a.tar.gz",
        "x" * 244 + ".safetensors", "é" * 122 + ".safetensors",
    ],
)  # fmt: skip
def test_any_other_name_is_refused_and_the_field_is_named(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        domain.check_name(name)
    assert isinstance(refused.value.extra, dict)
    assert refused.value.extra["errors"][0]["field"] == "name"


@given(st.text(max_size=40))
def test_a_name_that_is_taken_is_harmless(name: str) -> None:
    try:
        clean = domain.check_name(name + ".pt")
    except Invalid:
        return
    assert clean and not set(clean) & set("/\\\x00\n\r\t") and not clean.startswith(".")
    assert len(clean.encode()) <= 255
    assert domain.check_name(clean) == clean


@pytest.mark.parametrize("size_bytes", [0, -1])
def test_an_empty_file_is_refused(size_bytes: int) -> None:
    with pytest.raises(Invalid, match="empty"):
        domain.check_size(size_bytes, 100)


def test_a_file_is_taken_up_to_the_limit_and_the_limit_is_told() -> None:
    domain.check_size(1, 100)
    domain.check_size(100, 100)
    with pytest.raises(TooLarge, match="takes 100 at most"):
        domain.check_size(101, 100)


def test_types_are_those_of_the_api() -> None:
    domain.check_type("Training Data")
    with pytest.raises(Invalid, match="Pruned Model"):
        domain.check_type("model")


@pytest.mark.parametrize(
    ("size_bytes", "part_bytes", "plan"),
    [
        (1, 32 * MIB, (32 * MIB, 1)),
        (32 * MIB, 32 * MIB, (32 * MIB, 1)),
        (32 * MIB + 1, 32 * MIB, (32 * MIB, 2)),
        (10_000 * 32 * MIB, 32 * MIB, (32 * MIB, 10_000)),
        (10_000 * 32 * MIB + 1, 32 * MIB, (33 * MIB, 9_697)),
        (1 << 40, 32 * MIB, (105 * MIB, 9_987)),
    ],
)
def test_parts_are_as_configured_unless_there_would_be_too_many(
    size_bytes: int, part_bytes: int, plan: tuple[int, int]
) -> None:
    assert domain.plan_parts(size_bytes, part_bytes) == plan


@given(st.integers(1, 1 << 42), st.integers(5 * MIB, 5 << 30))
def test_the_parts_of_any_file_add_up_to_it_and_are_what_stores_take(size_bytes: int, part_bytes: int) -> None:
    of = session(size_bytes, part_bytes)
    assert 1 <= of.part_count <= MAX_PARTS
    assert of.part_bytes >= part_bytes
    last = domain.part_size(of, of.part_count)
    assert (of.part_count - 1) * of.part_bytes + last == size_bytes
    assert 1 <= last <= of.part_bytes
    assert of.part_count == 1 or domain.part_size(of, 1) == of.part_bytes >= 5 * MIB
    assert of.part_count == math.ceil(size_bytes / of.part_bytes)


@pytest.mark.parametrize("numbers", [[0], [4], [1, 2, 99], [-1]])
def test_addresses_are_given_only_for_parts_that_the_upload_has(numbers: list[int]) -> None:
    domain.check_part_numbers(session(), [1, 3, 2])
    with pytest.raises(Invalid, match="parts 1 to 3"):
        domain.check_part_numbers(session(), numbers)


STORED = [StoredPart(1, "a", 10), StoredPart(2, "b", 10), StoredPart(3, "c", 5)]


def tags(*etags: str) -> list[PartTag]:
    return [PartTag(number=number, etag=etag) for number, etag in enumerate(etags, 1)]


@pytest.mark.parametrize("sent", [tags("a", "b", "c"), tags('"a"', '"b"', '"c"'), tags("a"), tags("a", "b", "c")[::-1]])
def test_parts_that_are_all_there_are_joined_in_order(sent: list[PartTag]) -> None:
    assert domain.check_complete(session(), sent, STORED[::-1]) == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize(
    ("sent", "stored", "message"),
    [
        (tags("a", "b", "c"), STORED[:2], "1 of 3 parts are missing: 3"),
        (tags("a", "b", "c"), STORED[1:2], "2 of 3 parts are missing: 1, 3"),
        (tags("a", "b", "c"), [], "3 of 3 parts are missing: 1, 2, 3"),
        (tags("a", "b", "c"), [*STORED[:2], StoredPart(3, "c", 6)], "Part 3 has 6 bytes instead of 5"),
        (tags("a", "b", "c"), [StoredPart(1, "a", 9), *STORED[1:]], "Part 1 has 9 bytes instead of 10"),
        (tags("a", "x", "c"), STORED, "Part 2 in the store is not the one"),
        ([PartTag(number=4, etag="a")], STORED, "Part 4 in the store is not the one"),
    ],
)
def test_what_does_not_fit_is_named(sent: list[PartTag], stored: list[StoredPart], message: str) -> None:
    with pytest.raises(Conflict, match=message):
        domain.check_complete(session(), sent, stored)


def test_at_most_ten_missing_parts_are_listed() -> None:
    with pytest.raises(Conflict) as refused:
        domain.check_complete(session(1000), tags("a"), [])
    assert "100 of 100 parts are missing: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10." in str(refused.value.detail)


def test_the_uploader_sees_the_parts_that_the_store_has() -> None:
    shown = domain.to_upload(session(), STORED[:2])
    assert (shown.part_size_bytes, shown.part_count, shown.status) == (10, 3, "open")
    assert [(part.number, part.etag, part.size_bytes) for part in shown.parts] == [(1, "a", 10), (2, "b", 10)]
    assert shown.expires_at == "2026-03-02T12:00:00.000Z"
