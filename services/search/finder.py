"""Answers a search: the ways to find hits are tried in order, and the page says where it ends."""

from __future__ import annotations

import asyncio
import time

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from services.search.domain.cursor import read_cursor, write_cursor
from services.search.domain.query import COUNTED_HITS, search_request, sort_keys
from services.search.domain.recogniser import Mode, Recognised, recognise
from services.search.domain.wanted import Wanted
from services.search.index import Hits, ModelIndex
from services.search.metrics import QUERY_SECONDS
from shared.api.inside import SearchPage
from shared.clock import now
from shared.engines.opensearch import IndexMissing, SearchDown
from shared.problems import FieldError, Invalid, Unavailable

_RETRY_SECONDS = 0.25


class Finder:
    """Finds ids of models."""

    def __init__(self, index: ModelIndex, *, deadline_seconds: float) -> None:
        self._index = index
        self._deadline_seconds = deadline_seconds

    async def find(
        self, wanted: Wanted, *, limit: int, cursor: str | None = None, page: int | None = None
    ) -> SearchPage:
        """One page of ids, best first. A cursor has precedence over a page number.

        Raises Invalid for a cursor of another question and for pages too deep, Unavailable when the engine is away or
        takes longer than the deadline.
        """
        asked = recognise(wanted.query) if wanted.query.strip() else Recognised(modes=("browse",))
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                mode, hits = await self._first_that_finds(wanted, asked, limit, cursor, page)
        except (SearchDown, TimeoutError) as error:
            raise Unavailable(
                "Search is unavailable at the moment. Model pages and downloads still work; try again in a few seconds."
            ) from error
        except IndexMissing as error:
            raise Unavailable("Search is unavailable at the moment: its index is being made. Try again.") from error
        QUERY_SECONDS.labels(mode).observe(time.monotonic() - began)
        more = len(hits.ids) > limit
        following = write_cursor(wanted.fingerprint, mode, hits.sorts[limit - 1]) if more else None
        return SearchPage(ids=hits.ids[:limit], total=hits.total, next_cursor=following)

    async def _first_that_finds(
        self, wanted: Wanted, asked: Recognised, limit: int, cursor: str | None, page: int | None
    ) -> tuple[Mode, Hits]:
        modes, after, offset = asked.modes, None, 0
        if cursor:
            lengths = {mode: len(sort_keys(mode, wanted.sort)) for mode in asked.modes}
            place = read_cursor(cursor, wanted.fingerprint, lengths)
            modes, after = (place.mode,), place.after
        elif page is not None:
            offset = _offset(page, limit)
        for mode in modes:
            body = search_request(wanted, asked, mode, now=now(), size=limit + 1, after=after, offset=offset)
            hits = await self._search(body)
            if hits.total:
                break
        return mode, hits

    async def _search(self, body: dict[str, object]) -> Hits:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(SearchDown), wait=wait_fixed(_RETRY_SECONDS), stop=stop_after_attempt(2),
            reraise=True,
        ):  # fmt: skip
            with attempt:
                return await self._index.search(body)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _offset(page: int, limit: int) -> int:
    if page * limit >= COUNTED_HITS:  # one hit more is asked for, to see whether the list goes on
        message = f"Pages end before hit {COUNTED_HITS:,}; continue with the cursor of a page before."
        raise Invalid(message, errors=[FieldError("page", message)])
    return (page - 1) * limit
