"""HTTP of appeals and of a moderator's word on files, for the gateway alone."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, Response, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from services.moderation import domain, files
from services.moderation.appeals import Appeals
from shared.actor import Actor
from shared.api.community import Decision
from shared.api.scans import Appeal, AppealAnswer, AppealPage, NewAppeal, NewOverride
from shared.clock import now

PathId = Annotated[int, Parameter(ge=1, le=2**31 - 1)]
Limit = Annotated[int, Parameter(ge=1, le=200)]


class FileAppeals(Controller):
    """Appeals by uploaders; decisions by moderators."""

    @post("/files/{file_id:int}/appeals")
    async def open(self, file_id: PathId, data: NewAppeal, actor: Actor, appeals: Appeals) -> Response[Appeal]:
        """Appeal: 201, or 200 with the caller's open appeal for the same file."""
        domain.require_known(actor)
        at = now()
        appeal, is_new = await appeals.open(
            file_id,
            actor.account_id,
            lambda appeal_id, file: files.open_appeal(appeal_id, file, data.text, actor, at),
        )
        return Response(files.appeal_view(appeal), status_code=HTTP_201_CREATED if is_new else HTTP_200_OK)

    @get("/files/{file_id:int}/appeals")
    async def list_for_file(self, file_id: PathId, actor: Actor, appeals: Appeals) -> AppealPage:
        """The newest appeal for a file, for its appellant and moderators; nothing for others."""
        found = await appeals.find_last(file_id)
        mine = found is not None and (actor.may_moderate or found.appellant_id == actor.account_id)
        return AppealPage(items=[files.appeal_view(found)] if found is not None and mine else [])

    @get("/appeals")
    async def list_appeals(
        self,
        actor: Actor,
        appeals: Appeals,
        status: Literal["open", "accepted", "rejected", "closed"] = "open",
        limit: Limit = 50,
        after: Annotated[int, Parameter(ge=0, le=2**31 - 1)] = 0,
    ) -> AppealPage:
        """The moderators' queue, oldest first."""
        domain.require_moderator(actor)
        found = await appeals.list_by_status(status, limit, after)
        return AppealPage(items=[files.appeal_view(appeal) for appeal in found])

    @post("/appeals/{appeal_id:int}/accept", status_code=HTTP_202_ACCEPTED)
    async def accept(self, appeal_id: PathId, data: AppealAnswer, actor: Actor, appeals: Appeals) -> Decision:
        """Let the file pass; the scanner looks at it once more when the event arrives."""
        domain.require_moderator(actor)
        appeal = await appeals.get(appeal_id)
        return await _override(appeal.file_id, data.reason, actor, appeals)

    @post("/appeals/{appeal_id:int}/reject", status_code=HTTP_202_ACCEPTED)
    async def reject(self, appeal_id: PathId, data: AppealAnswer, actor: Actor, appeals: Appeals) -> Decision:
        """The file stays refused, and the uploader is told why."""
        domain.require_moderator(actor)
        at = now()
        decision = await appeals.reject(
            appeal_id, lambda decision_id, appeal: files.reject(decision_id, appeal, data.reason, actor, at)
        )
        return domain.decision_view(decision)

    @post("/overrides", status_code=HTTP_202_ACCEPTED)
    async def override(self, data: NewOverride, actor: Actor, appeals: Appeals) -> Decision:
        """Let a refused file pass that nobody has appealed for."""
        domain.require_moderator(actor)
        return await _override(data.file_id, data.reason, actor, appeals)


async def _override(file_id: int, reason: str, actor: Actor, appeals: Appeals) -> Decision:
    at = now()
    decision = await appeals.override(
        file_id,
        lambda decision_id, file, waiting: files.override(decision_id, file, waiting, reason, actor, at),
    )
    return domain.decision_view(decision)
