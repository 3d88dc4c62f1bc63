"""Shapes of `/api/hub/search`: suggestions, similar models."""

from __future__ import annotations

from shared.api.hub import Answer


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
