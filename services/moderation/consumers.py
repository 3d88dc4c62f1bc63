"""Events that tell which models there are, and which files were refused."""

from __future__ import annotations

from services.moderation import files
from services.moderation.appeals import Appeals
from services.moderation.domain import CLOSED_BY_DELETION
from services.moderation.repository import Repository
from shared.clock import now
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.models import ModelDeleted, ModelPublished, VersionPublished
from shared.events.uploads import FileScanned

TOPICS = ("easel.models", "easel.uploads")


class ModerationConsumers:
    """The readers of the moderation service."""

    def __init__(self, repository: Repository, appeals: Appeals) -> None:
        self._moderation = repository
        self._appeals = appeals

    def register(self, consumer: Consumer) -> None:
        """Subscribe to what happens to models."""
        consumer.on(ModelPublished, self.on_model_published)
        consumer.on(VersionPublished, self.on_version_published)
        consumer.on(ModelDeleted, self.on_model_deleted)
        consumer.on(FileScanned, self.on_file_scanned)
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

    async def on_file_scanned(self, event: Event[FileScanned], session: Session) -> None:
        """A refused file can be appealed for; nothing is left to decide about one that is clean."""
        await self._appeals.remember(files.known_file(event.data), files.CLOSED_BY_SCAN, now(), session)
