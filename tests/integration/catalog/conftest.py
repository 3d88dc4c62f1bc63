"""Each test has a database of its own, with the indexes that the catalog asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.engines.mongo import Mongo
from shared.outbox import Outbox
from tests.integration.inner_service import own_database


@pytest.fixture
async def mongo(engine_environment: Mapping[str, str]) -> AsyncIterator[Mongo]:
    def name_indexes(mongo: Mongo, outbox: Outbox) -> None:
        Repository(mongo, outbox, Wire())

    async with own_database(engine_environment, "catalog", name_indexes) as mongo:
        yield mongo
