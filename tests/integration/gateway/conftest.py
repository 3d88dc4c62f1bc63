"""One gateway with open sign-up for all tests that need no other settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest_asyncio

from tests.integration.gateway.browser import Gateway, running_gateway


@pytest_asyncio.fixture(scope="session")
async def gateway(engine_environment: Mapping[str, str]) -> AsyncIterator[Gateway]:
    async with running_gateway(engine_environment, sign_up="open", sign_up_role="member") as running:
        yield running
