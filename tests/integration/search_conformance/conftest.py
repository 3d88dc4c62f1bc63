"""What every adapter of the search port must do. No hub is needed: an index, and nothing around it.

The OpenSearch adapter is tested against the protocol's engine, or against the real one that `EASEL_TEST_OPENSEARCH_URL`
names.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from benchmarks.search.indexes import embedded_index, engine_address, opensearch_index
from services.search.engine import SearchIndex
from tests.integration.search_conformance.shelf import Shelf


class MakeIndex(Protocol):
    """Makes an empty index, gone afterwards."""

    def __call__(self) -> AbstractAsyncContextManager[SearchIndex]:
        """One more."""


@pytest.fixture(scope="session", params=["embedded", "opensearch"])
def make_index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeIndex]:
    if request.param == "embedded":
        yield lambda: embedded_index(Path(tmp_path_factory.mktemp("index")))
        return
    with engine_address(tmp_path_factory.mktemp("engine")) as url:
        yield lambda: opensearch_index(url)


@pytest_asyncio.fixture
async def shelf(make_index: MakeIndex) -> AsyncIterator[Shelf]:
    async with make_index() as index:
        yield Shelf(index)
