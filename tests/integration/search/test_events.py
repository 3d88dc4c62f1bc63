"""From an event on the topic to what a search finds, through the running service."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Mapping
from typing import Any

import pytest

from services.search.domain import mapping
from shared.events import Payload
from shared.events.models import ModelState, ModelStateRemoved
from tests.integration.inner_service import InnerService, until_true
from tests.integration.search.parts import Parts, parts_on
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


async def test_a_change_of_many_models_at_once_is_indexed_completely(search: InnerService) -> None:
    await search.tell(*(state(model_id, 1, name=f"Crowd {model_id}") for model_id in range(1_000, 1_200)))
    async for attempt in until_true():
        with attempt:
            answer = await search.call("GET", "/search", params={"query": "crowd"})
            assert answer.json()["total"] == 200


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
    for event in events:
        assert isinstance(event, (ModelState, ModelStateRemoved))
        await parts.keep(event.model_id, event.seq, event.document if isinstance(event, ModelState) else None)
        if chance.random() < 0.3:
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
    await parts.index.write(dirty, refresh=True)
    await parts.rows.settle(dirty, {})
    assert await parts.indexer.flush() == 1
    assert await parts.indexed() == {1: 2}


async def test_an_older_state_written_after_a_newer_one_was_settled_is_corrected(parts: Parts) -> None:
    """Two processes: one reads a row, is slow, and writes it after the other has removed the model from the index."""
    await parts.keep(1, 1, a_model())
    read_by_the_slow_one = await parts.rows.list_dirty(10)
    await parts.keep(1, 2, None)
    assert await parts.indexer.flush() == 1
    await parts.index.write(read_by_the_slow_one, refresh=True)
    await parts.rows.settle(read_by_the_slow_one, {})
    await parts.indexer.flush()
    assert await parts.indexed() == {}


async def test_a_document_that_the_index_refuses_holds_up_no_other(
    engine_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mapping.FIELDS, "downloads", {"type": "byte"})
    async with parts_on(engine_environment) as parts:
        await parts.keep(1, 1, a_model(downloads=1_000))
        await parts.keep(2, 1, a_model(downloads=100))
        await parts.indexer.flush()
        assert await parts.indexed() == {2: 1}
        kept = await parts.mongo["rows"].find_one({"_id": 1})
        assert kept is not None
        assert "downloads" in kept["refused"]
        await parts.keep(1, 2, a_model(downloads=100))
        await parts.indexer.flush()
        assert await parts.indexed() == {1: 2, 2: 1}
