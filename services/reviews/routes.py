"""HTTP of the reviews service, for the gateway alone."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, delete, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import UNSET

from services.reviews import domain
from services.reviews.notification_routes import NotificationRoutes
from services.reviews.repository import Repository
from shared.actor import Actor
from shared.api.community import NewReview, Review, ReviewPage
from shared.clock import now

PathId = Annotated[int, Parameter(ge=1, le=2**31 - 1)]


class Reviews(Controller):
    """Reviews of versions and of models."""

    @post("/versions/{version_id:int}/reviews")
    async def post_review(
        self, version_id: PathId, data: NewReview, actor: Actor, reviews: Repository
    ) -> Response[Review]:
        """The caller's only review of this version: 201 when it is new, 200 when there was one."""
        domain.require_known(actor)
        found = await reviews.find_version(version_id)
        state = await reviews.find_model_state(found.model_id) if found is not None else None
        version = domain.require_reviewable(version_id, found, state, actor)
        at = now()
        review, is_new = await reviews.save_own(
            version_id,
            actor.account_id,
            post=lambda review_id: domain.post_review(review_id, version, data, actor, at),
            change=lambda before: domain.change_review(before, data, at),
        )
        return Response(domain.review_view(review), status_code=HTTP_201_CREATED if is_new else HTTP_200_OK)

    @get("/models/{model_id:int}/reviews")
    async def list_reviews(
        self,
        model_id: PathId,
        reviews: Repository,
        cursor: str | None = None,
        limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
    ) -> ReviewPage:
        """Reviews of a visible model, newest first."""
        after = domain.from_cursor(cursor) if cursor else None
        domain.require_visible(model_id, await reviews.find_model_state(model_id))
        found = await reviews.list_by_model(model_id, limit + 1, after)
        shown, more = found[:limit], len(found) > limit
        return ReviewPage(
            items=[domain.review_view(review) for review in shown],
            next_cursor=domain.to_cursor(domain.place_of(shown[-1])) if more else UNSET,
        )

    @delete("/reviews/{review_id:int}")
    async def remove_review(self, review_id: PathId, actor: Actor, reviews: Repository) -> None:
        """Remove a review: its author or a moderator."""
        domain.require_known(actor)
        await reviews.remove(review_id, lambda review: domain.remove_review(review, actor))


ROUTES = (Reviews, NotificationRoutes)
