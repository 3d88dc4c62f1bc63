"""An adapter finds exactly what fulfils a clause, in the order of tiers and values."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from rapidfuzz.distance import OSA

from services.search.domain.clauses import All, AnyClause, Near, OneOf, Some, Starts, Token, Within, Without
from services.search.domain.documents import Document, index_document
from services.search.domain.fields import SORTS
from services.search.engine import Question, Write
from tests.integration.search_conformance.conftest import MakeIndex
from tests.integration.search_conformance.shelf import Shelf
from tests.unit.search.search_documents import a_model

WORDS = ["harbour", "harbor", "habrour", "c++", "a.b*", "(x)", "墨心", "mix", "h", "hårbour", "har-bour", '"q"', "~1"]


def some_models(count: int = 60) -> dict[int, Document]:
    chance = random.Random(3)
    return {
        model_id: index_document(
            model_id, 1,
            a_model(
                name=" ".join(chance.choices(WORDS, k=chance.randint(1, 3))), tags=chance.choices(WORDS, k=2),
                trigger_words=chance.choices(WORDS, k=1), nsfw_level=chance.randint(0, 31), nsfw=chance.random() < 0.2,
                downloads=chance.randint(0, 3), thumbs_up=chance.randint(0, 2), version_ids=[model_id, model_id + 1],
            ),
        )
        for model_id in chance.sample(range(1, 500), count)
    }  # fmt: skip


MODELS = some_models()


def values(document: Document, field: str) -> list[Any]:
    value = document[field]
    return value if isinstance(value, list) else [value]


def fulfils(document: Document, clause: AnyClause) -> bool:
    """The meaning of clauses, said a second time."""
    match clause:
        case Token(field, value):
            return value in values(document, field)
        case OneOf(field, allowed):
            return bool(set(values(document, field)) & set(allowed))
        case Starts(field, prefix):
            return any(token.startswith(prefix) for token in values(document, field))
        case Near(field, word, edits):
            return any(OSA.distance(token, word) <= edits for token in values(document, field))
        case Within(field, low, high):
            return any((low is None or n >= low) and (high is None or n < high) for n in values(document, field))
        case All(parts):
            return all(fulfils(document, part) for part in parts)
        case Some(parts, at_least):
            return sum(fulfils(document, part) for part in parts) >= at_least
        case Without(barred):
            return not fulfils(document, barred)


def random_clause(chance: random.Random, depth: int = 2) -> AnyClause:
    word, field = chance.choice([*WORDS, "har", "none"]), chance.choice(["name", "terms", "tags", "trigger_keys"])
    simple: list[AnyClause] = [
        Token(field, word), OneOf(field, tuple(chance.sample(WORDS, 2))), Starts(field, word[: chance.randint(1, 4)]),
        Near(field, "harbour", chance.randint(1, 2)), OneOf("levels", (1, 4)), OneOf("id", tuple(list(MODELS)[:20])),
        Within("id", low=chance.choice([None, 100]), high=chance.choice([None, 300])), OneOf("id", ()),
    ]  # fmt: skip
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(simple)
    parts = tuple(random_clause(chance, depth - 1) for _ in range(chance.randint(0, 3)))
    some = Some(parts, chance.randint(1, max(1, len(parts))))
    joined: list[AnyClause] = [All(parts), some, Without(random_clause(chance, depth - 1)), some]
    return chance.choice(joined)


@pytest_asyncio.fixture(scope="module")
async def filled(make_index: MakeIndex) -> AsyncIterator[Shelf]:
    async with make_index() as index:
        shelf = Shelf(index)
        await index.write([Write(model_id=key, seq=1, document=document) for key, document in MODELS.items()])
        yield shelf


@pytest.mark.parametrize("seed", range(60))
async def test_a_clause_finds_what_fulfils_it_and_nothing_else(filled: Shelf, seed: int) -> None:
    clause = random_clause(random.Random(seed))
    question = Question(filters={"always": clause}, order=SORTS["Newest"], limit=100)
    found = await filled.index.search(question)
    expected = {model_id for model_id, document in MODELS.items() if fulfils(document, clause)}
    assert {hit.id for hit in found.hits} == expected, clause
    assert found.total == len(expected)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("sort", ["Most Downloaded", "Newest", "Oldest"])
async def test_a_hit_is_in_its_first_tier_and_tiers_are_in_order(filled: Shelf, sort: str, seed: int) -> None:
    chance = random.Random(seed)
    tiers = tuple(random_clause(chance) for _ in range(chance.randint(1, 5)))
    barred = random_clause(chance, 1)
    order = SORTS[sort]
    found = await filled.index.search(Question(tiers=tiers, filters={"always": barred}, order=order, limit=100))
    places = []
    for model_id, document in MODELS.items():
        fitting = [number for number, tier in enumerate(tiers) if fulfils(document, tier)]
        if fitting and fulfils(document, barred):
            value = values(document, order.field)[0]
            places.append(
                (
                    fitting[0],
                    -value if order.descending else value,
                    -model_id if order.high_ids_first else model_id,
                    value,
                    model_id,
                )
            )
    assert [(hit.tier, hit.value, hit.id) for hit in found.hits] == [(p[0], p[3], p[4]) for p in sorted(places)]
