"""An index that an operator asks for: how far it is, and that it is made even if the process dies first."""

from __future__ import annotations

from services.search.rebuilds import Rebuilds
from services.search.reconciler import Reconciler
from shared.service import Loop
from tests.integration.inner_service import until_true
from tests.integration.search.parts import Parts
from tests.unit.search.search_documents import a_model


async def test_a_rebuild_that_was_asked_of_a_process_that_died_is_made_by_the_next_one(parts: Parts) -> None:
    await parts.publish({model_id: a_model(name=f"Model {model_id}") for model_id in range(1, 6)})
    await parts.keep(5, 2, None)
    rebuilds = Rebuilds(parts.mongo)
    assert await rebuilds.find() is None
    asked = await rebuilds.ask()  # and nobody is told of it
    before = await parts.index.identity()
    reconciler = Reconciler(parts.rows, parts.index, every_seconds=3_600, watch_seconds=0.05, rebuilds=rebuilds)
    loop = Loop("reconciler", reconciler.run)
    await loop.start()
    try:
        async for attempt in until_true():
            with attempt:
                found = await rebuilds.find()
                assert found is not None and found.ended_at is not None
    finally:
        await loop.stop()
    assert found is not None
    assert (found.rebuild_id, found.done, found.total) == (asked.rebuild_id, 4, 4)
    assert await parts.index.identity() != before


async def test_progress_is_noted_while_documents_are_written_and_not_for_one_that_nobody_asked_for(
    parts: Parts,
) -> None:
    rebuilds = Rebuilds(parts.mongo)
    await rebuilds.note(3, 9)
    assert await rebuilds.find() is None
    await rebuilds.ask()
    await rebuilds.note(3, 9)
    found = await rebuilds.find()
    assert found is not None and (found.done, found.total, found.ended_at) == (3, 9, None)
