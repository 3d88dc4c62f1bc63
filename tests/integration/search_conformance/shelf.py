"""An index and a finder on it."""

from __future__ import annotations

from collections.abc import Mapping

from services.search.domain.documents import index_document
from services.search.engine import SearchIndex, Write
from services.search.finder import Finder
from shared.events.models import SearchDocument


class Shelf:
    """Models that can be found."""

    def __init__(self, index: SearchIndex) -> None:
        self.index = index
        self.finder = Finder(index, deadline_seconds=30)

    async def put(self, models: Mapping[int, SearchDocument | None], seq: int = 1) -> None:
        """Bring models in; None takes one away."""
        refused = await self.index.write(
            [
                Write(model_id=model_id, seq=seq, document=index_document(model_id, seq, model) if model else None)
                for model_id, model in models.items()
            ]
        )
        assert refused == {}

    async def kept(self) -> dict[int, int]:
        """Sequence numbers by model id."""
        found: dict[int, int] = {}
        async for page in self.index.walk(3):
            assert not found.keys() & page.keys()
            found |= page
        return found
