"""Models like another one, and what begins as somebody types: ids from search, models from the catalog."""

from __future__ import annotations

import asyncio

import msgspec

from services.gateway.peers import Peers
from services.gateway.request import placed
from services.gateway.views.wire import Model
from shared.api import v1
from shared.api.inside import Suggestions
from shared.problems import NotFound, Unavailable

_PATIENCE_SECONDS = 1.0
"""How long a model's page waits for its row of similar ones, which it can do without."""


async def read_models(peers: Peers, ids: list[int], levels: int, origin: str) -> list[Model]:
    """Published models in the order of their ids; those gone since are left out."""
    if not ids:
        return []
    params = [("ids", str(model_id)) for model_id in ids] + [("levels", str(levels))]
    return msgspec.json.decode(
        placed(await peers.catalog.call("GET", "/v1/models", params=params), origin), type=list[Model]
    )


async def find_similar(peers: Peers, model_id: int, origin: str, *, nsfw: bool, limit: int) -> list[Model]:
    """The models most like another one, of the same base model."""
    levels = v1.LEVEL_ALL if nsfw else v1.LEVEL_PG
    params = {"levels": levels, "nsfw": str(nsfw).lower(), "limit": limit}
    found = await peers.search.fetch("GET", f"/similar/{model_id}", list[int], params=params)
    return await read_models(peers, found, levels, origin)


async def find_similar_if_up(peers: Peers, model_id: int, origin: str, *, limit: int) -> list[Model]:
    """The same for a page that goes on without them: none while search is away, slow, or has not heard of the model."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await find_similar(peers, model_id, origin, nsfw=False, limit=limit)
    except (TimeoutError, Unavailable, NotFound):
        return []


async def find_suggestions(peers: Peers, typed: str, origin: str, *, nsfw: bool) -> tuple[list[Model], Suggestions]:
    """What begins as somebody has typed: the models, and all that search said."""
    levels = v1.LEVEL_ALL if nsfw else v1.LEVEL_PG
    params = {"query": typed, "levels": levels, "nsfw": str(nsfw).lower()}
    found = await peers.search.fetch("GET", "/suggest", Suggestions, params=params)
    return await read_models(peers, found.models, levels, origin), found
