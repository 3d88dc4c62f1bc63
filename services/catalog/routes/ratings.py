"""How mature pictures are: what their publishers say, and where moderators find them."""

from __future__ import annotations

from litestar import Controller, get, put

from services.catalog.domain import drafts
from services.catalog.domain.events import change_image
from services.catalog.domain.model import Model
from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.actor import Actor
from shared.api.community import HubImage, ProposedRating
from shared.events.models import ModelChanged
from shared.events.payload import Payload
from shared.problems import NotFound


class Ratings(Controller):
    """`/hub/images`."""

    path = "/hub/images/{image_id:int}"

    @get()
    async def read(self, image_id: int, actor: Actor, models: Repository, wire: Wire) -> HubImage:
        """A picture of a visible model; of any for its owner and moderators."""
        model = await models.find_by_image(image_id)
        if model is None or not (model.is_visible or drafts.may_see(model, actor)):
            raise NotFound(f"There is no picture with id {image_id}.")
        return _shown(model, image_id, wire)

    @put("/rating")
    async def propose(
        self, image_id: int, data: ProposedRating, actor: Actor, models: Repository, wire: Wire
    ) -> HubImage:
        """The publisher's word; a moderator's counts more."""
        model = await models.find_by_image(image_id)
        if model is None:
            raise NotFound(f"There is no picture with id {image_id}.")

        def change(before: Model) -> tuple[Model, list[Payload]]:
            drafts.require_owner(before, actor)
            after = change_image(before, image_id, proposed=data.level)
            return after, [ModelChanged(model_id=before.id)] if after.is_visible and after != before else []

        return _shown(await models.change(model.id, change), image_id, wire)


def _shown(model: Model, image_id: int, wire: Wire) -> HubImage:
    version, image = next((v, i) for v in model.versions for i in v.images if i.id == image_id)
    return HubImage(
        id=image.id, model_id=model.id, version_id=version.id, level=image.level, proposed_level=image.proposed,
        shown_level=wire.image_level(model, image),
    )  # fmt: skip
