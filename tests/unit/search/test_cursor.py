from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.domain.cursor import read_cursor, write_cursor
from services.search.domain.recogniser import Mode
from services.search.domain.wanted import Wanted
from shared.problems import Invalid

ALL_MODES: tuple[Mode, ...] = ("browse", "words", "similar", "hash", "address")
MODES = st.sampled_from(ALL_MODES)
AFTER = st.tuples(st.integers(0, 40), st.integers(0, 2**32 - 1), st.integers(1, 2**31 - 1))


@given(MODES, AFTER)
def test_a_cursor_is_read_as_it_was_written(mode: Mode, after: tuple[int, int, int]) -> None:
    place = read_cursor(write_cursor("abc", mode, after), "abc", ALL_MODES)
    assert (place.mode, place.after) == (mode, after)


@given(MODES, AFTER)
def test_a_cursor_needs_no_escaping_in_an_address(mode: Mode, after: tuple[int, int, int]) -> None:
    cursor = write_cursor("abc", mode, after)
    assert all(character.isascii() and (character.isalnum() or character in "-_") for character in cursor)


@given(st.text())
def test_garbage_is_refused_and_never_fails_otherwise(cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        read_cursor(cursor, "abc", ALL_MODES)


@given(st.binary())
def test_garbage_that_is_well_encoded_is_refused_too(raw: bytes) -> None:
    with pytest.raises(Invalid, match="cursor"):
        read_cursor(base64.urlsafe_b64encode(raw).decode(), "abc", ALL_MODES)


@given(MODES, AFTER)
def test_a_cursor_of_another_question_is_refused(mode: Mode, after: tuple[int, int, int]) -> None:
    with pytest.raises(Invalid, match="other filters"):
        read_cursor(write_cursor("abc", mode, after), "abd", ALL_MODES)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ([1, "abc", "browse", [1, 2, 3]], "another release"),
        ([2, "abc", "browse", [1, 2]], "not a cursor"),
        ([2, "abc", "browse", [1, 2, 1.5]], "not a cursor"),
        ([2, "abc", "browse", [1, 2, 2**40]], "damaged"),
        ([2, "abc", "browse", [1, -2, 3]], "damaged"),
        ([2, "abc", "browse", [1, 2, "3"]], "not a cursor"),
        ([2, "abc", "everything", [1, 2, 3]], "not a cursor"),
        ({"format": 1}, "not a cursor"),
    ],
)
def test_a_changed_cursor_is_refused_with_the_reason(place: object, reason: str) -> None:
    cursor = base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()
    with pytest.raises(Invalid, match=reason):
        read_cursor(cursor, "abc", ALL_MODES)


def test_a_mode_that_the_query_cannot_have_is_refused() -> None:
    with pytest.raises(Invalid, match="damaged"):
        read_cursor(write_cursor("abc", "hash", (1, 2, 3)), "abc", ("words",))


def test_every_filter_is_part_of_the_question() -> None:
    changed = [
        Wanted(query="a"), Wanted(types=("LORA",)), Wanted(tags=("a",)), Wanted(base_models=("a",)),
        Wanted(creators=("a",)),
        Wanted(without_types=("LORA",)), Wanted(without_tags=("a",)), Wanted(without_base_models=("a",)),
        Wanted(without_creators=("a",)), Wanted(sizes=("a",)), Wanted(has_previews=True),
        Wanted(ids=(1,)), Wanted(version_ids=(1,)), Wanted(nsfw=False), Wanted(nsfw=True), Wanted(levels=1),
        Wanted(period="Day"), Wanted(checkpoint_type="Merge"), Wanted(file_formats=("GGUF",)), Wanted(sort="Newest"),
    ]  # fmt: skip
    assert len({wanted.fingerprint for wanted in [Wanted(), *changed]}) == len(changed) + 1
