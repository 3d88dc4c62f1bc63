"""What other services tell the catalog, applied to the aggregate. Each is total: an unknown id changes nothing."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.catalog.domain.model import Counters, Image, Model
from shared.events.models import ModelChanged, ModelRestored, ModelUnpublished
from shared.events.moderation import ContentRated
from shared.events.payload import Payload
from shared.events.previews import PreviewRendered
from shared.events.reviews import ReviewChanged, ReviewPosted, ReviewRemoved

replace = msgspec.structs.replace
Change = tuple[Model, list[Payload]]


def preview_rendered(model: Model, image_id: int, event: PreviewRendered) -> Change:
    """The version with a picture more; one that is there already (a repeated job) is not added twice."""
    version = model.version(event.version_id)
    if version is None or any(image.key == event.image_key for image in version.images):
        return model, []
    image = Image(
        id=image_id,
        key=event.image_key,
        width=event.width,
        height=event.height,
        blurhash=event.blurhash,
        size_bytes=event.size_bytes,
        meta=event.meta,
        created_at=event.rendered_at,
    )
    return model.with_version(replace(version, images=(*version.images, image))), []


def _thumbs(up: int, down: int, counters: Counters) -> Counters:
    return replace(counters, thumbs_up=max(0, counters.thumbs_up + up), thumbs_down=max(0, counters.thumbs_down + down))


def review(model: Model, event: ReviewPosted | ReviewChanged | ReviewRemoved) -> Change:
    """Move the version's thumbs, and the model's comments (reviews with words), by what is said now and was before."""
    version = model.version(event.version_id)
    if version is None:
        return model, []
    up = down = 0
    if not isinstance(event, ReviewRemoved):
        up, down = (up + 1, down) if event.recommended else (up, down + 1)
    if not isinstance(event, ReviewPosted):
        up, down = (up - 1, down) if event.was_recommended else (up, down - 1)
    words = int(not isinstance(event, ReviewRemoved) and bool(event.text))
    words -= int(not isinstance(event, ReviewPosted) and event.had_text)
    model = replace(model, comments=max(0, model.comments + words))
    return model.with_version(replace(version, counters=_thumbs(up, down, version.counters))), []


def collected(model: Model, times: int) -> Change:
    """In how many collections the model is now."""
    return replace(model, collected=times), []


def downloaded(model: Model, version_id: int, times: int) -> Change:
    """Count downloads."""
    version = model.version(version_id)
    if version is None:
        return model, []
    counters = replace(version.counters, downloads=version.counters.downloads + times)
    return model.with_version(replace(version, counters=counters)), []


def taken_down(model: Model, reason: str) -> Change:
    """Withdraw the model from search, pages and downloads; nothing is deleted."""
    if model.deleted or model.taken_down is not None:
        return model, []
    return replace(model, taken_down=reason), [ModelUnpublished(model_id=model.id, reason="taken down by a moderator")]


def restored(model: Model) -> Change:
    """Lift the takedown."""
    if model.deleted or model.taken_down is None:
        return model, []
    return replace(model, taken_down=None), [ModelRestored(model_id=model.id)]


def end_early_access(model: Model, now: datetime) -> Change:
    """The model without early access that is over: its versions are everybody's."""
    over = [v for v in model.versions if v.early_access_until is not None and not v.is_gated(now)]
    if not over:
        return model, []
    for version in over:
        model = model.with_version(replace(version, early_access_until=None))
    return model, [ModelChanged(model_id=model.id)] if model.is_visible else []


def rated(model: Model, event: ContentRated) -> Change:
    """The model with a moderator's rating of it, or of one of its pictures."""
    if event.subject_type == "model":
        after = replace(model, level=event.level)
    else:
        after = change_image(model, event.subject_id, level=event.level)
    return after, [ModelChanged(model_id=model.id)] if after.is_visible and after != model else []


def change_image(model: Model, image_id: int, **ratings: int) -> Model:
    """The model with other ratings of a picture; unchanged if it has no such picture."""
    for version in model.versions:
        if any(image.id == image_id for image in version.images):
            images = tuple(replace(image, **ratings) if image.id == image_id else image for image in version.images)
            return model.with_version(replace(version, images=images))
    return model
