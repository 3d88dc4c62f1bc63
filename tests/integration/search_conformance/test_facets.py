"""Counts are true: what is shown beside a value is what choosing it gives, and what is hidden counts nowhere."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from rapidfuzz.distance import OSA

from services.search.domain.clauses import AnyClause, Near, OneOf
from services.search.domain.fields import POPULARITY
from services.search.domain.filters import FACETS
from services.search.domain.wanted import Wanted
from services.search.engine import FacetAsk, Found, Question
from tests.integration.search_conformance.conftest import MakeIndex
from tests.integration.search_conformance.shelf import Shelf
from tests.integration.search_conformance.test_paging import MODELS

CHOICES: dict[str, str] = {
    "types": "types", "baseModels": "base_models", "tags": "tags", "creators": "creators",
    "fileFormats": "file_formats", "precisions": "precisions", "commercialUses": "commercial_uses", "sizes": "sizes",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module")
async def filled(make_index: MakeIndex) -> AsyncIterator[Shelf]:
    async with make_index() as index:
        shelf = Shelf(index)
        await shelf.put(MODELS)
        yield shelf


def some_wanted(chance: random.Random) -> Wanted:
    possible: dict[str, Any] = {
        "types": ("LORA",), "base_models": ("Pony",), "tags": ("anime",), "creators": ("Bo",),
        "file_formats": ("GGUF",), "commercial_uses": ("Sell",), "precisions": ("fp16",), "period": "Year",
        "without_tags": ("style",),
    }  # fmt: skip
    chosen = {name: possible[name] for name in chance.sample(list(possible), chance.randint(0, 3))}
    return Wanted(query=chance.choice(["", "harbour", "harbour mix"]), nsfw=False, levels=1, **chosen)


@pytest.mark.parametrize("seed", range(25))
async def test_the_number_beside_a_value_is_the_total_after_choosing_it(filled: Shelf, seed: int) -> None:
    wanted = some_wanted(random.Random(seed))
    page = await filled.finder.find(wanted, limit=1, facets=tuple(FACETS))
    assert [facet.name for facet in page.facets] == list(FACETS)
    for facet in page.facets:
        field = CHOICES.get(facet.name, "")
        for value in facet.values if field else ():
            before: tuple[str, ...] = getattr(wanted, field)
            chosen = (*before, value.value) if facet.name == "tags" else (value.value,)
            after = await filled.finder.find(msgspec.structs.replace(wanted, **{field: chosen}), limit=1)
            assert value.count == after.total, (facet.name, value)


async def test_a_chosen_value_is_listed_even_at_nothing(filled: Shelf) -> None:
    wanted = Wanted(types=("VAE",), tags=("anime", "no such tag"))
    page = await filled.finder.find(wanted, limit=1, facets=("types", "tags"))
    shown = {facet.name: {value.value: value for value in facet.values} for facet in page.facets}
    assert shown["types"]["VAE"].chosen
    assert shown["tags"]["no such tag"].chosen
    assert shown["tags"]["no such tag"].count == 0


@pytest.mark.parametrize("query", ["", "harbour"])
async def test_hidden_models_change_no_count(filled: Shelf, make_index: MakeIndex, query: str) -> None:
    visible = {key: model for key, model in MODELS.items() if model.nsfw_level & 1 and not model.nsfw}
    wanted = Wanted(query=query, nsfw=False, levels=1)
    page = await filled.finder.find(wanted, limit=100, facets=tuple(FACETS))
    async with make_index() as index:
        shelf = Shelf(index)
        await shelf.put(visible)
        alone = await shelf.finder.find(wanted, limit=100, facets=tuple(FACETS))
    assert 0 < len(visible) < len(MODELS)
    assert (page.ids, page.total) == (alone.ids, alone.total)
    assert {f.name: sorted((v.value, v.count) for v in f.values) for f in page.facets} == {
        f.name: sorted((v.value, v.count) for v in f.values) for f in alone.facets
    }


async def test_where_filters_hide_everything_the_counts_are_those_of_what_was_typed(filled: Shelf) -> None:
    page = await filled.finder.find(Wanted(query="harbour mix", types=("Poses",)), limit=1, facets=("types",))
    assert (page.total, page.corrected) == (0, None)
    others = {value.value: value.count for value in page.facets[0].values}
    for model_type, count in others.items():
        found = await filled.finder.find(Wanted(query="harbour mix", types=(model_type,)), limit=1)
        assert found.total == count
    assert len(others) > 1


async def test_where_filters_hide_everything_the_spelling_that_was_meant_is_said_all_the_same(filled: Shelf) -> None:
    page = await filled.finder.find(Wanted(query="harbuor", types=("Poses",)), limit=1)
    assert (page.total, page.fallback, page.corrected) == (0, None, "harbour")


@pytest.mark.parametrize(("word", "edits"), [("harbor", 1), ("harbour", 2), ("mask", 1), ("style", 1), ("zzzzzz", 2)])
async def test_words_near_another_have_their_counts_and_cover_all_models_with_any(
    make_index: MakeIndex, word: str, edits: int
) -> None:
    chance = random.Random(word)
    words = [_mistyped(chance.choice(("harbour", "mask", "style")), chance) for _ in range(120)]
    async with make_index() as index:
        shelf = Shelf(index)
        some = next(model for model in MODELS.values() if model is not None)
        await shelf.put(
            {
                number: msgspec.structs.replace(some, name=f"{words[number]} {words[-number]}", downloads=number)
                for number in range(1, 60)
            }
        )

        async def ask(clause: AnyClause, **facets: FacetAsk) -> Found:
            return await index.search(Question(tiers=(clause,), order=POPULARITY, limit=100, facets=facets))

        near = Near("vocabulary", word, edits)
        given = await ask(near, all=FacetAsk(field="vocabulary", most=1_000))
        asked = await ask(near, near=FacetAsk(field="vocabulary", most=1_000, near=(word, edits)))
        every = {token: count for token, count in given.facets["all"] if OSA.distance(word, token) <= edits}
        found = {token: count for token, count in asked.facets["near"] if OSA.distance(word, token) <= edits}
        assert found.items() <= every.items()
        assert bool(found) == bool(every)
        covered = await ask(OneOf("vocabulary", tuple(found))) if found else Found(hits=[], total=0)
        assert {hit.id for hit in covered.hits} == {hit.id for hit in given.hits}


def _mistyped(word: str, chance: random.Random) -> str:
    """The word with up to three letters changed."""
    letters = list(word)
    for _ in range(chance.randint(0, 3)):
        letters[chance.randrange(len(letters))] = chance.choice("abehorsu")
    return "".join(letters)
