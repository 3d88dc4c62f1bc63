"""Search on the real engines: the running service, and its parts on an index of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from services.search.app import create_app
from tests.integration.inner_service import InnerService, running
from tests.integration.search.parts import OwnEngine, Parts, parts_on


@pytest_asyncio.fixture(scope="session")
async def search(engine_environment: Mapping[str, str]) -> AsyncIterator[InnerService]:
    own = {"EASEL_SEARCH_PREFIX": f"t{uuid4().hex[:10]}", "EASEL_RECONCILE_SECONDS": "2"}
    async with running(create_app, {**engine_environment, **own}) as service:
        yield service


@pytest_asyncio.fixture
async def parts(engine_environment: Mapping[str, str]) -> AsyncIterator[Parts]:
    async with parts_on(engine_environment) as made:
        yield made


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[OwnEngine]:
    engine = OwnEngine(tmp_path)
    engine.start()
    yield engine
    engine.kill()


@pytest_asyncio.fixture
async def parts_on_own_engine(engine_environment: Mapping[str, str], own_engine: OwnEngine) -> AsyncIterator[Parts]:
    async with parts_on(engine_environment, own_engine.url) as made:
        yield made
