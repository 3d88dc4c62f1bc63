"""Forms of the model page: review a version, report a model."""

from __future__ import annotations

import msgspec
from litestar import Controller, post
from litestar.response import Redirect

from services.gateway.page_answers import AnyRequest, field, see_other
from services.gateway.peers import Peers
from shared.actor import Actor
from shared.api import community
from shared.problems import Invalid


class Opinions(Controller):
    """What people who are signed in say of a model; then back to its page."""

    path = "/models/{model_id:int}"
    opt = {"scope": "community"}

    @post("/versions/{version_id:int}/review")
    async def review(self, request: AnyRequest, model_id: int, version_id: int, actor: Actor, peers: Peers) -> Redirect:
        """Review a version; a second review by the same account replaces its first."""
        verdict = await field(request, "recommended")
        if verdict not in ("yes", "no"):
            raise Invalid("Choose whether you recommend this version.")
        ask = {"recommended": verdict == "yes", "text": await field(request, "text")}
        await peers.reviews.fetch(
            "POST",
            f"/versions/{version_id}/reviews",
            community.Review,
            actor=actor,
            json=_checked(ask, community.NewReview),
        )
        return see_other(f"/models/{model_id}?modelVersionId={version_id}&done=reviewed#reviews")

    @post("/report")
    async def report(self, request: AnyRequest, model_id: int, actor: Actor, peers: Peers) -> Redirect:
        """Ask the moderators to look at a model."""
        ask = {
            "subjectType": "model",
            "subjectId": model_id,
            "reason": await field(request, "reason"),
            "details": await field(request, "details"),
        }
        await peers.moderation.fetch(
            "POST", "/reports", community.Report, actor=actor, json=_checked(ask, community.NewReport)
        )
        return see_other(f"/models/{model_id}?done=reported")


def _checked(ask: dict[str, object], kind: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.convert(ask, kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"The form is not complete: {error}") from None
