"""The renderer: claims jobs, draws them in a child process, stores each picture as soon as it is done.

A job is held by a lease, so a killed renderer's job goes on at the next picture in another; pictures that are stored
are never drawn again. A shutdown hands the job back at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from pathlib import Path

import structlog
from litestar import Litestar
from prometheus_client import Counter, Histogram

from services.render.cache import DamagedDownload, ModelCache
from services.render.consumers import RendererConsumers
from services.render.drawer import Drawer, DrawerSettings
from services.render.drawing import AdapterFile, BaseFile, DrawJob, DrawnImage
from services.render.errors import CannotDraw, DrawerCrashed
from services.render.planning import Job
from services.render.recipe import meta
from services.render.repository import LeaseLost, Repository
from services.render.settings import RenderSettings
from shared.clock import new_id, now
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.engines.s3 import NoSuchObject, Store
from shared.events.previews import PreviewFailed, PreviewRendered
from shared.lag import LagProbe
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service
from shared.telemetry import begin_correlation, logger

log = logger(__name__)
JOBS = Counter("easel_render_jobs_total", "Jobs that came to an end in this renderer.", ["outcome"])
IMAGE_SECONDS = Histogram(
    "easel_render_image_seconds",
    "Drawing time of one picture.",
    ["family"],
    buckets=(0.3, 1, 3, 10, 30, 100, 300, 1000),
)
_LEASE = timedelta(seconds=30)
_RENEW_SECONDS = 5.0
_POLL_SECONDS = 3.0


class Renderer:
    """One device's loop."""

    def __init__(
        self, settings: RenderSettings, jobs: Repository, store: Store, drawer: Drawer, wake: asyncio.Event
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._store = store
        self._drawer = drawer
        self._wake = wake
        self._cache = ModelCache(settings.cache_dir, settings.cache_bytes, store)
        self._owner = new_id()
        self._current: int | None = None

    async def run(self) -> None:
        """Draw everything that waits, then wait for more."""
        while True:
            self._wake.clear()
            job = await self._jobs.claim(self._owner, self._settings.classes, now(), _LEASE)
            if job is not None:
                await self._one(job)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)

    async def beat(self) -> None:
        """Tell that this renderer is alive and what it does."""
        while True:
            await self._jobs.beat(self._owner, {"classes": self._settings.classes, "job": self._current})
            await asyncio.sleep(10)

    async def _one(self, job: Job) -> None:
        structlog.contextvars.clear_contextvars()
        begin_correlation(job.correlation)
        structlog.contextvars.bind_contextvars(version_id=job.id)
        self._current = job.id
        if job.attempt > self._settings.render_attempts:
            await self._fail(
                job, f"Drawing was given up after {job.attempt - 1} attempts that ended without a picture."
            )
            return
        try:
            await self._draw_with_lease(job)
        except LeaseLost:
            log.warning("the job was cancelled, or another renderer has it")
        except CannotDraw as error:
            await self._fail(job, error.reason)
        except NoSuchObject:
            await self._fail(job, "The file is no longer in the store.")
        except (DrawerCrashed, DamagedDownload) as error:
            log.warning("drawing failed, trying again", attempt=job.attempt, error=repr(error))
            await self._jobs.release(job.id, self._owner, now() + timedelta(seconds=2**job.attempt), counts=True)
        except BaseException:
            # An engine is away, or we are being stopped: no fault of the job's.
            await asyncio.shield(self._jobs.release(job.id, self._owner, now(), counts=False))
            raise
        else:
            await self._jobs.finish(job.id, self._owner, None, [])
            JOBS.labels("done").inc()
            log.info("previews drawn", count=len(job.items))
        finally:
            self._current = None

    async def _fail(self, job: Job, reason: str) -> None:
        event = PreviewFailed(job_id=job.name, model_id=job.model_id, version_id=job.id, reason=reason)
        await self._jobs.finish(job.id, self._owner, reason, [event])
        JOBS.labels("failed").inc()
        log.warning("no previews", reason=reason)

    async def _draw_with_lease(self, job: Job) -> None:
        """Draw while keeping the lease; raises LeaseLost when it is gone."""
        work = asyncio.create_task(self._draw(job))
        try:
            while True:
                done, _ = await asyncio.wait({work}, timeout=_RENEW_SECONDS)
                if done:
                    return work.result()
                await self._jobs.renew(job.id, self._owner, now() + _LEASE)
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await work

    async def _draw(self, job: Job) -> None:
        async with AsyncExitStack() as held:
            assert job.base is not None
            base = await held.enter_async_context(self._cache.hold(job.base))
            adapter = await held.enter_async_context(self._cache.hold(job.adapter)) if job.adapter else None
            drawn = await held.enter_async_context(aclosing(self._drawer.draw(_draw_job(job, base, adapter))))
            async for image in drawn:
                await self._keep(job, image)

    async def _keep(self, job: Job, image: DrawnImage) -> None:
        """Store the picture under the hash of its bytes, then note and tell it."""
        digest = hashlib.sha256(image.png).hexdigest()
        key = f"{digest}.png"
        await self._store.put(self._store.images, key, image.png, "image/png")
        event = PreviewRendered(
            job_id=job.name,
            model_id=job.model_id,
            version_id=job.id,
            index=image.index,
            image_key=key,
            sha256=digest,
            size_bytes=len(image.png),
            width=image.width,
            height=image.height,
            blurhash=image.blurhash,
            # With the library's own encoder, so that what the event carries is what the picture carries.
            meta=json.loads(json.dumps(meta(image.recipe))),
            rendered_at=now(),
        )
        await self._jobs.keep_image(job.id, self._owner, image.index, event)
        await self._jobs.note_cost(job.family, image.seconds)
        IMAGE_SECONDS.labels(job.family).observe(image.seconds)


def _draw_job(job: Job, base: Path, adapter: Path | None) -> DrawJob:
    assert job.kind is not None and job.base is not None
    adapters: tuple[AdapterFile, ...] = ()
    if job.adapter is not None and adapter is not None:
        adapters = (
            AdapterFile(
                path=str(adapter), kind=job.adapter.kind, sha256=job.adapter.sha256, name=job.adapter.name,
                autov3=job.adapter.autov3, version_id=job.adapter.version_id, token=job.token,
            ),
        )  # fmt: skip
    return DrawJob(
        job_id=job.name,
        kind=job.kind,
        family=job.family,
        base=BaseFile(path=str(base), sha256=job.base.sha256, name=job.base.name, version_id=job.base.version_id),
        items=job.remaining,
        width=job.width,
        height=job.height,
        steps=job.steps,
        cfg_scale=job.cfg_scale,
        adapters=adapters,
    )


class DrawerComponent:
    """The drawing child as a component: started by the first job, ended with the process."""

    name = "drawer"

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer

    async def start(self) -> None:
        """The child starts with the first job, so that an idle hub does not carry torch in memory."""

    async def check(self) -> None:
        """A child that has died is started again by the next job."""

    async def stop(self) -> None:
        """End the child."""
        await self._drawer.close()


def create_app() -> Litestar:
    """The renderer's application: health, metrics and the loop."""
    settings = RenderSettings()
    mongo = Mongo(settings, "render")
    kafka = Kafka(settings)
    store = Store(settings)
    jobs = Repository(mongo, Outbox(mongo, "render"))
    drawer = Drawer(DrawerSettings(device=settings.device))
    wake = asyncio.Event()
    consumer = Consumer(mongo, kafka, "renderer")
    RendererConsumers(wake, settings.classes).register(consumer)
    renderer = Renderer(settings, jobs, store, drawer, wake)
    return create_service(
        "renderer",
        settings,
        components=[
            mongo,
            store,
            kafka,
            DrawerComponent(drawer),
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("draw", renderer.run),
            Loop("heartbeat", renderer.beat),
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
    )
