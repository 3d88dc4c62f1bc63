"""HTTP of the render service, for the gateway alone."""

from __future__ import annotations

from litestar import Controller, get

from services.render.planning import progress
from services.render.repository import Repository
from shared.api.inside import PreviewStates


class PreviewRoutes(Controller):
    """`/previews`: how far the previews of versions are."""

    path = "/previews"

    @get()
    async def list_previews(self, jobs: Repository, ids: list[int]) -> PreviewStates:
        """Progress by version; a version that has not been planned yet is left out."""
        return PreviewStates(versions={job.id: progress(job) for job in await jobs.list_jobs(ids[:200])})
