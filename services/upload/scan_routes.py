"""HTTP of scan reports and rescans, for the gateway alone."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_202_ACCEPTED

from services.upload.report_view import scan_view
from services.upload.rescans import Rescans
from services.upload.scans import Scans
from shared.actor import Actor
from shared.api.scans import FileScan, NewRescan, Rescan, RescanPage
from shared.clock import now
from shared.problems import Forbidden, Unauthorized

PathId = Annotated[int, Parameter(ge=1, le=2**31 - 1)]


def _require_operator(actor: Actor) -> None:
    if not actor.is_known:
        raise Unauthorized("Send an API key: Authorization: Bearer <key>.")
    if actor.role != "administrator":
        raise Forbidden("Only administrators may have files scanned again.")


class ScanReports(Controller):
    """`/scans`: reports (who may see one is the catalog's to say); `/rescans`: what operators ask for."""

    @get("/scans/{file_id:int}")
    async def report(self, file_id: PathId, scans: Scans) -> FileScan:
        """The report of a file's last scan."""
        return scan_view(await scans.get(file_id))

    @post("/rescans", status_code=HTTP_202_ACCEPTED)
    async def start(self, data: NewRescan, actor: Actor, rescans: Rescans) -> Rescan:
        """Put files in line to be scanned again, behind all fresh uploads."""
        _require_operator(actor)
        return await rescans.start(data, actor.username, now())

    @get("/rescans")
    async def list_newest(
        self, actor: Actor, rescans: Rescans, limit: Annotated[int, Parameter(ge=1, le=100)] = 20
    ) -> RescanPage:
        """The last rescans, newest first."""
        _require_operator(actor)
        return RescanPage(items=await rescans.list_newest(limit))

    @get("/rescans/{rescan_id:int}")
    async def get_rescan(self, rescan_id: PathId, actor: Actor, rescans: Rescans) -> Rescan:
        """How far a rescan is."""
        _require_operator(actor)
        return await rescans.get(rescan_id)
