"""Which changes saved searches are matched against, and who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.search.domain.news import is_news, is_to_be_told
from tests.unit.search.search_documents import PUBLISHED_AT, a_model

SAVED_AT = PUBLISHED_AT
LATER = SAVED_AT + timedelta(minutes=1)
EARLIER = SAVED_AT - timedelta(days=1)


def test_a_new_model_is_news_and_a_removed_one_is_not() -> None:
    assert is_news(None, a_model())
    assert not is_news(a_model(), None)


@pytest.mark.parametrize("counter", ["downloads", "thumbs_up", "thumbs_down", "comments", "collected"])
def test_counters_are_no_news(counter: str) -> None:
    assert not is_news(a_model(), a_model(**{counter: 7}))


@pytest.mark.parametrize("change", [{"tags": ["ink"]}, {"nsfw_level": 4}, {"name": "Ink"}, {"images": 1}])
def test_what_a_filter_may_be_about_is_news(change: dict[str, Any]) -> None:
    assert is_news(a_model(), a_model(**change))


def test_the_first_picture_is_news_and_the_second_is_not() -> None:
    assert not is_news(a_model(images=1), a_model(images=2))


def test_what_existed_when_saved_is_not_told_unless_it_was_changed_since() -> None:
    assert is_to_be_told(LATER, LATER, SAVED_AT, knows_all=True, is_own=False)
    assert is_to_be_told(LATER, EARLIER, SAVED_AT, knows_all=True, is_own=False)
    assert not is_to_be_told(SAVED_AT, SAVED_AT, SAVED_AT, knows_all=True, is_own=False)


def test_of_a_search_with_too_many_results_only_newer_models_are_told() -> None:
    assert not is_to_be_told(LATER, EARLIER, SAVED_AT, knows_all=False, is_own=False)
    assert is_to_be_told(LATER, LATER, SAVED_AT, knows_all=False, is_own=False)


def test_nobody_is_told_of_their_own_model() -> None:
    assert not is_to_be_told(LATER, LATER, SAVED_AT, knows_all=True, is_own=True)
