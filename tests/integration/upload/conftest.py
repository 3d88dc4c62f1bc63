"""A real clamd for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clamd import RunningClamd, running_clamd


@pytest.fixture(scope="package")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClamd]:
    """One that knows the test virus."""
    with running_clamd(tmp_path_factory.mktemp("clamd")) as running:
        yield running


@pytest.fixture(scope="package")
def small_clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningClamd]:
    """One that takes a million bytes at most."""
    with running_clamd(tmp_path_factory.mktemp("clamd"), limit="1M") as running:
        yield running
