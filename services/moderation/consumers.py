"""Events that tell which models there are."""

from __future__ import annotations

from services.moderation.domain import CLOSED_BY_DELETION
from services.moderation.repository import Repository
from shared.clock import now
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.models import ModelDeleted, ModelPublished, VersionPublished

TOPICS = ("easel.models",)


class ModerationConsumers:
    """The readers of the moderation service."""

    def __init__(self, repository: Repository) -> None:
        self._moderation = repository

    def register(self, consumer: Consumer) -> None:
        """Subscribe to what happens to models."""
        consumer.on(ModelPublished, self.on_model_published)
        consumer.on(VersionPublished, self.on_version_published)
        consumer.on(ModelDeleted, self.on_model_deleted)
        consumer.subscribe(TOPICS)

    async def on_model_published(self, event: Event[ModelPublished], session: Session) -> None:
        """The model can be reported now."""
        data = event.data
        await self._moderation.remember_model(data.model_id, data.name, data.creator_id, data.creator, session)

    async def on_version_published(self, event: Event[VersionPublished], session: Session) -> None:
        """The model may have a new name."""
        data = event.data
        await self._moderation.remember_model(data.model_id, data.model_name, data.creator_id, data.creator, session)

    async def on_model_deleted(self, event: Event[ModelDeleted], session: Session) -> None:
        """Nothing is left to decide."""
        await self._moderation.forget_model(event.data.model_id, CLOSED_BY_DELETION, now(), session)
