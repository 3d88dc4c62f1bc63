"""What to say when nothing is found: which filter hides results, and what is popular instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from services.search.domain.clauses import AnyClause
from services.search.domain.fields import POPULARITY
from services.search.domain.filters import ALWAYS
from services.search.engine import Found, Question
from shared.api.inside import Hiding

Ask = Callable[[Question], Awaitable[Found]]
_POPULAR = 5


async def hiding(ask: Ask, question: Question) -> list[Hiding]:
    """The filters without any one of which there would be results, and how many; the most first."""
    found = []
    for name in question.filters:
        if name == ALWAYS:
            continue
        others = {other: clause for other, clause in question.filters.items() if other != name}
        total = (await ask(msgspec.structs.replace(question, filters=others, limit=1, offset=0, facets={}))).total
        if total:
            found.append(Hiding(filter=_NAMES.get(name, name), count=total))
    return sorted(found, key=lambda hidden: -hidden.count)


async def popular(ask: Ask, filters: Mapping[str, AnyClause]) -> list[int]:
    """The most popular models inside the same filters, or among all that may be seen where these leave none."""
    visible = {name: clause for name, clause in filters.items() if name == ALWAYS}
    for chosen in (filters, visible):
        found = await ask(Question(filters=chosen, order=POPULARITY, limit=_POPULAR))
        if found.hits:
            return [hit.id for hit in found.hits]
    return []


_NAMES = {"every tag": "tags"}
