"""Events that tell which versions may be reviewed, and which models are visible."""

from __future__ import annotations

from services.reviews.domain import ModelEvent, PublishedVersion, model_state
from services.reviews.repository import Repository
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.models import ModelDeleted, ModelRestored, ModelUnpublished, VersionPublished

TOPICS = ("easel.models",)


class ReviewsConsumers:
    """The readers of the reviews service."""

    def __init__(self, repository: Repository) -> None:
        self._reviews = repository

    def register(self, consumer: Consumer) -> None:
        """Subscribe to what happens to models."""
        consumer.on(VersionPublished, self.on_version_published)
        consumer.on(ModelUnpublished, self.on_model_event)
        consumer.on(ModelRestored, self.on_model_event)
        consumer.on(ModelDeleted, self.on_model_event)
        consumer.subscribe(TOPICS)

    async def on_version_published(self, event: Event[VersionPublished], session: Session) -> None:
        """The version can be reviewed now."""
        data = event.data
        version = PublishedVersion(id=data.version_id, model_id=data.model_id, creator_id=data.creator_id)
        await self._reviews.save_version(version, session)
        await self.on_model_event(event, session)

    async def on_model_event(self, event: Event[ModelEvent], session: Session) -> None:
        """Show or hide the reviews of a model."""
        await self._reviews.change_model_state(
            event.data.model_id, lambda before: model_state(before, event.data), session
        )
