"""Pages of collections and of single pictures. Like `pages`: answers in, one whole page out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from services.gateway.rendering import Frame, render
from services.gateway.views.card import card_view
from services.gateway.views.pictures import is_showable, picture_view
from services.gateway.views.wire import Json, Model, Picture
from shared.api.collections import HubCollection
from shared.api.v1 import ImageItem

NOTICES = {
    "made": "The collection is made.",
    "changed": "The collection is changed.",
    "removed": "The model is no longer in this collection.",
    "deleted": "The collection is deleted. Its models are where they were.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Keeping:
    """Where a visitor keeps a model: in which of their collections, and whether they favour or hide it."""

    collections: tuple[HubCollection, ...]
    is_favorite: bool
    is_hidden: bool


def render_collections(frame: Frame, collections: Sequence[HubCollection], done: str = "") -> str:
    """One's own collections, and the form to make another."""
    return render("collections.html.jinja", frame, collections=collections, notice=NOTICES.get(done))


def render_collection(
    frame: Frame, collection: HubCollection, models: Sequence[Json], *, is_own: bool, done: str = ""
) -> str:
    """A collection with its models as cards, the last added first; its owner gets the forms to change it."""
    cards = [
        (model.id, card_view(model, place=place)) for place, model in enumerate(msgspec.convert(models, list[Model]))
    ]
    return render(
        "collection.html.jinja", frame, collection=collection, cards=cards, is_own=is_own, notice=NOTICES.get(done)
    )


def render_image(frame: Frame, image: ImageItem) -> str:
    """A picture with what it was made with. What is not for everybody is behind a link."""
    picture = Picture(
        url=image.url, id=image.id, nsfw_level=image.browsing_level, width=image.width, height=image.height,
        hash=image.hash, meta=image.meta,
    )  # fmt: skip
    view = picture_view(picture, alt=f"Picture {image.id} by {image.username}", seed=image.id)
    return render(
        "image.html.jinja", frame, image=image, picture=view, is_shown=is_showable(picture),
        creator_href=f"/user/{image.username}", version_href=f"/model-versions/{image.post_id}",
    )  # fmt: skip
