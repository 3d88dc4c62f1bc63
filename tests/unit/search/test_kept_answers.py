"""The embedded index looks once for what it is asked again, and anew as soon as something was written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.search.indexes import embedded_index
from services.search.domain.documents import index_document
from services.search.domain.wanted import Wanted
from services.search.embedded.searching import Search
from services.search.engine import Found, SearchIndex, Write
from services.search.finder import Finder
from tests.unit.search.search_documents import a_model


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[SearchIndex]:
    async with embedded_index(tmp_path / "index") as index:
        yield index


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Found]:
    """The answers for which the index had to be looked at."""
    answer = Search.answer
    made: list[Found] = []

    def noted(search: Search) -> Found:
        made.append(answer(search))
        return made[-1]

    monkeypatch.setattr(Search, "answer", noted)
    return made


def write(model_id: int, **said: object) -> Write:
    return Write(model_id=model_id, seq=1, document=index_document(model_id, 1, a_model(thumbs_up=model_id, **said)))


async def test_the_same_question_takes_one_look_until_something_is_written(
    index: SearchIndex, looks: list[Found]
) -> None:
    finder = Finder(index, deadline_seconds=30)
    await index.write([write(1), write(2)])
    for _ in range(3):
        page = await finder.find(Wanted(), limit=1)
        assert (page.ids, page.total) == ([2], 2)
    assert len(looks) == 1
    await index.write([write(3)])
    page = await finder.find(Wanted(), limit=1)
    assert (page.ids, page.total) == ([3], 3)
    await index.forget([3])
    assert (await finder.find(Wanted(), limit=1)).total == 2
    assert len(looks) == 3


async def test_questions_that_differ_in_anything_are_not_mixed_up(index: SearchIndex, looks: list[Found]) -> None:
    finder = Finder(index, deadline_seconds=30)
    await index.write([write(1, name="Ship"), write(2, name="Boat", type="LORA")])
    asked = [Wanted(), Wanted(query="ship"), Wanted(types=("LORA",)), Wanted(tags=("LORA",)), Wanted(sort="Oldest")]
    first = [(await finder.find(wanted, limit=5)).ids for wanted in asked]
    assert first[1] == [1]
    assert first[2] == [2]
    assert first[0] == [2, 1]
    count = len(looks)
    assert [(await finder.find(wanted, limit=5)).ids for wanted in asked] == first
    assert len(looks) == count
    assert (await finder.find(Wanted(), limit=1)).ids == first[0][:1]
    assert (await finder.find(Wanted(), limit=5, page=2)).ids == []
