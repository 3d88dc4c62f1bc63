"""Events that change what can be found."""

from __future__ import annotations

from services.search.repository import Rows
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.models import ModelState, ModelStateRemoved

TOPICS = ("easel.models.state",)


class SearchConsumers:
    """Search's readers. They write rows alone; the indexer follows the rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def register(self, consumer: Consumer) -> None:
        """Subscribe to the state of models."""
        consumer.on(ModelState, self.on_model_state)
        consumer.on(ModelStateRemoved, self.on_model_state_removed)
        consumer.subscribe(TOPICS)

    async def on_model_state(self, event: Event[ModelState], session: Session) -> None:
        """Keep the model's document, unless a newer one is known."""
        data = event.data
        await self._rows.save(data.model_id, data.seq, data.document, changed_at=event.time, session=session)

    async def on_model_state_removed(self, event: Event[ModelStateRemoved], session: Session) -> None:
        """Keep that the model must not be found."""
        await self._rows.save(event.data.model_id, event.data.seq, None, changed_at=event.time, session=session)
