"""Events that change the catalog: one function per event type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.catalog.domain import events as rules
from services.catalog.domain import publishing
from services.catalog.download_counts import DownloadCounts
from services.catalog.repository import Repository
from shared.clock import now
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.moderation import ContentRated, ContentRestored, ContentTakenDown
from shared.events.payload import Payload
from shared.events.previews import PreviewRendered
from shared.events.reviews import ModelCollected, ReviewChanged, ReviewPosted, ReviewRemoved
from shared.events.uploads import FileScanned, FileUploaded, UploadAborted
from shared.events.usage import Downloaded

TOPICS = ("easel.uploads", "easel.previews", "easel.reviews", "easel.moderation", "easel.usage")


class CatalogConsumers:
    """The catalog's readers."""

    def __init__(self, repository: Repository, counts: DownloadCounts) -> None:
        self._models = repository
        self._counts = counts

    def register(self, consumer: Consumer) -> None:
        """Subscribe to everything that concerns the catalog."""
        consumer.on(FileUploaded, self.on_file_uploaded)
        consumer.on(FileScanned, self.on_file_scanned)
        consumer.on(UploadAborted, self.on_upload_aborted)
        consumer.on(PreviewRendered, self.on_preview_rendered)
        consumer.on(ReviewPosted, self.on_review)
        consumer.on(ReviewChanged, self.on_review)
        consumer.on(ReviewRemoved, self.on_review)
        consumer.on(ModelCollected, self.on_model_collected)
        consumer.on(ContentTakenDown, self.on_content_taken_down)
        consumer.on(ContentRestored, self.on_content_restored)
        consumer.on(ContentRated, self.on_content_rated)
        consumer.on_batch([Downloaded], self.on_downloaded)
        consumer.subscribe(TOPICS)

    async def on_file_uploaded(self, event: Event[FileUploaded], session: Session) -> None:
        """The file waits for its scan."""
        data, at = event.data, now()
        await self._models.change_version(
            data.version_id, lambda model: publishing.file_uploaded(model, data.version_id, data.file_id, at), session
        )

    async def on_file_scanned(self, event: Event[FileScanned], session: Session) -> None:
        """Record the verdict; perhaps the version can be published now."""
        data, at = event.data, now()
        await self._models.change_version(
            data.version_id, lambda model: publishing.file_scanned(model, data, at), session
        )

    async def on_upload_aborted(self, event: Event[UploadAborted], session: Session) -> None:
        """Forget a file that will never come."""
        data, at = event.data, now()
        await self._models.change_version(
            data.version_id, lambda model: publishing.upload_aborted(model, data.version_id, data.file_id, at), session
        )

    async def on_preview_rendered(self, event: Event[PreviewRendered], session: Session) -> None:
        """Add the picture."""
        image_id = await self._models.next_id("image")
        await self._models.change_version(
            event.data.version_id, lambda model: rules.preview_rendered(model, image_id, event.data), session
        )

    async def on_review(self, event: Event[ReviewPosted | ReviewChanged | ReviewRemoved], session: Session) -> None:
        """Move the counters."""
        await self._models.change_version(event.data.version_id, lambda model: rules.review(model, event.data), session)

    async def on_model_collected(self, event: Event[ModelCollected], session: Session) -> None:
        """Keep how often the model is kept."""
        if await self._models.find(event.data.model_id, session):
            await self._models.change(
                event.data.model_id, lambda model: rules.collected(model, event.data.collected), session
            )

    async def on_content_taken_down(self, event: Event[ContentTakenDown], session: Session) -> None:
        """Withdraw a model."""
        if event.data.subject_type == "model" and await self._models.find(event.data.subject_id, session):
            await self._models.change(
                event.data.subject_id, lambda model: rules.taken_down(model, event.data.reason), session
            )

    async def on_content_restored(self, event: Event[ContentRestored], session: Session) -> None:
        """Give it back."""
        if event.data.subject_type == "model" and await self._models.find(event.data.subject_id, session):
            await self._models.change(event.data.subject_id, rules.restored, session)

    async def on_content_rated(self, event: Event[ContentRated], session: Session) -> None:
        """Keep a moderator's rating of a picture or a model."""
        if await self._models.find(event.data.model_id, session):
            await self._models.change(event.data.model_id, lambda model: rules.rated(model, event.data), session)

    async def on_downloaded(self, events: Sequence[Event[Payload]], session: Session) -> None:
        """Count them; the counts reach the documents a little later."""
        versions = Counter(event.data.version_id for event in events if isinstance(event.data, Downloaded))
        await self._counts.note(versions, session)
