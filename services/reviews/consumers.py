"""Events that tell which versions may be reviewed, which models are visible, and what somebody must be told."""

from __future__ import annotations

from collections.abc import Sequence

from services.reviews import notices
from services.reviews.collection_store import Collections, Listing
from services.reviews.domain import ModelEvent, PublishedVersion, model_state
from services.reviews.notifications import Notifications
from services.reviews.repository import Repository
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event, Payload
from shared.events.models import (
    FileRestored,
    FileWithdrawn,
    ModelDeleted,
    ModelRestored,
    ModelState,
    ModelStateRemoved,
    ModelUnpublished,
    VersionPublished,
)
from shared.events.moderation import AppealDecided
from shared.events.searches import SearchMatched
from shared.events.usage import Downloaded

TOPICS = ("easel.models", "easel.models.state", "easel.usage", "easel.moderation", "easel.searches")


class ReviewsConsumers:
    """The readers of the reviews service."""

    def __init__(self, repository: Repository, collections: Collections, notifications: Notifications) -> None:
        self._reviews = repository
        self._collections = collections
        self._notifications = notifications

    def register(self, consumer: Consumer) -> None:
        """Subscribe to what happens to models."""
        consumer.on(VersionPublished, self.on_version_published)
        consumer.on(ModelUnpublished, self.on_model_event)
        consumer.on(ModelRestored, self.on_model_event)
        consumer.on(ModelDeleted, self.on_model_event)
        consumer.on_batch((ModelState, ModelStateRemoved, Downloaded), self.on_many)
        consumer.on(FileWithdrawn, self.on_file_withdrawn)
        consumer.on(FileRestored, self.on_file_restored)
        consumer.on(AppealDecided, self.on_appeal_decided)
        consumer.on(SearchMatched, self.on_search_matched)
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

    async def on_many(self, events: Sequence[Event[Payload]], session: Session) -> None:
        """Collections show what lists show. Who downloaded what is kept, to tell them if it turns out to be bad."""
        listings: list[Listing] = []
        for event in events:
            match event.data:
                case ModelState(model_id=model_id, seq=seq, document=document):
                    listings.append(Listing(model_id, seq, document.nsfw_level))
                case ModelStateRemoved(model_id=model_id, seq=seq):
                    listings.append(Listing(model_id, seq, None))
                case Downloaded(file_id=file_id, account_id=int(account_id)):
                    await self._notifications.note_download(file_id, account_id, event.time, session)
        if listings:
            await self._collections.models_listed(listings, session)

    async def on_file_withdrawn(self, event: Event[FileWithdrawn], session: Session) -> None:
        """Tell the creator why, and everybody who has the file."""
        data, at = event.data, event.time
        told = notices.notification(event.id, data.creator_id, notices.to_creator(data), at)
        await self._notifications.add(told, session)
        notice = notices.to_downloader(data)
        await self._notifications.file_withdrawn(data.file_id, data.creator_id, event.id, notice, at, session)

    async def on_file_restored(self, event: Event[FileRestored], session: Session) -> None:
        """It may be downloaded again."""
        await self._notifications.file_restored(event.data.file_id, session)

    async def on_appeal_decided(self, event: Event[AppealDecided], session: Session) -> None:
        """Tell the appellant."""
        told = notices.notification(event.id, event.data.appellant_id, notices.to_appellant(event.data), event.time)
        await self._notifications.add(told, session)

    async def on_search_matched(self, event: Event[SearchMatched], session: Session) -> None:
        """Tell who saved the search."""
        told = notices.notification(event.id, event.data.account_id, notices.to_searcher(event.data), event.time)
        await self._notifications.add(told, session)
