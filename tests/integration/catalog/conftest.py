"""Each test has a database of its own, with the indexes that the catalog asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.engines.mongo import Mongo
from shared.outbox import Outbox
from shared.settings import Settings
from tests.integration.inner_service import own_environment


@pytest.fixture
async def mongo(engine_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mongo]:
    for name, value in own_environment(engine_environment).items():
        monkeypatch.setenv(name, value)
    mongo = Mongo(Settings(), "catalog")
    Repository(mongo, Outbox(mongo, "catalog"), Wire())  # names the indexes
    await mongo.start()
    yield mongo
    await mongo.database.client.drop_database(mongo.database.name)
    await mongo.stop()
