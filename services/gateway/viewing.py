"""What a query for models means for the caller: their own lists, private models and preferences."""

from __future__ import annotations

from msgspec.structs import replace

from services.gateway.domain.access import Caller
from services.gateway.model_query import ModelQuery
from services.gateway.peers import Peers
from services.gateway.repository import Repository
from shared.actor import Actor
from shared.problems import Unauthorized


async def for_caller(query: ModelQuery, caller: Caller, peers: Peers, accounts: Repository) -> ModelQuery:
    """The query with what is known of the caller. Raises Unauthorized for what needs a session (or another one)."""
    actor = caller.actor
    asks_for_own = query.favorites is not None or query.hidden is not None
    is_private = query.availability == "Private"
    if asks_for_own and not actor.is_known:
        raise Unauthorized("Send an API key: Authorization: Bearer <key>.")
    if is_private and not (query.username and _may_see_all_of(query.username, actor)):
        raise Unauthorized("Send the key of the account whose private models are asked for, and its username.")
    query = replace(query, statuses=query.statuses if actor.may_moderate else ())
    if not actor.is_known:
        return query
    preferences = await accounts.find_file_preferences(actor.account_id)
    query = replace(query, viewer=actor.username, preferences=preferences)
    for name in ("favorites", "hidden"):
        if getattr(query, name):
            ids = await peers.reviews.fetch("GET", f"/own/{name}", list[int], actor=actor)
            within = set(ids) if query.within is None else set(ids) & set(query.within)
            query = replace(query, within=tuple(sorted(within)))
    return query


def _may_see_all_of(username: str, actor: Actor) -> bool:
    return actor.may_moderate or (actor.is_known and actor.username.lower() == username.lower())
