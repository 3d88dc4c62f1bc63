"""Saved searches: what their filters mean, and where they are kept."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode

from msgspec.structs import replace

from services.gateway.model_query import BadQuery, ModelQuery, parse_model_query
from services.gateway.peers import Peers
from shared.actor import Actor
from shared.api.search import NewSavedSearch, SavedSearch
from shared.problems import FieldError, Invalid

_PLACE: Final = ("cursor", "page", "limit")
"""Where one is in a list; no part of what one looks for."""
_NOT_KEPT: Final = ("favorites", "hidden", "status", "ids", "modelVersionIds")


async def save(peers: Peers, actor: Actor, asked: NewSavedSearch) -> SavedSearch:
    """Save a search. Raises Invalid for filters that are none, or that no new model could come into."""
    pairs = [(name, value) for name, value in parse_qsl(asked.filters) if name not in _PLACE]
    query = replace(_query(pairs), viewer=actor.username)
    kept = replace(asked, filters=urlencode(pairs))
    params = query.search_params()
    return await peers.search.fetch("POST", "/saved", SavedSearch, actor=actor, json=kept, params=params)


async def list_own(peers: Peers, actor: Actor) -> list[SavedSearch]:
    """One's own, the oldest first."""
    return await peers.search.fetch("GET", "/saved", list[SavedSearch], actor=actor)


async def remove(peers: Peers, actor: Actor, search_id: str) -> None:
    """Forget one of one's own. Raises NotFound."""
    await peers.search.call("DELETE", f"/saved/{search_id}", actor=actor)


def _query(pairs: list[tuple[str, str]]) -> ModelQuery:
    if never := [name for name, _ in pairs if name in _NOT_KEPT]:
        raise _invalid(f"A saved search cannot have {never[0]}: it waits for models that do not exist yet.")
    try:
        query = parse_model_query([*pairs, ("limit", "1")])
    except BadQuery as error:
        names = ", ".join(str(issue["path"][0]) for issue in error.issues if issue["path"])
        raise _invalid(f"These filters are not valid: {names}. They are those of GET /api/v1/models.") from error
    if query.availability not in (None, "Public", "EarlyAccess") or query.from_platform:
        raise _invalid("A saved search is told of public models alone.")
    return query


def _invalid(message: str) -> Invalid:
    return Invalid(message, errors=[FieldError("filters", message)])
