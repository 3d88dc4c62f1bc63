"""`/api/hub`: scan reports, appeals against them, and what operators have scanned again."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from litestar import Controller, get, post
from litestar.params import Parameter
from msgspec.structs import replace

from services.gateway.declared import needs
from services.gateway.peers import Peers
from shared.actor import Actor
from shared.api import community, scans
from shared.api.inside import FilePlace
from shared.problems import Unavailable

_Limit = Annotated[int, Parameter(ge=1, le=100)]


class Scans(Controller):
    """What the scanner found in a file, and what its uploader says to that."""

    path = "/api/hub/files/{file_id:int}"
    tags = ["Scanning"]

    @get("/scan", **needs("public"))
    async def report(self, file_id: int, actor: Actor, peers: Peers) -> scans.FileScan:
        """The report of a file's last scan: everybody's once the file was published, before that its owner's."""
        _, report = await scan_report(peers, file_id, actor)
        return report

    @post("/appeals", **needs("publish"))
    async def appeal(self, file_id: int, data: scans.NewAppeal, actor: Actor, peers: Peers) -> scans.Appeal:
        """Ask the moderators to look at a refused file of one's own."""
        return await peers.moderation.fetch("POST", f"/files/{file_id}/appeals", scans.Appeal, actor=actor, json=data)


class ScanDecisions(Controller):
    """Appeals and rescans, for those who look after the hub."""

    path = "/api/hub/moderation"
    tags = ["Scanning"]

    @get("/appeals", **needs("moderate"))
    async def list_appeals(
        self, actor: Actor, peers: Peers,
        status: Annotated[str, Parameter(pattern="^(open|accepted|rejected|closed)$")] = "open", limit: _Limit = 50,
        after: Annotated[int, Parameter(ge=0, le=2**31 - 1)] = 0,
    ) -> scans.AppealPage:  # fmt: skip
        """The moderators' queue, oldest first; `after` is the id of the last one already seen."""
        params = {"status": status, "limit": limit, "after": after}
        return await peers.moderation.fetch("GET", "/appeals", scans.AppealPage, actor=actor, params=params)

    @post("/appeals/{appeal_id:int}/accept", status_code=202, **needs("moderate"))
    async def accept(self, appeal_id: int, data: scans.AppealAnswer, actor: Actor, peers: Peers) -> community.Decision:
        """Let the file pass in spite of what was found until now; it is scanned once more first."""
        path = f"/appeals/{appeal_id}/accept"
        return await peers.moderation.fetch("POST", path, community.Decision, actor=actor, json=data)

    @post("/appeals/{appeal_id:int}/reject", status_code=202, **needs("moderate"))
    async def reject(self, appeal_id: int, data: scans.AppealAnswer, actor: Actor, peers: Peers) -> community.Decision:
        """The file stays refused; its uploader is told why."""
        path = f"/appeals/{appeal_id}/reject"
        return await peers.moderation.fetch("POST", path, community.Decision, actor=actor, json=data)

    @post("/overrides", status_code=202, **needs("moderate"))
    async def override(self, data: scans.NewOverride, actor: Actor, peers: Peers) -> community.Decision:
        """Let a refused file pass that nobody has appealed for."""
        return await peers.moderation.fetch("POST", "/overrides", community.Decision, actor=actor, json=data)

    @post("/rescans", status_code=202, **needs("administer"))
    async def rescan(self, data: scans.NewRescan, actor: Actor, peers: Peers) -> scans.Rescan:
        """Scan published files again, behind all fresh uploads. One that is not clean any more is withdrawn at once."""
        return await peers.upload.fetch("POST", "/rescans", scans.Rescan, actor=actor, json=data)

    @get("/rescans", **needs("administer"))
    async def list_rescans(self, actor: Actor, peers: Peers, limit: _Limit = 20) -> scans.RescanPage:
        """The last rescans, newest first."""
        return await peers.upload.fetch("GET", "/rescans", scans.RescanPage, actor=actor, params={"limit": limit})

    @get("/rescans/{rescan_id:int}", **needs("administer"))
    async def get_rescan(self, rescan_id: int, actor: Actor, peers: Peers) -> scans.Rescan:
        """How far a rescan is."""
        return await peers.upload.fetch("GET", f"/rescans/{rescan_id}", scans.Rescan, actor=actor)


async def scan_report(peers: Peers, file_id: int, actor: Actor) -> tuple[FilePlace, scans.FileScan]:
    """A file's report with its last appeal, if the actor may see it. Raises NotFound."""
    place = await peers.catalog.fetch("GET", f"/hub/files/{file_id}", FilePlace, actor=actor)
    report = await peers.upload.fetch("GET", f"/scans/{file_id}", scans.FileScan, actor=actor)
    appeal = None
    if place.is_own or actor.may_moderate:
        path = f"/files/{file_id}/appeals"
        with suppress(Unavailable):  # the report does not depend on it
            found = (await peers.moderation.fetch("GET", path, scans.AppealPage, actor=actor)).items
            appeal = found[0] if found else None
    return place, replace(report, model_id=place.model_id, appeal=appeal)
