"""Events of the render service: the planner hears of versions, the renderer of jobs."""

from __future__ import annotations

import asyncio

from services.render.families import Family
from services.render.planning import Job, plan
from services.render.repository import Repository
from shared.consumer import Consumer
from shared.engines.mongo import Session
from shared.events import Event
from shared.events.models import ModelDeleted, ModelRestored, ModelUnpublished, VersionPublished
from shared.events.payload import Payload
from shared.events.previews import PreviewFailed
from shared.events.render_jobs import PreviewRequested, jobs_topic
from shared.telemetry import correlation_id


def announcements(job: Job) -> list[Payload]:
    """What is told of a job in its present state."""
    if job.state == "queued":
        return [
            PreviewRequested(
                job_id=job.name, model_id=job.model_id, version_id=job.id, family=job.family, gpu_class=job.gpu_class,
                lane=job.lane,
            )
        ]  # fmt: skip
    if job.state == "failed":
        return [PreviewFailed(job_id=job.name, model_id=job.model_id, version_id=job.id, reason=job.reason or "")]
    return []


class PlannerConsumers:
    """Turns published versions into jobs."""

    def __init__(self, repository: Repository, families: dict[str, Family], count: int) -> None:
        self._jobs = repository
        self._families = families
        self._count = count

    def register(self, consumer: Consumer) -> None:
        """Subscribe."""
        consumer.on(VersionPublished, self.on_version_published)
        consumer.on(ModelUnpublished, self.on_model_gone)
        consumer.on(ModelDeleted, self.on_model_gone)
        consumer.on(ModelRestored, self.on_model_restored)
        consumer.subscribe(("easel.models",))

    async def on_version_published(self, event: Event[VersionPublished], session: Session) -> None:
        """Plan its previews."""
        job, base = plan(event.data, self._families, self._count, correlation_id())
        await self._jobs.add(job, base, announcements(job), session)

    async def on_model_gone(self, event: Event[ModelUnpublished | ModelDeleted], session: Session) -> None:
        """Draw no more of it, and nothing on it."""
        await self._jobs.hide_model(event.data.model_id, session)

    async def on_model_restored(self, event: Event[ModelRestored], session: Session) -> None:
        """Go on."""
        await self._jobs.show_model(event.data.model_id, session)


class RendererConsumers:
    """Wakes the drawing loop. The job itself waits in the database, so a lost wake-up costs seconds and no job."""

    def __init__(self, wake: asyncio.Event, classes: tuple[str, ...]) -> None:
        self._wake = wake
        self._classes = classes

    def register(self, consumer: Consumer) -> None:
        """Subscribe to the topics of this renderer's classes, both lanes."""
        consumer.on(PreviewRequested, self.on_preview_requested)
        consumer.subscribe([jobs_topic(name, lane) for name in self._classes for lane in ("interactive", "backfill")])

    async def on_preview_requested(self, _event: Event[PreviewRequested], _session: Session) -> None:
        """There is something to draw."""
        self._wake.set()
