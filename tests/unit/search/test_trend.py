from __future__ import annotations

from datetime import timedelta

import pytest

from services.search.domain.trend import trend_of
from tests.unit.search.search_documents import PUBLISHED_AT, a_model

DAY = timedelta(days=1)


def after(*downloads_at: tuple[int, int]) -> float:
    """The trend of a model whose downloads grew to these numbers, so many days after its publication."""
    before, trend = a_model(), 0.0
    for days, downloads in downloads_at:
        now = a_model(downloads=downloads)
        trend = trend_of(before, trend, now, PUBLISHED_AT + days * DAY)
        before = now
    return trend


def test_recent_downloads_outweigh_twice_as_many_of_two_days_before_that() -> None:
    assert after((4, 100)) > after((0, 390))
    assert after((4, 100)) == pytest.approx(after((0, 400)))


def test_the_same_downloads_count_the_same_however_they_are_told() -> None:
    assert after((1, 10), (1, 30), (1, 60)) == pytest.approx(after((1, 60)))


def test_an_old_hit_that_nobody_downloads_any_more_is_behind_a_small_new_one() -> None:
    assert after((30, 50)) > after((0, 100_000))


def test_nothing_happened_is_nothing_trending() -> None:
    assert after() == after((1, 0)) == 0


def test_what_a_model_had_before_it_was_known_is_as_old_as_its_last_version() -> None:
    old = a_model(downloads=100_000, last_version_at=PUBLISHED_AT - 90 * DAY)
    new = a_model(downloads=10, last_version_at=PUBLISHED_AT)
    assert trend_of(None, 0, new, PUBLISHED_AT) > trend_of(None, 0, old, PUBLISHED_AT)
