"""`/api/hub/search`: suggestions, similar models, and the index for administrators."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import Parameter

from services.gateway.declared import needs
from services.gateway.neighbours import find_similar, find_suggestions
from services.gateway.peers import Peers
from services.gateway.views.card import model_href
from services.gateway.views.wire import Model
from shared.api.search import FoundModel, FoundName, IndexRebuild, SimilarModels, SuggestionList

_Query = Annotated[str, Parameter(query="query", max_length=256)]


class Search(Controller):
    """Beside the lists of `/api/v1/models`."""

    path = "/api/hub"
    tags = ["Search"]

    @get("/search/suggest", **needs("public"))
    async def suggest(self, peers: Peers, origin: str, text: _Query = "", nsfw: bool = False) -> SuggestionList:
        """Models, creators and tags that begin with what was typed: 5, 3 and 3 at most."""
        models, found = await find_suggestions(peers, text, origin, nsfw=nsfw)
        return SuggestionList(
            models=[_line(model) for model in models],
            creators=[FoundName(name=name.name, models=name.models) for name in found.creators],
            tags=[FoundName(name=name.name, models=name.models) for name in found.tags],
        )

    @get("/models/{model_id:int}/similar", **needs("public"))
    async def list_similar(
        self,
        model_id: int,
        peers: Peers,
        origin: str,
        nsfw: bool = False,
        limit: Annotated[int, Parameter(ge=1, le=50)] = 12,
    ) -> SimilarModels:
        """Models like this one, of the same base model."""
        models = await find_similar(peers, model_id, origin, nsfw=nsfw, limit=limit)
        return SimilarModels(items=[_line(model) for model in models])

    @post("/search/rebuild", status_code=202, **needs("administer"))
    async def rebuild(self, peers: Peers) -> IndexRebuild:
        """Have the search index made again from what search knows; the old one answers until that is done."""
        return await peers.search.fetch("POST", "/rebuild", IndexRebuild)

    @get("/search/rebuild", **needs("administer"))
    async def show_rebuild(self, peers: Peers) -> IndexRebuild:
        """How far the index is that was asked for last."""
        return await peers.search.fetch("GET", "/rebuild", IndexRebuild)


def _line(model: Model) -> FoundModel:
    latest = model.model_versions[0] if model.model_versions else None
    return FoundModel(
        id=model.id, name=model.name, type=model.type, base_model=latest.base_model if latest else None,
        creator=model.creator.username if model.creator else None, url=model_href(model),
        picture=latest.images[0].url if latest and latest.images else None,
    )  # fmt: skip
