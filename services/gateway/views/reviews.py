"""Reviews on the model page."""

from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from services.gateway.views.card import model_href
from services.gateway.views.commands import Commands, review_commands
from services.gateway.views.text import Date, human_date, markdown
from services.gateway.views.wire import Model, Reviews, Version


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewView:
    """One review; `is_other_version` where it is not about the version shown."""

    username: str
    is_recommended: bool
    text: Markup
    created: Date | None
    version_name: str | None
    is_other_version: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewsView:
    """The reviews of a model, how many recommend it, and how to write one."""

    items: tuple[ReviewView, ...]
    is_available: bool
    recommended_count: int
    total_count: int
    next_href: str | None
    review_commands: Commands


def reviews_view(model: Model, version: Version, reviews: Reviews | None, origin: str) -> ReviewsView:
    """Reviews of all versions in the order they come, each marked where it is about another version.

    None where the reviews could not be loaded: the page says so instead of "no reviews yet".
    """
    names = {other.id: other.name for other in model.model_versions}
    items = tuple(
        ReviewView(
            username=review.username,
            is_recommended=review.recommended,
            text=markdown(review.text),
            created=human_date(review.created_at),
            version_name=names.get(review.version_id),
            is_other_version=review.version_id != version.id,
        )
        for review in (reviews.items if reviews else ())
    )
    next_href = None
    if reviews and reviews.next_cursor:
        cursor = quote(reviews.next_cursor, safe="")
        next_href = f"{model_href(model, version.id)}&reviewsCursor={cursor}#reviews"
    return ReviewsView(
        items=items,
        is_available=reviews is not None,
        recommended_count=model.stats.thumbs_up_count,
        total_count=model.stats.thumbs_up_count + model.stats.thumbs_down_count,
        next_href=next_href,
        review_commands=review_commands(version, origin),
    )
