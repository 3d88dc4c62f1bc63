from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.domain.recogniser import LONGEST_QUERY, recognise


@pytest.mark.parametrize("query", ["9E10AB42", "c0ffee1234", "0xC0FFEE1234", " 0a1b2c3d4e5f ", "12345678", "1" * 64])
def test_eight_to_sixty_four_hexadecimal_digits_with_a_decimal_one_are_a_hash(query: str) -> None:
    asked = recognise(query)
    assert asked.modes == ("hash", "words")
    assert asked.hash == query.strip().lower().removeprefix("0x")


@pytest.mark.parametrize("query", ["deadbeef", "1234567", "1" * 65, "c0ffee123g", "c0ffee 1234"])
def test_other_strings_are_words(query: str) -> None:
    assert recognise(query).modes == ("words", "apart", "similar", "most")


@pytest.mark.parametrize(
    "query",
    [
        "urn:air:sdxl:checkpoint:civitai:4021@9105",
        "urn:air:sdxl:checkpoint:civitai:4021",
        "https://hub.example/models/4021",
        "http://127.0.0.1:8000/models/4021/harbour-mix?modelVersionId=9105",
    ],
)
def test_addresses_are_the_model_they_name(query: str) -> None:
    asked = recognise(query)
    assert (asked.modes, asked.model_id) == (("address",), 4021)


def test_a_file_name_is_its_words() -> None:
    assert (
        recognise("harbour_mix_v2.safetensors").words == recognise("harbour mix v2").words == ("harbour", "mix", "v2")
    )


def test_symbols_alone_can_only_be_a_whole_name() -> None:
    asked = recognise("★★★")
    assert (asked.modes, asked.words, asked.key) == (("words",), (), "★★★")


@given(st.text(min_size=1, max_size=2 * LONGEST_QUERY))
def test_every_string_is_recognised_and_has_a_way_to_find_something(query: str) -> None:
    assert recognise(query).modes
