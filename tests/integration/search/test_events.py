"""From an event on the topic to what a search finds, through the running service."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from services.search import indexer
from services.search.consumers import SearchConsumers
from services.search.domain.documents import Document, index_document
from services.search.indexer import writes_of
from services.search.repository import Row, Rows
from shared.engines.mongo import Session
from shared.events import Payload
from shared.events.envelope import envelope
from shared.events.models import ModelState, ModelStateRemoved, SearchDocument
from tests.integration.inner_service import InnerService, until_true
from tests.integration.search.parts import Parts
from tests.unit.search.search_documents import a_model


async def ids_of(search: InnerService, **params: Any) -> list[int]:
    answer = await search.call("GET", "/search", params=params)
    assert answer.status_code == 200, answer.text
    ids: list[int] = answer.json()["ids"]
    return ids


def state(model_id: int, seq: int, **changes: Any) -> ModelState:
    return ModelState(model_id=model_id, seq=seq, document=a_model(**changes))


async def test_published_model_becomes_findable_and_removed_one_is_not_found_any_more(search: InnerService) -> None:
    await search.tell(state(11, 1, name="Quiet Lagoon"))
    async for attempt in until_true():
        with attempt:
            assert await ids_of(search, query="quiet lagoon") == [11]
    await search.tell(state(11, 2, name="Loud Lagoon"))
    async for attempt in until_true():
        with attempt:
            assert (await ids_of(search, query="quiet lagoon"), await ids_of(search, query="loud")) == ([], [11])
    await search.tell(ModelStateRemoved(model_id=11, seq=3))
    async for attempt in until_true():
        with attempt:
            assert await ids_of(search, query="lagoon") == []


async def test_late_event_does_not_bring_a_removed_model_back(search: InnerService) -> None:
    await search.tell(ModelStateRemoved(model_id=12, seq=5), state(12, 4, name="Sunken Bell"))
    await search.tell(state(13, 1, name="Sunken Bell"))
    async for attempt in until_true():
        with attempt:
            assert await ids_of(search, query="sunken bell") == [13]


async def test_half_of_all_events_are_findable_within_a_second(search: InnerService) -> None:
    await search.tell(state(100, 1, name="warm up"))
    seconds = []
    for model_id in range(101, 116):
        began = time.monotonic()
        await search.tell(state(model_id, 1, name=f"Punctual {model_id}"))
        async for attempt in until_true():
            with attempt:
                assert await ids_of(search, query=f"punctual {model_id}") == [model_id]
        seconds.append(time.monotonic() - began)
    assert statistics.median(seconds) < 1.0, seconds


async def test_a_change_of_many_models_at_once_is_indexed_completely_and_soon(search: InnerService) -> None:
    await search.tell(*(state(model_id, 1, name=f"Crowd {model_id}") for model_id in range(1_000, 1_200)))
    told_at = time.monotonic()
    async for attempt in until_true():
        with attempt:
            answer = await search.call("GET", "/search", params={"query": "crowd"})
            assert answer.json()["total"] == 200
    assert time.monotonic() - told_at < 10  # half a second on a quiet machine; one by one they take seconds


async def test_one_bad_event_in_a_batch_is_dead_lettered_and_the_others_have_their_effect(
    search: InnerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_all = Rows.save_all

    async def poisoned(self: Rows, states: Sequence[Row], *, session: Session) -> int:
        if any(state.model_id == 3_005 for state in states):
            raise RuntimeError("poison")
        return await save_all(self, states, session=session)

    monkeypatch.setattr(Rows, "save_all", poisoned)
    await search.tell(*(state(model_id, 1, name=f"Throng {model_id}") for model_id in range(3_000, 3_010)))
    async for attempt in until_true():
        with attempt:
            answer = await search.call("GET", "/search", params={"query": "throng"})
            assert answer.json()["total"] == 9
            assert len(await search.dead("easel.models.state")) == 1


@pytest.mark.parametrize("seed", range(6))
async def test_events_in_any_order_and_number_end_in_the_same_index(parts: Parts, seed: int) -> None:
    chance = random.Random(seed)
    history: dict[int, list[Payload]] = {
        model_id: [
            state(model_id, seq, name=f"{model_id} at {seq}", downloads=seq)
            if chance.random() < 0.7
            else ModelStateRemoved(model_id=model_id, seq=seq)
            for seq in range(1, chance.randint(2, 6))
        ]
        for model_id in range(1, 9)
    }
    events = [event for of_model in history.values() for event in of_model]
    events += chance.choices(events, k=len(events))
    chance.shuffle(events)
    consumers = SearchConsumers(parts.rows)
    while events:
        size = chance.randint(1, 5)
        batch = [envelope(event, source="easel/test", correlation_id="test") for event in events[:size]]
        await parts.mongo.transact(partial(consumers.on_states, batch))
        events = events[size:]
        if chance.random() < 0.5:
            await parts.indexer.flush()
    await parts.indexer.flush()
    assert await parts.indexed() == _last_states(history)
    assert (await parts.reconciler.reconcile()).strangers == 0


def _last_states(history: Mapping[int, list[Payload]]) -> dict[int, int]:
    last = {model_id: events[-1] for model_id, events in history.items()}
    return {model_id: event.seq for model_id, event in last.items() if isinstance(event, ModelState)}


async def test_an_event_that_comes_while_its_row_is_being_indexed_is_indexed_too(parts: Parts) -> None:
    await parts.keep(1, 1, a_model(name="First"))
    dirty = await parts.rows.list_dirty(10)
    await parts.keep(1, 2, a_model(name="Second"))
    await parts.index.write(writes_of(dirty))
    await parts.rows.settle(dirty, {})
    assert await parts.indexer.flush() == 1
    assert await parts.indexed() == {1: 2}


async def test_an_older_state_written_after_a_newer_one_was_settled_is_corrected(parts: Parts) -> None:
    """Two processes: one reads a row, is slow, and writes it after the other has removed the model from the index."""
    await parts.keep(1, 1, a_model())
    read_by_the_slow_one = await parts.rows.list_dirty(10)
    await parts.keep(1, 2, None)
    assert await parts.indexer.flush() == 1
    await parts.index.write(writes_of(read_by_the_slow_one))
    await parts.rows.settle(read_by_the_slow_one, {})
    await parts.indexer.flush()
    assert await parts.indexed() == {}


def not_a_number(model_id: int, seq: int, model: SearchDocument, *, trend: float) -> Document:
    made = index_document(model_id, seq, model, trend=trend)
    return {**made, "downloaded": ["many"]} if model.downloads == 1_000 else made


async def test_a_document_that_the_index_refuses_holds_up_no_other(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "index_document", not_a_number)
    await parts.keep(1, 1, a_model(downloads=1_000))
    await parts.keep(2, 1, a_model(downloads=100))
    await parts.indexer.flush()
    assert await parts.indexed() == {2: 1}
    kept = await parts.mongo["rows"].find_one({"_id": 1})
    assert kept is not None
    assert kept["refused"]
    await parts.keep(1, 2, a_model(downloads=100))
    await parts.indexer.flush()
    assert await parts.indexed() == {1: 2, 2: 1}
