"""`/api/hub`: reviews, reports, moderation."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, MediaType, Response, delete, get, post
from litestar.params import Parameter

from services.gateway.declared import needs
from services.gateway.peers import Peers
from shared.actor import Actor
from shared.api import community, hub
from shared.api.inside import RateContent

_Limit = Annotated[int, Parameter(ge=1, le=100)]


def _new_or_changed(status: int, body: bytes) -> Response[Any]:
    return Response(body, status_code=status, media_type=MediaType.JSON)


class Reviews(Controller):
    """What people say of versions."""

    path = "/api/hub"
    tags = ["Community"]

    @post("/versions/{version_id:int}/reviews", **needs("community"))
    async def review(
        self, version_id: int, data: community.NewReview, actor: Actor, peers: Peers
    ) -> Response[community.Review]:
        """Review a version: 201; a second review by the same account replaces its first: 200."""
        path = f"/versions/{version_id}/reviews"
        return _new_or_changed(*await peers.reviews.answer("POST", path, actor=actor, json=data))

    @get("/models/{model_id:int}/reviews", **needs("public"))
    async def list_reviews(
        self, model_id: int, peers: Peers, cursor: str | None = None, limit: _Limit = 20
    ) -> community.ReviewPage:
        """Reviews of a model, newest first."""
        params = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        return await peers.reviews.fetch("GET", f"/models/{model_id}/reviews", community.ReviewPage, params=params)

    @delete("/reviews/{review_id:int}", **needs("community"))
    async def remove_review(self, review_id: int, actor: Actor, peers: Peers) -> None:
        """Remove one's own review; moderators remove anybody's."""
        await peers.reviews.call("DELETE", f"/reviews/{review_id}", actor=actor)


class Moderation(Controller):
    """Reports and decisions."""

    path = "/api/hub"
    tags = ["Moderation"]

    @post("/reports", **needs("community"))
    async def report(self, data: community.NewReport, actor: Actor, peers: Peers) -> Response[community.Report]:
        """Ask the moderators to look at a model: 201, or 200 with the caller's open report of it."""
        return _new_or_changed(*await peers.moderation.answer("POST", "/reports", actor=actor, json=data))

    @get("/moderation/reports", **needs("moderate"))
    async def list_reports(
        self, actor: Actor, peers: Peers, status: Annotated[str, Parameter(pattern=hub.OPEN_OR_CLOSED)] = "open",
        limit: _Limit = 50,
    ) -> community.ReportPage:  # fmt: skip
        """The moderators' queue, oldest first."""
        params = {"status": status, "limit": limit}
        return await peers.moderation.fetch("GET", "/reports", community.ReportPage, actor=actor, params=params)

    @post("/moderation/takedowns", status_code=202, **needs("moderate"))
    async def take_down(self, data: community.NewTakedown, actor: Actor, peers: Peers) -> community.Decision:
        """Withdraw a model from search, pages and downloads within seconds."""
        return await peers.moderation.fetch("POST", "/takedowns", community.Decision, actor=actor, json=data)

    @post("/moderation/ratings", status_code=202, **needs("moderate"))
    async def rate(self, data: community.NewRating, actor: Actor, peers: Peers) -> community.Decision:
        """Say how mature a picture, or a model as a whole, is; lists follow within seconds."""
        model_id = data.subject_id
        if data.subject_type == "image":
            model_id = (
                await peers.catalog.fetch("GET", f"/hub/images/{model_id}", community.HubImage, actor=actor)
            ).model_id
        ask = RateContent(
            model_id=model_id, subject_type=data.subject_type, subject_id=data.subject_id, level=data.level,
            reason=data.reason,
        )  # fmt: skip
        return await peers.moderation.fetch("POST", "/ratings", community.Decision, actor=actor, json=ask)

    @delete("/moderation/takedowns/{model_id:int}", status_code=202, **needs("moderate"))
    async def restore(self, model_id: int, actor: Actor, peers: Peers) -> community.Decision:
        """Lift a takedown."""
        return await peers.moderation.fetch("DELETE", f"/takedowns/{model_id}", community.Decision, actor=actor)
