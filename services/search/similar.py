"""Models like another one."""

from __future__ import annotations

import asyncio

from services.search.domain.clauses import AnyClause, OneOf, Token, Without, every
from services.search.domain.fields import POPULARITY
from services.search.domain.filters import ALWAYS, filters_of
from services.search.domain.similarity import likeness
from services.search.domain.text import key
from services.search.domain.wanted import Wanted
from services.search.engine import Down, FacetAsk, IndexMissing, Question, SearchIndex
from services.search.repository import Rows
from shared.clock import now
from shared.events.models import SearchDocument
from shared.problems import NotFound, Unavailable

_CANDIDATES = 60
_COMMON_TAGS = 200


class Similar:
    """Finds models like another one, of the same base model."""

    def __init__(self, rows: Rows, index: SearchIndex, *, deadline_seconds: float) -> None:
        self._rows = rows
        self._index = index
        self._deadline_seconds = deadline_seconds

    async def find(self, model_id: int, wanted: Wanted, *, limit: int) -> list[int]:
        """Ids, the most alike first. Raises NotFound for a model that search does not know, and Unavailable."""
        rows = await self._rows.list_of([model_id])
        model = rows[0].document if rows else None
        if model is None:
            raise NotFound(f"There is no model {model_id} to be found.")
        try:
            async with asyncio.timeout(self._deadline_seconds):
                candidates, having_tag, models = await self._candidates(model_id, model, wanted)
        except (Down, IndexMissing, TimeoutError) as error:
            raise Unavailable("Search is unavailable at the moment; try again in a few seconds.") from error
        scored = [
            (-likeness(model, row.document, having_tag, models), row.model_id)
            for row in await self._rows.list_of(candidates)
            if row.document is not None
        ]
        return [other for score, other in sorted(scored) if score < 0][:limit]

    async def _candidates(
        self, model_id: int, model: SearchDocument, wanted: Wanted
    ) -> tuple[list[int], dict[str, int], int]:
        """Models that share something, those that share rare things first; and how common tags are."""
        visible = {name: clause for name, clause in filters_of(wanted, now()).items() if name == ALWAYS}
        tags = FacetAsk(field="tags", most=_COMMON_TAGS)
        everything = await self._index.search(
            Question(filters=visible, order=POPULARITY, limit=1, facets={"tags": tags})
        )
        having_tag = dict(everything.facets["tags"])
        rare_first = sorted(map(key, model.tags), key=lambda tag: having_tag.get(tag, 0))
        tiers: list[AnyClause] = [OneOf("trigger_keys", tuple(map(key, model.trigger_words)))]
        tiers += [every(*(Token("tags", tag) for tag in rare_first[:2]))] if len(rare_first) > 1 else []
        tiers += [Token("tags", tag) for tag in rare_first[:4]]
        tiers.append(Token("creator", key(model.creator)))
        shared: dict[str, AnyClause] = {
            "base": OneOf("base_models", tuple(map(key, model.base_models))),
            "other": Without(OneOf("id", (model_id,))),
        }
        found = await self._index.search(
            Question(tiers=tuple(tiers), filters=visible | shared, order=POPULARITY, limit=_CANDIDATES)
        )
        return [hit.id for hit in found.hits], having_tag, everything.total
