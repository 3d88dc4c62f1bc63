"""Search on the real engines: the running service, and its parts on an index of their own, of either adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from services.search.app import create_app
from tests.integration.inner_service import InnerService, running
from tests.integration.search.parts import OwnEngine, Parts, parts_on, real_opensearch

ADAPTERS = ("embedded", "opensearch")


@pytest.fixture(scope="session")
def opensearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real OpenSearch where the environment names one, else the protocol's engine for the whole session."""
    if address := real_opensearch():
        yield address
        return
    engine = OwnEngine(tmp_path_factory.mktemp("opensearch"))
    engine.start()
    yield engine.url
    engine.kill()


@pytest.fixture(scope="session", params=ADAPTERS)
def address(request: pytest.FixtureRequest) -> str | None:
    """Where the index of an adapter is: None for the embedded one."""
    if request.param == "embedded":
        return None
    found: str = request.getfixturevalue("opensearch_url")
    return found


@pytest_asyncio.fixture(scope="session")
async def search(
    engine_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[InnerService]:
    own = {
        "EASEL_SEARCH_ENGINE": "embedded",
        "EASEL_SEARCH_DIR": str(tmp_path_factory.mktemp("index")),
        "EASEL_SEARCH_PREFIX": f"t{uuid4().hex[:10]}",
        "EASEL_RECONCILE_SECONDS": "2",
    }
    async with running(create_app, {**engine_environment, **own}) as service:
        yield service


@pytest_asyncio.fixture
async def parts(engine_environment: Mapping[str, str], address: str | None) -> AsyncIterator[Parts]:
    async with parts_on(engine_environment, address) as made:
        yield made


@pytest_asyncio.fixture
async def parts_on_opensearch(engine_environment: Mapping[str, str], opensearch_url: str) -> AsyncIterator[Parts]:
    async with parts_on(engine_environment, opensearch_url) as made:
        yield made


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[OwnEngine]:
    (tmp_path / "engine").mkdir()
    engine = OwnEngine(tmp_path / "engine")
    engine.start()
    yield engine
    engine.kill()


@pytest_asyncio.fixture
async def parts_on_own_engine(engine_environment: Mapping[str, str], own_engine: OwnEngine) -> AsyncIterator[Parts]:
    async with parts_on(engine_environment, own_engine.url) as made:
        yield made
