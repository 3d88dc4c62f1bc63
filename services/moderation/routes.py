"""HTTP of the moderation service, for the gateway alone."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, Response, delete, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from services.moderation import domain
from services.moderation.appeal_routes import FileAppeals
from services.moderation.repository import Repository
from shared.actor import Actor
from shared.api.community import Decision, DecisionPage, NewReport, NewTakedown, Report, ReportPage
from shared.api.inside import RateContent
from shared.clock import now

PathId = Annotated[int, Parameter(ge=1, le=2**31 - 1)]
Limit = Annotated[int, Parameter(ge=1, le=200)]


class Moderation(Controller):
    """Reports by everybody with an account; the queue, decisions and the audit log for moderators."""

    @post("/reports")
    async def post_report(self, data: NewReport, actor: Actor, moderation: Repository) -> Response[Report]:
        """A report: 201, or 200 with the caller's open report of the same subject."""
        domain.require_known(actor)
        at = now()
        report, is_new = await moderation.save_report(
            data.subject_id,
            actor.account_id,
            lambda report_id, model: domain.new_report(report_id, model, data, actor, at),
        )
        return Response(domain.report_view(report), status_code=HTTP_201_CREATED if is_new else HTTP_200_OK)

    @get("/reports")
    async def list_reports(
        self,
        actor: Actor,
        moderation: Repository,
        status: Literal["open", "closed"] = "open",
        limit: Limit = 50,
        after: Annotated[int, Parameter(ge=0, le=2**31 - 1)] = 0,
    ) -> ReportPage:
        """The queue, oldest first; `after` is the id of the last report already seen."""
        domain.require_moderator(actor)
        found = await moderation.list_reports(status, limit, after)
        return ReportPage(items=[domain.report_view(report) for report in found])

    @post("/takedowns", status_code=HTTP_202_ACCEPTED)
    async def take_down(self, data: NewTakedown, actor: Actor, moderation: Repository) -> Decision:
        """Withdraw a model; the catalog does it when the event arrives."""
        domain.require_moderator(actor)
        at = now()
        decision = await moderation.save_ruling(
            data.model_id, lambda decision_id, model: domain.take_down(decision_id, model, data.reason, actor, at)
        )
        return domain.decision_view(decision)

    @delete("/takedowns/{model_id:int}", status_code=HTTP_202_ACCEPTED)
    async def restore(
        self,
        model_id: PathId,
        actor: Actor,
        moderation: Repository,
        reason: Annotated[str, Parameter(max_length=2_000)] = "",
    ) -> Decision:
        """Lift a takedown; the catalog does it when the event arrives."""
        domain.require_moderator(actor)
        at = now()
        decision = await moderation.save_ruling(
            model_id, lambda decision_id, model: domain.restore(decision_id, model, reason, actor, at)
        )
        return domain.decision_view(decision)

    @post("/ratings", status_code=HTTP_202_ACCEPTED)
    async def rate(self, data: RateContent, actor: Actor, moderation: Repository) -> Decision:
        """Rate a picture or a model; the catalog does it when the event arrives."""
        domain.require_moderator(actor)
        at = now()
        decision = await moderation.save_ruling(
            data.model_id, lambda decision_id, model: domain.rate(decision_id, model, data, actor, at)
        )
        return domain.decision_view(decision)

    @get("/audit")
    async def list_decisions(
        self,
        actor: Actor,
        moderation: Repository,
        model_id: Annotated[int | None, Parameter(query="modelId", ge=1, le=2**31 - 1)] = None,
        limit: Limit = 50,
        before: Annotated[int | None, Parameter(ge=1, le=2**31 - 1)] = None,
    ) -> DecisionPage:
        """Every decision, newest first; `before` is the id of the last one already seen."""
        domain.require_moderator(actor)
        found = await moderation.list_decisions(model_id, limit, before)
        return DecisionPage(items=[domain.decision_view(decision) for decision in found])


ROUTES = (Moderation, FileAppeals)
