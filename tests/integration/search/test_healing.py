"""Whatever happens to the engine, the index becomes again what the rows say, by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.search.domain.wanted import Wanted
from services.search.embedded.index import EmbeddedIndex
from services.search.engine import SearchIndex
from services.search.indexer import writes_of
from services.search.opensearch.index import OpenSearchIndex
from services.search.reconciler import Drift
from services.search.repository import Row
from shared.problems import Unavailable
from shared.service import Loop
from tests.integration.inner_service import until_true
from tests.integration.search.parts import OwnEngine, Parts
from tests.unit.search.search_documents import a_model

MODELS = {model_id: a_model(name=f"Model {model_id}") for model_id in range(1, 8)}
COMPLETE = dict.fromkeys(MODELS, 1)


@asynccontextmanager
async def loops_of(parts: Parts) -> AsyncIterator[None]:
    """The service's loops, running."""
    loops = [Loop("reconciler", parts.reconciler.run), Loop("indexer", parts.indexer.run)]
    for loop in loops:
        await loop.start()
    try:
        yield
    finally:
        for loop in loops:
            await loop.stop()


async def test_an_index_without_faults_has_no_drift(parts: Parts) -> None:
    await parts.publish(MODELS)
    await parts.keep(3, 2, None)
    await parts.indexer.flush()
    assert await parts.reconciler.reconcile() == Drift(documents=6)
    assert await parts.rows.list_dirty(10) == []


async def test_missing_stale_and_strange_documents_are_found_and_repaired(parts: Parts) -> None:
    await parts.publish(MODELS)
    await parts.keep(7, 2, None)
    await parts.indexer.flush()
    await parts.index.forget([2])
    strange = [
        Row(model_id=900, seq=4, document=a_model()),  # never heard of
        Row(model_id=7, seq=3, document=a_model()),  # removed
    ]
    await parts.index.write(writes_of(strange))
    await parts.mongo["rows"].update_one({"_id": 5}, {"$set": {"seq": 9}})  # a write that the engine lost
    found = await parts.reconciler.reconcile()
    assert found == Drift(documents=7, missing=1, stale=1, strangers=2)
    await parts.indexer.flush()
    assert await parts.indexed() == {1: 1, 2: 1, 3: 1, 4: 1, 5: 9, 6: 1}
    assert await parts.reconciler.reconcile() == Drift(documents=6)


async def test_documents_newer_than_their_row_make_way(parts: Parts) -> None:
    """After the database was restored from a backup that is older than the index."""
    await parts.publish(MODELS)
    await parts.index.write(writes_of([Row(model_id=1, seq=50, document=a_model(name="From the future"))]))
    assert (await parts.reconciler.reconcile()).stale == 1
    await parts.indexer.flush()
    assert await parts.indexed() == COMPLETE


async def lose(index: SearchIndex) -> None:
    """Have the index of either adapter vanish under the service."""
    if isinstance(index, OpenSearchIndex):
        client = index._engine.client
        for name in await client.indices.get_alias(name=index.alias):
            await client.indices.delete(index=name)
    else:
        assert isinstance(index, EmbeddedIndex)
        index._current = None


async def test_a_lost_index_is_made_again_while_the_service_runs(parts: Parts) -> None:
    await parts.publish(MODELS)
    async with loops_of(parts):
        await lose(parts.index)
        async for attempt in until_true():
            with attempt:
                assert await parts.index.is_current()
        assert await parts.indexed() == COMPLETE


async def test_a_search_without_index_says_unavailable_and_makes_none(parts: Parts) -> None:
    await lose(parts.index)
    with pytest.raises(Unavailable, match="unavailable"):
        await parts.finder.find(Wanted(), limit=10)
    await parts.keep(1, 1, a_model())
    flushing = asyncio.create_task(parts.indexer.run())
    await asyncio.wait([flushing], timeout=0.5)
    flushing.cancel()
    assert not await parts.index.is_current()


async def test_a_rebuild_during_searches_and_publications_leaves_no_gap(parts: Parts) -> None:
    await parts.publish(MODELS)
    counts = list[int]()

    async def search_on() -> None:
        while True:
            counts.append((await parts.finder.find(Wanted(query="model"), limit=1)).total)
            await asyncio.sleep(0.001)

    async def publish_on() -> None:
        for model_id in range(100, 120):
            await parts.keep(model_id, 1, a_model(name=f"Model {model_id}"))
            await parts.indexer.flush()

    searching, publishing = asyncio.create_task(search_on()), asyncio.create_task(publish_on())
    before = await parts.index.identity()
    try:
        await parts.reconciler.rebuild()
        await publishing
    finally:
        searching.cancel()
    assert await parts.index.identity() != before
    assert await parts.index.is_current()
    await parts.reconciler.reconcile()
    await parts.indexer.flush()
    assert set(await parts.indexed()) == {*MODELS, *range(100, 120)}
    assert min(counts) == len(MODELS)


async def test_a_rebuild_that_fails_leaves_the_old_index_in_its_place(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parts.publish(MODELS)

    async def fail(*_: object) -> None:
        raise RuntimeError("no more rows")

    monkeypatch.setattr(parts.rows, "list_from", fail)
    with pytest.raises(RuntimeError):
        await parts.reconciler.rebuild()
    assert await parts.indexed() == COMPLETE


async def test_what_a_killed_engine_lost_is_findable_again_within_seconds(
    parts_on_own_engine: Parts, own_engine: OwnEngine
) -> None:
    parts = parts_on_own_engine
    async with loops_of(parts):
        for model_id, document in MODELS.items():
            await parts.keep(model_id, 1, document)
        async for attempt in until_true():
            with attempt:
                assert (await parts.finder.find(Wanted(), limit=10)).total == len(MODELS)
        own_engine.kill()
        own_engine.lose_everything()
        await parts.keep(8, 1, a_model(name="Published during the outage"))
        own_engine.start()
        back_at = time.monotonic()
        async for attempt in until_true():
            with attempt:
                try:
                    assert (await parts.finder.find(Wanted(), limit=10)).total == len(MODELS) + 1
                except Unavailable as error:
                    raise AssertionError("not yet") from error
        assert time.monotonic() - back_at < 10


async def test_a_restart_too_short_to_be_noticed_otherwise_is_followed_by_a_comparison(
    parts_on_own_engine: Parts, own_engine: OwnEngine
) -> None:
    before = await parts_on_own_engine.index.identity()
    own_engine.kill()
    own_engine.start()
    assert await parts_on_own_engine.index.identity() != before
