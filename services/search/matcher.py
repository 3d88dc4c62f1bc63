"""Matches models that are new in the index against saved searches, and tells who saved them.

What is to be matched is a mark on the row (`Row.news_at`), set with its state and taken away after all searches have
seen it: a process that dies in between, or a second one beside it, matches again, which changes nothing. Matches wait
for a while, so that several models come in one notice, and are looked at once more before it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from services.search.domain.news import is_to_be_told
from services.search.domain.text import key
from services.search.engine import Down, IndexMissing
from services.search.finder import Finder
from services.search.metrics import SEARCHES_MATCHED
from services.search.repository import Row, Rows
from services.search.saved_repository import SavedSearch, SavedSearches, State
from shared.clock import now
from shared.events.searches import MatchedModel, SearchMatched
from shared.telemetry import logger

log = logger(__name__)
_ROWS = 500
_SEARCHES = 200
_NAMED = 20
"""Models that a notice names; it counts the others."""
_LOOK_SECONDS = 0.5
_AWAY_SECONDS = 2.0


class Matcher:
    """The loop between the index and those who saved a search."""

    def __init__(self, rows: Rows, finder: Finder, saved: SavedSearches, *, gather_seconds: float) -> None:
        self._rows = rows
        self._finder = finder
        self._saved = saved
        self._gather = timedelta(seconds=gather_seconds)

    async def run(self) -> None:
        """Match and tell until cancelled; wait while the engine is away."""
        while True:
            try:
                matched, told = await self.match(), await self.tell()
                pause = 0.0 if matched or told else _LOOK_SECONDS
            except (Down, IndexMissing) as error:
                log.warning("saved searches wait for the index", error=repr(error))
                pause = _AWAY_SECONDS
            await asyncio.sleep(pause)

    async def match(self) -> int:
        """Match the next models against every saved search; how many models. Raises Down or IndexMissing."""
        rows = await self._rows.list_news(_ROWS)
        if not rows:
            return 0
        last = ""
        while searches := await self._saved.list_after(last, _SEARCHES):
            for search in searches:
                await self._match_one(search, rows)
            last = searches[-1].id
        await self._rows.settle_news(rows)
        return len(rows)

    async def _match_one(self, search: SavedSearch, rows: Sequence[Row]) -> None:
        found = await self._fitting(search, [row.model_id for row in rows])
        states = {row.model_id: _state(search, row) for row in rows if row.model_id in found}
        await self._saved.note(search.id, states, now())
        SEARCHES_MATCHED.inc(sum(state == "waiting" for state in states.values()))

    async def tell(self) -> int:
        """Tell the next one whose models have waited; how many models were looked at."""
        search_id = await self._saved.find_due(now() - self._gather)
        if search_id is None:
            return 0
        search = await self._saved.find(search_id)
        waiting = await self._saved.list_waiting(search_id, _ROWS)
        # Asked again: what was hidden, rated or changed since then is told to nobody.
        fitting = await self._fitting(search, waiting) if search else set()
        if gone := [model_id for model_id in waiting if model_id not in fitting]:
            await self._saved.drop(search_id, gone)
        if search is not None and fitting:
            await self._saved.tell(await self._event(search, sorted(fitting, reverse=True)), sorted(fitting))
        return max(1, len(waiting))

    async def _event(self, search: SavedSearch, model_ids: list[int]) -> SearchMatched:
        rows = {row.model_id: row for row in await self._rows.list_of(model_ids[:_NAMED])}
        named = [
            MatchedModel(model_id=model_id, name=document.name)
            for model_id in model_ids[:_NAMED]
            if (row := rows.get(model_id)) and (document := row.document)
        ]
        return SearchMatched(
            search_id=search.id, account_id=search.account_id, name=search.name, filters=search.filters,
            models=named, total=len(model_ids),
        )  # fmt: skip

    async def _fitting(self, search: SavedSearch, model_ids: Sequence[int]) -> set[int]:
        within = tuple(model_ids)
        found, _ = await self._finder.match(replace(search.wanted, within=within), limit=len(within))
        return set(found)


def _state(search: SavedSearch, row: Row) -> State:
    assert row.document is not None and row.news_at is not None, "only visible models are news"
    tell = is_to_be_told(
        row.news_at, row.document.published_at, search.saved_at, knows_all=search.knows_all,
        is_own=key(row.document.creator) == key(search.wanted.viewer),
    )  # fmt: skip
    return "waiting" if tell else "known"
