"""What is trending: recent events count more, half as much after two days.

Forward decay (Cormode, Shkapenyuk, Srivastava and Xu, 2009): an event at time t weighs 2^(t / half-life), once and for
all, and the sum's logarithm is kept. Sums of different models compare the same at any later time, so nothing has to be
brought up to date as time passes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf, log2
from typing import Final

from shared.events.models import SearchDocument

_HALF_LIFE_SECONDS: Final = 2 * 24 * 3600
_BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)
_LIKE: Final = 5
"""A like is worth so many downloads."""


def trend_of(before: SearchDocument | None, trend: float, after: SearchDocument, at: datetime) -> float:
    """The trend after a change: its new downloads and likes happened at `at`.

    Of a model not known before they count as of its last version: so a rebuilt hub does not take all for new.
    """
    if before is None:
        return _added(-inf, _events(after), after.last_version_at)
    return _added(trend, max(0, _events(after) - _events(before)), at)


def _events(model: SearchDocument) -> int:
    return model.downloads + _LIKE * model.thumbs_up


def _added(trend: float, events: int, at: datetime) -> float:
    if not events:
        return max(0.0, trend)
    new = log2(events) + (at - _BEGINNING).total_seconds() / _HALF_LIFE_SECONDS
    high, low = max(trend, new), min(trend, new)
    return high + log2(1 + 2 ** (low - high)) if low > -inf else max(0.0, high)
