"""Which change of a model may make it match a saved search anew."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from shared.events.models import SearchDocument


def is_news(before: SearchDocument | None, after: SearchDocument | None) -> bool:
    """Whether anything changed that a filter or a word could be about; counters alone are no news."""
    if after is None:
        return False
    return before is None or _without_counters(before) != _without_counters(after)


def is_to_be_told(
    news_at: datetime, published_at: datetime, saved_at: datetime, *, knows_all: bool, is_own: bool
) -> bool:
    """Whether whoever saved a search at `saved_at` is told of a model that matches now.

    What existed then is not told, except for a model that did not match and was changed since. Of a search that had
    more results than were kept (`knows_all` false) nobody knows which those are: there, only newer models count.
    """
    if is_own or news_at <= saved_at:
        return False
    return knows_all or published_at > saved_at


def _without_counters(model: SearchDocument) -> SearchDocument:
    return replace(model, downloads=0, thumbs_up=0, thumbs_down=0, comments=0, collected=0, images=min(1, model.images))
