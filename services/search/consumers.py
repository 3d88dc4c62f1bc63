"""Events that change what can be found."""

from __future__ import annotations

from collections.abc import Sequence

from services.search.repository import Row, Rows
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event, Payload
from shared.events.models import ModelState, ModelStateRemoved

TOPICS = ("easel.models.state",)


class SearchConsumers:
    """Search's readers. They write rows alone; the indexer follows the rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def register(self, consumer: Consumer) -> None:
        """Subscribe to the state of models."""
        consumer.on_batch((ModelState, ModelStateRemoved), self.on_states)
        consumer.subscribe(TOPICS)

    async def on_states(self, events: Sequence[Event[Payload]], session: Session) -> None:
        """Keep the newest state of each model, unless a newer one is known; a removed model's is that it is gone."""
        await self._rows.save_all([_state(event) for event in events], session=session)


def _state(event: Event[Payload]) -> Row:
    match event.data:
        case ModelState(model_id=model_id, seq=seq, document=document):
            return Row(model_id=model_id, seq=seq, document=document, changed_at=event.time)
        case ModelStateRemoved(model_id=model_id, seq=seq):
            return Row(model_id=model_id, seq=seq, document=None, changed_at=event.time)
        case other:
            raise TypeError(f"not a state of a model: {type(other).__name__}")
