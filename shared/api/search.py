"""Shapes of `/api/hub/search`: suggestions, similar models."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.api.hub import Answer, Ask


class FoundModel(Answer, frozen=True, kw_only=True):
    """A model as a line of a list. `url` is the page's path; `picture` the address of its first picture."""

    id: int
    name: str
    type: str
    base_model: str | None
    creator: str | None
    url: str
    picture: str | None


class FoundName(Answer, frozen=True, kw_only=True):
    """A creator or a tag, and how many models it has."""

    name: str
    models: int


class SuggestionList(Answer, frozen=True, kw_only=True):
    """What begins as somebody has typed."""

    models: list[FoundModel]
    creators: list[FoundName]
    tags: list[FoundName]


class SimilarModels(Answer, frozen=True, kw_only=True):
    """Models like another one, the most alike first."""

    items: list[FoundModel]


class NewSavedSearch(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/searches`.

    `filters` are parameters of `GET /api/v1/models` as a query string: `query=ink&types=LORA&nsfw=true`.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
    filters: Annotated[str, Meta(max_length=2_000)] = ""


class SavedSearch(Answer, frozen=True, kw_only=True):
    """A search whose new results its owner is told of. `url` is the path of its page."""

    id: str
    name: str
    filters: str
    url: str
    created_at: str


class SavedSearchPage(Answer, frozen=True, kw_only=True):
    """One's saved searches, the oldest first."""

    items: list[SavedSearch]


class IndexRebuild(Answer, frozen=True, kw_only=True):
    """The search index that is being made again: models in it, of how many; `ended_at` once it answers."""

    id: str
    asked_at: str
    total: int
    done: int
    ended_at: str | None
