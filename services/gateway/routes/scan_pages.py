"""`/files/{id}/scan`: a file's scan report for people, the form of an appeal, and that of a moderator's decision."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.response import Redirect

from services.gateway.page_answers import AnyRequest, field, frame_of, html, see_other
from services.gateway.peers import Peers
from services.gateway.routes.scans import scan_report
from services.gateway.views.scan import render_scan
from shared.actor import Actor
from shared.api import community, scans
from shared.problems import Invalid

_NOTICES = {
    "appealed": "Your appeal is with the moderators. You will be notified of their answer.",
    "passed": "The file is being scanned once more; then it can be downloaded.",
    "refused": "The file stays refused; its uploader is told why.",
}


class ScanPages(Controller):
    """The page of a report, and its forms."""

    path = "/files/{file_id:int}"

    @get("/scan")
    async def show(
        self, request: AnyRequest, file_id: int, actor: Actor, peers: Peers, done: str = ""
    ) -> Response[str]:
        """Everybody's once the file was published; before that its owner's and the moderators'."""
        place, report = await scan_report(peers, file_id, actor)
        text = render_scan(
            frame_of(request), place, report, may_decide=actor.may_moderate, notice=_NOTICES.get(done)
        )  # fmt: skip
        return html(text)

    @post("/appeal", opt={"scope": "publish"})
    async def appeal(self, request: AnyRequest, file_id: int, actor: Actor, peers: Peers) -> Redirect:
        """Ask the moderators to look at it."""
        ask = await _checked(request, "text", scans.NewAppeal)
        await peers.moderation.fetch("POST", f"/files/{file_id}/appeals", scans.Appeal, actor=actor, json=ask)
        return see_other(f"/files/{file_id}/scan?done=appealed")

    @post("/decision", opt={"scope": "moderate"})
    async def decide(self, request: AnyRequest, file_id: int, actor: Actor, peers: Peers) -> Redirect:
        """Let it pass, or reject the open appeal."""
        answer: Any = await _checked(request, "reason", scans.AppealAnswer)
        if await field(request, "decision") == "pass":
            ask = scans.NewOverride(file_id=file_id, reason=answer.reason)
            await peers.moderation.fetch("POST", "/overrides", community.Decision, actor=actor, json=ask)
            return see_other(f"/files/{file_id}/scan?done=passed")
        path = f"/files/{file_id}/appeals"
        waiting = (await peers.moderation.fetch("GET", path, scans.AppealPage, actor=actor)).items
        if not waiting or waiting[0].status != "open":
            raise Invalid("Nobody has appealed for this file, or the appeal is decided already.")
        path = f"/appeals/{waiting[0].id}/reject"
        await peers.moderation.fetch("POST", path, community.Decision, actor=actor, json=answer)
        return see_other(f"/files/{file_id}/scan?done=refused")


async def _checked(request: AnyRequest, name: str, kind: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.convert({name: await field(request, name)}, kind)
    except msgspec.ValidationError:
        raise Invalid("Say why, in 1 to 2,000 characters.") from None
