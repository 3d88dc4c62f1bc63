"""Writes, deletions and rebuilds of an index."""

from __future__ import annotations

import asyncio
import random

import pytest

from services.search.domain.documents import Document, index_document
from services.search.domain.wanted import Wanted
from services.search.engine import Write
from tests.integration.search_conformance.shelf import Shelf
from tests.unit.search.search_documents import a_model


async def test_what_is_written_is_findable_and_what_is_taken_away_is_not(shelf: Shelf) -> None:
    await shelf.put({1: a_model(name="Quiet Lagoon"), 2: a_model(name="Loud Lagoon")})
    assert (await shelf.finder.find(Wanted(query="lagoon"), limit=10)).ids == [1, 2]
    await shelf.put({1: a_model(name="Silent Lagoon"), 2: None}, seq=2)
    assert (await shelf.finder.find(Wanted(query="lagoon"), limit=10)).ids == [1]
    assert (await shelf.finder.find(Wanted(query="quiet"), limit=10)).ids == []


async def test_an_older_state_does_not_replace_a_newer_one(shelf: Shelf) -> None:
    await shelf.put({1: a_model(name="New")}, seq=5)
    await shelf.put({1: a_model(name="Old")}, seq=4)
    assert (await shelf.finder.find(Wanted(query="new"), limit=10)).ids == [1]
    await shelf.put({1: None}, seq=3)
    assert await shelf.kept() == {1: 5}
    await shelf.put({1: a_model(name="Newer")}, seq=6)
    assert await shelf.kept() == {1: 6}


async def test_the_same_state_again_changes_nothing(shelf: Shelf) -> None:
    for _ in range(3):
        await shelf.put({1: a_model(name="Same")}, seq=5)
    assert await shelf.kept() == {1: 5}
    assert (await shelf.finder.find(Wanted(query="same"), limit=10)).total == 1


async def test_all_documents_are_walked_through_by_rising_id(shelf: Shelf) -> None:
    ids = random.Random(1).sample(range(1, 2**31 - 1), 20)
    await shelf.put({model_id: a_model() for model_id in ids})
    pages = [list(page) async for page in shelf.index.walk(7)]
    assert [model_id for page in pages for model_id in page] == sorted(ids)


async def test_forgotten_documents_may_come_back_with_any_number(shelf: Shelf) -> None:
    await shelf.put({1: a_model(), 2: a_model()}, seq=9)
    await shelf.index.forget([1])
    assert await shelf.kept() == {2: 9}


async def test_a_new_index_takes_the_place_of_the_old_one_at_once(shelf: Shelf) -> None:
    await shelf.put({1: a_model(name="Old")})
    before = await shelf.index.identity()
    async with shelf.index.rebuild() as fresh:
        await Shelf(fresh).put({2: a_model(name="Fresh"), 3: a_model(name="Fresh")})
        assert await shelf.kept() == {1: 1}
        await shelf.put({4: a_model(name="Late")})
    assert await shelf.kept() == {2: 1, 3: 1}
    assert await shelf.index.identity() != before
    assert await shelf.index.is_current()
    await shelf.put({5: a_model()})
    assert (await shelf.finder.find(Wanted(), limit=10)).total == 3


async def test_a_new_index_that_could_not_be_filled_is_given_up(shelf: Shelf) -> None:
    await shelf.put({1: a_model()})
    with pytest.raises(RuntimeError):
        async with shelf.index.rebuild() as fresh:
            await Shelf(fresh).put({2: a_model()})
            raise RuntimeError("no more rows")
    assert await shelf.kept() == {1: 1}


async def test_searches_go_on_while_much_is_written(shelf: Shelf) -> None:
    await shelf.put({1: a_model(name="Lighthouse")})
    writing = asyncio.create_task(shelf.put({number: a_model(name=f"Boat {number}") for number in range(10, 400)}))
    found = []
    while not writing.done():
        found.append((await shelf.finder.find(Wanted(query="lighthouse"), limit=3)).ids)
        await asyncio.sleep(0.01)
    await writing
    assert found
    assert all(ids == [1] for ids in found)


async def test_a_document_that_an_engine_refuses_is_reported_and_holds_up_no_other(shelf: Shelf) -> None:
    bad: Document = {**index_document(1, 1, a_model()), "downloaded": ["many"]}
    good = index_document(2, 1, a_model())
    refused = await shelf.index.write(
        [Write(model_id=1, seq=1, document=bad), Write(model_id=2, seq=1, document=good)]
    )  # fmt: skip
    assert set(refused) == {1}
    assert await shelf.kept() == {2: 1}
