"""The list below the search box while somebody types."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.gateway.views.card import card_view, creator_href, tag_href
from services.gateway.views.pictures import PictureView
from services.gateway.views.wire import Model
from shared.api.inside import NamedCount


class Marked(NamedTuple):
    """A text around the first place where it has what was typed."""

    before: str
    typed: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """One line: where it leads, its name, what is said beside it, and a picture for models."""

    href: str
    name: Marked
    note: str
    icon: str
    picture: PictureView | None = None
    tone: str = ""


class Group(NamedTuple):
    """Lines of one kind."""

    label: str
    lines: tuple[Suggestion, ...]


def marked(text: str, typed: str) -> Marked:
    """The text with the place of what was typed; where it is spelt otherwise, nothing is marked."""
    place = text.lower().find(typed.strip().lower()) if len(text.lower()) == len(text) else -1
    if place < 0 or not typed.strip():
        return Marked(text, "", "")
    end = place + len(typed.strip())
    return Marked(text[:place], text[place:end], text[end:])


def suggestion_groups(
    typed: str, models: Sequence[Model], creators: Sequence[NamedCount], tags: Sequence[NamedCount]
) -> tuple[Group, ...]:
    """Models, creators and tags that begin with what was typed; groups without a line are left out."""
    groups = (
        Group("Models", tuple(_model(typed, model) for model in models)),
        Group("Creators", tuple(_named(typed, each, creator_href(each.name), "person") for each in creators)),
        Group("Tags", tuple(_named(typed, each, tag_href(each.name), "tag") for each in tags)),
    )
    return tuple(group for group in groups if group.lines)


def _model(typed: str, model: Model) -> Suggestion:
    card = card_view(model, place=0)
    note = " · ".join(each for each in (card.type, card.base_model) if each)
    name = marked(card.name, typed)
    return Suggestion(href=card.href, name=name, note=note, icon="easel", picture=card.picture, tone=card.tone)


def _named(typed: str, found: NamedCount, href: str, icon: str) -> Suggestion:
    note = "1 model" if found.models == 1 else f"{found.models:,} models"
    return Suggestion(href=href, name=marked(found.name, typed), note=note, icon=icon)
