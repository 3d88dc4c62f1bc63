"""Events that tell which versions may be reviewed, which models are visible, and how mature they are."""

from __future__ import annotations

from services.reviews.collection_store import Collections
from services.reviews.domain import ModelEvent, PublishedVersion, model_state
from services.reviews.repository import Repository
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.models import (
    ModelDeleted,
    ModelRestored,
    ModelState,
    ModelStateRemoved,
    ModelUnpublished,
    VersionPublished,
)

TOPICS = ("easel.models", "easel.models.state")


class ReviewsConsumers:
    """The readers of the reviews service."""

    def __init__(self, repository: Repository, collections: Collections) -> None:
        self._reviews = repository
        self._collections = collections

    def register(self, consumer: Consumer) -> None:
        """Subscribe to what happens to models."""
        consumer.on(VersionPublished, self.on_version_published)
        consumer.on(ModelUnpublished, self.on_model_event)
        consumer.on(ModelRestored, self.on_model_event)
        consumer.on(ModelDeleted, self.on_model_event)
        consumer.on(ModelState, self.on_model_state)
        consumer.on(ModelStateRemoved, self.on_model_state_removed)
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

    async def on_model_state(self, event: Event[ModelState], session: Session) -> None:
        """Lists show the model: collections do too."""
        data = event.data
        await self._collections.model_listed(data.model_id, data.seq, data.document.nsfw_level, session)

    async def on_model_state_removed(self, event: Event[ModelStateRemoved], session: Session) -> None:
        """Lists do not show the model any more."""
        await self._collections.model_listed(event.data.model_id, event.data.seq, None, session)
