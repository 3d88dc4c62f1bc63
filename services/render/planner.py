"""The planner's loops: give waiting adapters their base, and measure the work that waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from prometheus_client import Gauge

from services.render.consumers import announcements
from services.render.planning import choose_base, with_base
from services.render.repository import Repository
from services.render.settings import GPU_CLASSES
from shared.clock import now
from shared.telemetry import begin_correlation, logger

log = logger(__name__)
BACKLOG = Gauge(
    "easel_render_backlog_seconds", "Seconds of drawing not yet done, queued or running.", ["class", "lane"]
)
RENDERERS = Gauge("easel_renderers", "Renderers heard of in the last minute.")
_EVERY_SECONDS = 2.0


class Planner:
    """Runs beside the consumer. A base and its adapters may be published in any order, so they are matched here."""

    def __init__(self, jobs: Repository) -> None:
        self._jobs = jobs

    async def run(self) -> None:
        """Match and measure until cancelled."""
        while True:
            await self.match_bases()
            await self._measure()
            await asyncio.sleep(_EVERY_SECONDS)

    async def match_bases(self) -> None:
        """Queue every waiting job whose base is there by now."""
        waiting = await self._jobs.list_waiting()
        if not waiting:
            return
        bases = await self._jobs.list_bases()
        for job in waiting:
            base = choose_base(job, bases)
            if base is not None:
                begin_correlation(job.correlation)
                ready = with_base(job, base)
                await self._jobs.queue(ready, announcements(ready))
                log.info("base found", version_id=job.id, base_version_id=base.version_id)

    async def _measure(self) -> None:
        """Export the backlog, zeros included: a metric that vanishes would scale a busy fleet away."""
        backlog = await self._jobs.backlog_seconds()
        for gpu_class in GPU_CLASSES:
            for lane in ("interactive", "backfill"):
                BACKLOG.labels(gpu_class, lane).set(backlog.get((gpu_class, lane), 0.0))
        RENDERERS.set(await self._jobs.count_renderers(now() - timedelta(minutes=1)))
