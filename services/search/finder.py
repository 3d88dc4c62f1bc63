"""Answers a search: the ways to find hits are tried in order, and the page says where it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from services.search import nothing_found
from services.search.domain import spelling
from services.search.domain.answers import facets_of
from services.search.domain.clauses import AnyClause, Near, Token
from services.search.domain.cursor import read_cursor, write_cursor
from services.search.domain.fields import POPULARITY, SORTS, Order
from services.search.domain.filters import ALWAYS, FACETS, filters_of
from services.search.domain.plan import tiers_of
from services.search.domain.recogniser import Mode, Recognised, recognise, take_filters
from services.search.domain.spelling import Candidates
from services.search.domain.text import fold
from services.search.domain.wanted import Wanted
from services.search.engine import Down, FacetAsk, Found, IndexMissing, Question, SearchIndex
from services.search.metrics import QUERY_SECONDS
from shared.api.inside import FACET_VALUES, LONG_FACET_VALUES, SearchPage
from shared.clock import now
from shared.problems import FieldError, Invalid, Unavailable

COUNTED_HITS = 10_000
"""Pages by number end here."""
_RETRY_SECONDS = 0.25
_FALLBACKS: dict[Mode, str] = {"apart": "split", "similar": "misspelt", "most": "some-words"}
_VOCABULARY = 1_000
"""Words of the index that are looked at for one misspelt word, the most frequent first."""


class _Searched(msgspec.Struct, frozen=True):
    """How something was found, or not; `first` is what was asked before any fallback, `exactly` its answer."""

    mode: Mode
    found: Found
    meant: list[Candidates]
    """What each word may mean, where spelling was tried."""
    first: Question
    exactly: Found


class Finder:
    """Finds ids of models."""

    def __init__(self, index: SearchIndex, *, deadline_seconds: float) -> None:
        self._index = index
        self._deadline_seconds = deadline_seconds

    async def find(
        self,
        wanted: Wanted,
        *,
        limit: int,
        cursor: str | None = None,
        page: int | None = None,
        facets: Sequence[str] = (),
        long_facets: Sequence[str] = (),
    ) -> SearchPage:
        """One page of ids, best first. A cursor has precedence over a page number.

        `facets` are counted with their most frequent values, and with many more where they are `long_facets` too.

        Raises Invalid for a cursor of another question and for pages too deep, Unavailable when the engine is away or
        takes longer than the deadline.
        """
        began = time.monotonic()
        wanted = with_written_filters(wanted)
        asked = recognise(wanted.query) if wanted.query.strip() else Recognised(modes=("browse",))
        try:
            async with asyncio.timeout(self._deadline_seconds):
                search = await self._first_that_finds(wanted, asked, limit, cursor, page, _asks(facets, long_facets))
                explained = {} if search.found.total or cursor else await self._explain(search)
        except (Down, TimeoutError) as error:
            raise Unavailable(
                "Search is unavailable at the moment. Model pages and downloads still work; try again in a few seconds."
            ) from error
        except IndexMissing as error:
            raise Unavailable("Search is unavailable at the moment: its index is being made. Try again.") from error
        QUERY_SECONDS.labels(search.mode).observe(time.monotonic() - began)
        mode, found = search.mode, search.found
        more = len(found.hits) > limit
        last = found.hits[limit - 1] if more else None
        return SearchPage(
            ids=[hit.id for hit in found.hits[:limit]],
            total=found.total,
            next_cursor=write_cursor(wanted.fingerprint, mode, (last.tier, last.value, last.id)) if last else None,
            fallback=_FALLBACKS.get(mode) if found.total else None,
            corrected=_corrected(search, asked.words),
            facets=facets_of((found if found.total else search.exactly).facets, wanted),
            **explained,
        )

    async def match(self, wanted: Wanted, *, limit: int) -> tuple[list[int], int]:
        """Ids of models that are what was asked for, without any guess at what was meant, and how many there are.

        Raises Down or IndexMissing; there is no deadline, since nobody waits.
        """
        wanted = with_written_filters(wanted)
        asked = recognise(wanted.query) if wanted.query.strip() else Recognised(modes=("browse",))
        asked = msgspec.structs.replace(asked, modes=tuple(mode for mode in asked.modes if mode not in _FALLBACKS))
        found = (await self._first_that_finds(wanted, asked, limit, None, None, {})).found
        return [hit.id for hit in found.hits[:limit]], found.total

    async def _explain(self, search: _Searched) -> dict[str, Any]:
        return {
            "hidden_by": await nothing_found.hiding(self._search, search.first),
            "popular": await nothing_found.popular(self._search, search.first.filters),
        }

    async def _first_that_finds(
        self,
        wanted: Wanted,
        asked: Recognised,
        limit: int,
        cursor: str | None,
        page: int | None,
        facets: Mapping[str, FacetAsk],
    ) -> _Searched:
        modes, after, offset = asked.modes, None, 0
        if cursor:
            place = read_cursor(cursor, wanted.fingerprint, asked.modes)
            modes, after = (place.mode,), place.after
        elif page is not None:
            offset = _offset(page, limit)
        question = Question(
            filters=filters_of(wanted, now()), order=POPULARITY, limit=limit + 1, offset=offset, after=after,
            facets=facets,
        )  # fmt: skip
        searched: _Searched | None = None
        meant: list[Candidates] = []
        for mode in modes:
            meant = await self._meant(asked, question) if mode == "similar" else meant
            tiers = tiers_of(asked, mode, meant if mode == "similar" else [])
            if not tiers and mode != "browse":
                continue
            order: Order = SORTS[wanted.sort] if mode == "browse" else POPULARITY
            asking = msgspec.structs.replace(question, tiers=tiers, order=order)
            found = await self._search(asking)
            searched = _Searched(
                mode, found, meant, searched.first if searched else asking, searched.exactly if searched else found
            )
            if found.total:
                break
        assert searched is not None, "every query has a first way to be found"
        return searched

    async def _meant(self, asked: Recognised, question: Question) -> list[Candidates]:
        """What each word may mean, among the words of models that may be seen."""
        if len(asked.words) > spelling.MOST_WORDS:
            return []
        visible = {name: clause for name, clause in question.filters.items() if name == ALWAYS}
        words = [fold(word) for word in asked.words]
        known = [await self._is_known(word, visible) for word in words]
        found: list[Candidates] = []
        for word, is_known in zip(words, known, strict=True):
            edits = spelling.edits_forgiven(word)
            if not edits or (is_known and not all(known)):
                found.append(((word,),) if is_known else ())  # as it is: another word is the misspelt one
                continue
            counted = await self._search(
                Question(
                    tiers=(Near("vocabulary", word, edits),),
                    filters=visible,
                    order=POPULARITY,
                    limit=0,
                    facets={"words": FacetAsk(field="vocabulary", most=_VOCABULARY, near=(word, edits))},
                )
            )
            found.append(spelling.candidates(word, counted.facets["words"]))
        return found

    async def _is_known(self, word: str, visible: Mapping[str, AnyClause]) -> bool:
        question = Question(tiers=(Token("vocabulary", word),), filters=visible, order=POPULARITY, limit=1)
        return bool((await self._search(question)).hits)

    async def _search(self, question: Question) -> Found:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Down), wait=wait_fixed(_RETRY_SECONDS), stop=stop_after_attempt(2),
            reraise=True,
        ):  # fmt: skip
            with attempt:
                return await self._index.search(question)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _asks(facets: Sequence[str], long_facets: Sequence[str]) -> dict[str, FacetAsk]:
    most = dict.fromkeys(facets, FACET_VALUES) | dict.fromkeys(long_facets, LONG_FACET_VALUES)
    return {name: FacetAsk(field=FACETS[name], most=most[name]) for name in facets}


def _corrected(search: _Searched, words: Sequence[str]) -> str | None:
    """The query as it would be spelt: with the hits that it gave, or as advice where filters hide even those."""
    if not search.meant or not all(search.meant) or (search.found.total and search.mode != "similar"):
        return None
    spelt = spelling.corrected(search.meant)
    return spelt if spelt != " ".join(map(fold, words)) else None


def with_written_filters(wanted: Wanted) -> Wanted:
    """Filters that were written into the query, as filters."""
    written = take_filters(wanted.query)
    if written.rest == wanted.query:
        return wanted
    return msgspec.structs.replace(
        wanted,
        query=written.rest.strip(),
        types=(*wanted.types, *written.types),
        tags=(*wanted.tags, *written.tags),
        base_models=(*wanted.base_models, *written.base_models),
        creators=(*wanted.creators, *written.creators),
        without_types=(*wanted.without_types, *written.without_types),
        without_tags=(*wanted.without_tags, *written.without_tags),
        without_base_models=(*wanted.without_base_models, *written.without_base_models),
        without_creators=(*wanted.without_creators, *written.without_creators),
    )


def _offset(page: int, limit: int) -> int:
    if page * limit >= COUNTED_HITS:  # one hit more is asked for, to see whether the list goes on
        message = f"Pages end before hit {COUNTED_HITS:,}; continue with the cursor of a page before."
        raise Invalid(message, errors=[FieldError("page", message)])
    return (page - 1) * limit
