from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.domain.clauses import All, AnyClause, Near, OneOf, Some, Starts, Token, Within, Without
from services.search.domain.fields import FIELDS, SORTS
from services.search.domain.plan import suggestion_tiers, tiers_of
from services.search.domain.recogniser import recognise, take_filters
from shared.api.v1 import MODEL_SORTS


def parts_of(clause: AnyClause) -> Iterator[AnyClause]:
    yield clause
    match clause:
        case All(parts) | Some(parts):
            for part in parts:
                yield from parts_of(part)
        case Without(inner):
            yield from parts_of(inner)
        case _:
            pass


@given(st.text(min_size=1, max_size=80))
def test_every_query_makes_tiers_that_ask_for_fields_of_the_index(query: str) -> None:
    asked = recognise(query)
    meant = [((word.casefold(),),) for word in asked.words]
    for mode in asked.modes:
        for tier in tiers_of(asked, mode, meant if mode == "similar" else ()):
            for part in parts_of(tier):
                if isinstance(part, (Token, OneOf, Starts, Near, Within)):
                    assert part.field in FIELDS
                elif isinstance(part, Some):
                    assert part.at_least <= max(1, len(part.parts))


@given(st.text(min_size=1, max_size=200))
def test_the_size_of_a_question_is_bounded(query: str) -> None:
    asked = recognise(query)
    meant = [((word.casefold(),),) for word in asked.words]
    for mode in asked.modes:
        assert (
            sum(1 for tier in tiers_of(asked, mode, meant if mode == "similar" else ()) for _ in parts_of(tier)) < 6_000
        )


def test_a_name_is_found_before_its_parts_and_those_before_anything_else() -> None:
    tiers = tiers_of(recognise("Harbour Mix"), "words")
    assert tiers[0] == Token("name_key", "harbour mix")

    def first(holds: Callable[[AnyClause], bool]) -> int:
        return next(number for number, tier in enumerate(tiers) if any(map(holds, parts_of(tier))))

    in_name = first(lambda part: part == Token("name_words", "harbour"))
    anywhere = first(lambda part: part == Token("summary", "harbour"))
    assert 0 < in_name < anywhere


def test_a_hash_and_an_address_are_looked_for_as_what_they_are() -> None:
    assert tiers_of(recognise("c0ffee1234"), "hash") == (Starts("hashes", "c0ffee1234"),)
    assert tiers_of(recognise("https://hub.example/models/7/x"), "address") == (OneOf("id", (7,)),)
    version = recognise("https://hub.example/api/download/models/70")
    assert tiers_of(version, "address") == (OneOf("version_ids", (70,)),)
    file = recognise("https://hub.example/files/harbourMix_v2.safetensors?download=true")
    assert tiers_of(file, "file") == (Token("file_keys", "harbourmixv2"),)


def test_an_unknown_hash_is_no_beginning_of_a_word() -> None:
    finished = [part for tier in tiers_of(recognise("c0ffee1234"), "words") for part in parts_of(tier)]
    assert not any(isinstance(part, Starts) for part in finished)


def test_two_thirds_of_the_words_are_asked_of_three_words_or_more() -> None:
    assert tiers_of(recognise("one two"), "most") == ()
    assert all(isinstance(tier, Some) and tier.at_least == 2 for tier in tiers_of(recognise("one two three"), "most"))


@pytest.mark.parametrize("query", ["har", "harbour mi", "墨", "★"])
def test_suggestions_ask_for_beginnings(query: str) -> None:
    assert suggestion_tiers(recognise(query))


def test_every_sort_of_the_api_has_an_order() -> None:
    assert set(MODEL_SORTS) <= set(SORTS)
    assert all(FIELDS[order.field] == "order" for order in SORTS.values())


@pytest.mark.parametrize(
    ("query", "rest", "filters"),
    [
        ("harbour tag:anime", "harbour", {"tags": ("anime",)}),
        ('-tag:"sci fi" harbour -type:LORA', "harbour", {"without_tags": ("sci fi",), "without_types": ("LORA",)}),
        ("base:Pony @mira_k", "", {"base_models": ("Pony",), "creators": ("mira_k",)}),
        ("-@mira_k by:bo x", "x", {"without_creators": ("mira_k",), "creators": ("bo",)}),
        ("Re:Zero mail@example.org tag:", "Re:Zero mail@example.org tag:", {}),
        ("https://hub.example/models/7?tag:x", "https://hub.example/models/7?tag:x", {}),
    ],
)
def test_filters_are_told_from_words(query: str, rest: str, filters: dict[str, tuple[str, ...]]) -> None:
    found = take_filters(query)
    assert " ".join(found.rest.split()) == rest
    assert {
        name: getattr(found, name) for name in found.__struct_fields__ if name != "rest" and getattr(found, name)
    } == filters
