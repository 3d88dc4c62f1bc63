"""Suggestions while somebody types: models, creators and tags that begin so."""

from __future__ import annotations

import asyncio

from services.search.domain.clauses import Starts
from services.search.domain.fields import POPULARITY
from services.search.domain.filters import filters_of
from services.search.domain.plan import suggestion_tiers
from services.search.domain.recogniser import recognise
from services.search.domain.text import cjk, key
from services.search.domain.wanted import Wanted
from services.search.engine import Down, FacetAsk, Found, IndexMissing, Question, SearchIndex
from shared.api.inside import NamedCount, Suggestions
from shared.clock import now
from shared.problems import Unavailable

_MODELS = 5
_NAMES = 3
_LEAST_LETTERS = 2


class Suggester:
    """Suggests."""

    def __init__(self, index: SearchIndex, *, deadline_seconds: float) -> None:
        self._index = index
        self._deadline_seconds = deadline_seconds

    async def suggest(self, wanted: Wanted) -> Suggestions:
        """Up to 5 models, 3 creators and 3 tags; none for fewer than two letters (one where a letter is a word).

        Raises Unavailable when the engine is away or takes longer than the deadline.
        """
        text = key(wanted.query)
        if len(text) < _LEAST_LETTERS and not cjk(text):
            return Suggestions(models=[], creators=[], tags=[])
        filters = filters_of(wanted, now())

        def question(*tiers: Starts, **facets: FacetAsk) -> Question:
            return Question(tiers=tiers, filters=filters, order=POPULARITY, limit=0, facets=facets)

        models = Question(
            tiers=suggestion_tiers(recognise(wanted.query)), filters=filters, order=POPULARITY, limit=_MODELS
        )
        try:
            async with asyncio.timeout(self._deadline_seconds):
                found, creators, tags = await asyncio.gather(
                    self._index.search(models),
                    self._index.search(
                        question(Starts("creator_key", text), names=FacetAsk(field="creator", most=_NAMES))
                    ),
                    self._index.search(
                        question(Starts("tags", text), names=FacetAsk(field="tags", most=_NAMES, begins=text))
                    ),
                )
        except (Down, IndexMissing, TimeoutError) as error:
            raise Unavailable("Search is unavailable at the moment; try again in a few seconds.") from error
        return Suggestions(models=[hit.id for hit in found.hits], creators=_counts(creators), tags=_counts(tags))


def _counts(found: Found) -> list[NamedCount]:
    return [NamedCount(name=name, models=count) for name, count in found.facets["names"]]
