"""The reviews service on the real engines, one for all tests: joining a group takes seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest_asyncio

from services.reviews.app import create_app
from tests.integration.inner_service import InnerService, running


@pytest_asyncio.fixture(scope="session")
async def reviews(engine_environment: Mapping[str, str]) -> AsyncIterator[InnerService]:
    async with running(create_app, engine_environment) as service:
        yield service
