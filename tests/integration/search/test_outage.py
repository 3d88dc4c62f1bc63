"""What a caller is told while the engine is away, slow, or failed for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from services.search.domain.wanted import Wanted
from services.search.finder import Finder
from services.search.opensearch.index import OpenSearchIndex
from services.search.settings import SearchSettings
from shared.engines.opensearch import OpenSearch
from shared.problems import Unavailable
from tests.integration.search.parts import OwnEngine, Parts
from tests.unit.search.search_documents import a_model


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
    target.close()


@asynccontextmanager
async def finder_over_a_bad_line(
    parts: Parts, url: str, breaks: Callable[[int], bool], *, silent: bool = False
) -> AsyncIterator[tuple[Finder, list[float]]]:
    """A finder that reaches the engine through a line on which the n-th connection breaks (or stays silent).

    Beside it, the times at which it connected.
    """
    engine, connected = urlsplit(url), list[float]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(time.monotonic())
        if breaks(len(connected)):
            if silent:
                await reader.read(-1)
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection(engine.hostname, engine.port)
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    line = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = line.sockets[0].getsockname()
    client = OpenSearch(SearchSettings(opensearch_url=f"http://{host}:{port}"))
    try:
        assert isinstance(parts.index, OpenSearchIndex)
        prefix = parts.index.alias.removesuffix("-models")
        yield Finder(OpenSearchIndex(client, prefix), deadline_seconds=2), connected
    finally:
        await client.stop()
        line.close()


async def test_a_search_that_failed_once_is_tried_again_after_a_quarter_of_a_second(
    parts_on_opensearch: Parts, opensearch_url: str
) -> None:
    await parts_on_opensearch.publish({1: a_model()})
    async with finder_over_a_bad_line(parts_on_opensearch, opensearch_url, lambda number: number == 1) as (
        finder,
        connected,
    ):
        assert (await finder.find(Wanted(), limit=10)).ids == [1]
        assert connected[1] - connected[0] >= 0.25


async def test_a_search_is_tried_twice_and_then_unavailable(parts_on_opensearch: Parts, opensearch_url: str) -> None:
    async with finder_over_a_bad_line(parts_on_opensearch, opensearch_url, lambda _: True) as (finder, connected):
        with pytest.raises(Unavailable, match="Search is unavailable at the moment"):
            await finder.find(Wanted(query="anything"), limit=10)
        assert len(connected) == 2


async def test_a_search_without_an_answer_ends_at_the_deadline(parts_on_opensearch: Parts, opensearch_url: str) -> None:
    async with finder_over_a_bad_line(parts_on_opensearch, opensearch_url, lambda _: True, silent=True) as (finder, _):
        began = time.monotonic()
        with pytest.raises(Unavailable, match="Search is unavailable at the moment"):
            await finder.find(Wanted(), limit=10)
        assert 1.9 < time.monotonic() - began < 3


async def test_a_search_works_again_as_soon_as_the_engine_does(
    parts_on_own_engine: Parts, own_engine: OwnEngine
) -> None:
    own_engine.kill()
    with pytest.raises(Unavailable):
        await parts_on_own_engine.finder.find(Wanted(), limit=10)
    own_engine.start()
    await parts_on_own_engine.reconciler.reconcile()
    assert (await parts_on_own_engine.finder.find(Wanted(), limit=10)).ids == []
