from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.domain.spelling import candidates, corrected, edits_forgiven


@pytest.mark.parametrize(
    ("typed", "known", "expected"),
    [
        ("harbuor", [("harbour", 3), ("harbor", 9), ("labour", 50)], (("harbor", "harbour"),)),
        ("klaina", [("elaina", 9), ("kalina", 1)], (("kalina",), ("elaina",))),
        (
            "watercolur", [("watercolour", 1), ("watercolor", 2), ("watercolors", 7)],
            (("watercolor", "watercolour"), ("watercolors",)),
        ),
        ("harbour", [("harbour", 1), ("harbours", 5)], (("harbour",), ("harbours",))),
        ("abc", [("abd", 1), ("abc", 1)], (("abc",),)),
        ("1990s", [], ()),
    ],
)  # fmt: skip
def test_the_words_meant_are_those_the_fewest_mistakes_away(
    typed: str, known: list[tuple[str, int]], expected: tuple[tuple[str, ...], ...]
) -> None:
    assert candidates(typed, known) == expected


def test_a_correction_is_the_likeliest_word_for_each() -> None:
    assert corrected([(("yae",),), (("miko", "mika"), ("milo",))]) == "yae miko"


@given(st.text(max_size=30))
def test_at_most_two_mistakes_are_forgiven_and_none_in_a_number(word: str) -> None:
    assert edits_forgiven(word) in (0, 1, 2)
    assert not word.isdecimal() or edits_forgiven(word) == 0
