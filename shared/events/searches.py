"""`easel.searches`: what saved searches found. Key: account id."""

from __future__ import annotations

from typing import ClassVar

from shared.events.payload import Part, Payload


class MatchedModel(Part, frozen=True, kw_only=True):
    """A model that a saved search found."""

    model_id: int
    name: str


class SearchMatched(Payload, frozen=True, kw_only=True):
    """New models match what an account saved; each model is told once for each search."""

    topic: ClassVar[str] = "easel.searches"
    key_field: ClassVar[str] = "account_id"

    search_id: str
    account_id: int
    name: str
    """The search's, as its owner called it."""
    filters: str
    """Its query string on the page of models."""
    models: list[MatchedModel]
    """The newest, 20 at most."""
    total: int
