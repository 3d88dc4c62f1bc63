"""The hub's pages."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get
from litestar.params import Parameter
from litestar.response import Redirect

from services.gateway import pages
from services.gateway.browse_query import params_of, parse_browse_query
from services.gateway.browsing import find_models, to_json
from services.gateway.model_query import BadQuery
from services.gateway.neighbours import find_similar_if_up, find_suggestions, read_models
from services.gateway.page_answers import AnyRequest, frame_of, html
from services.gateway.peers import Peers
from services.gateway.request import pairs_of, placed, with_origin
from services.gateway.routes.collection_pages import find_keeping
from services.gateway.routes.publishing import preview_states
from services.gateway.views.own_model import render_own_model
from shared.actor import Actor
from shared.api import hub
from shared.problems import NotFound, Unavailable

_CARDS = 40
_SIMILAR_CARDS = 6
_VersionId = Annotated[int | None, Parameter(query="modelVersionId")]


_NOTICES = {
    "reviewed": "Your review is posted.",
    "kept": "It is kept.",
    "let-go": "It is no longer kept there.",
    "reported": "Thank you. The moderators have your report.",
}


class Pages(Controller):
    """Browse, and one model."""

    @get(["/", "/models"])
    async def browse(self, request: AnyRequest, peers: Peers, origin: str) -> Response[str]:
        """Search and browse."""
        pairs = [(name, value) for name, value in pairs_of(request) if value.strip()]
        try:
            query = parse_browse_query(pairs, limit=_CARDS)
        except BadQuery as error:
            return _bad_filter(request, error)
        params = params_of(query, await _base_models(peers))
        try:
            found = await find_models(peers, query)
        except Unavailable:
            return html(pages.render_browse(None, params, frame=frame_of(request)), 503)
        page: dict[str, Any] = msgspec.json.decode(to_json(found, query, origin, request.url.path, pairs))
        page["total"] = found.total
        said = found.found
        popular = await read_models(peers, said.popular, query.levels, origin) if said else []
        return html(pages.render_browse(page, params, frame=frame_of(request), said=said, popular=popular))

    @get("/models/suggestions")
    async def suggestions(
        self, peers: Peers, origin: str, text: Annotated[str, Parameter(query="query", max_length=256)] = ""
    ) -> Response[str]:
        """The list below the search box, fetched while somebody types."""
        models, found = await find_suggestions(peers, text, origin, nsfw=False)
        return html(pages.render_suggestions(text, models, found))

    @get(["/models/{model_id:int}", "/models/{model_id:int}/{slug:str}"])
    async def model(
        self, request: AnyRequest, model_id: int, actor: Actor, peers: Peers, origin: str,
        version_id: _VersionId = None, reviews_cursor: Annotated[str | None, Parameter(query="reviewsCursor")] = None,
        done: str = "",
    ) -> Response[str]:  # fmt: skip
        """One model; to its owner and moderators also one that nobody else can see."""
        try:
            model = await _model(peers, model_id, origin, actor)
        except NotFound:
            if not actor.is_known:
                raise
            own = await peers.catalog.fetch("GET", f"/hub/models/{model_id}", hub.HubModel, actor=actor)
            return html(render_own_model(frame_of(request), own), is_private=True)
        reviews = await _reviews(peers, model_id, reviews_cursor)
        shown = await _hub_view(peers, model_id, actor, origin)
        similar = await find_similar_if_up(peers, model_id, origin, limit=_SIMILAR_CARDS)
        keeping = await find_keeping(peers, model_id, actor)
        text = pages.render_model(
            model, version_id, reviews, shown, frame_of(request), _NOTICES.get(done), keeping, similar
        )
        return html(text, is_private=keeping is not None)

    @get("/models/{model_id:int}/previews")
    async def previews(
        self, model_id: int, actor: Actor, peers: Peers, origin: str,
        version_id: Annotated[int | None, Parameter(query="versionId")] = None,
    ) -> Response[str]:  # fmt: skip
        """The gallery alone, fetched again while pictures are being drawn."""
        model = await _model(peers, model_id, origin, actor)
        shown = await _hub_view(peers, model_id, actor, origin)
        return html(pages.render_previews_fragment(model, version_id, shown))

    @get("/models/{model_id:int}/files")
    async def files(
        self, model_id: int, actor: Actor, peers: Peers, origin: str,
        version_id: Annotated[int | None, Parameter(query="versionId")] = None,
    ) -> Response[str]:  # fmt: skip
        """The table of files alone, fetched again while a scan is pending."""
        model = await _model(peers, model_id, origin, actor)
        shown = await _hub_view(peers, model_id, actor, origin)
        return html(pages.render_files_fragment(model, version_id, shown))

    @get("/model-versions/{version_id:int}")
    async def version(self, version_id: int, actor: Actor, peers: Peers, origin: str) -> Redirect:
        """A version's page is its model's."""
        body = await peers.documents.get_version(version_id, actor)
        found = msgspec.json.decode(placed(body, origin), type=dict[str, Any])
        return Redirect(f"/models/{found['modelId']}?modelVersionId={version_id}", status_code=302)


def _bad_filter(request: AnyRequest, error: BadQuery) -> Response[str]:
    names = ", ".join(str(issue["path"][0]) for issue in error.issues if issue["path"])
    text = pages.render_problem(400, "That filter is not valid", f"Check: {names}.", frame=frame_of(request))
    return html(text, 400)


async def _model(peers: Peers, model_id: int, origin: str, actor: Actor) -> dict[str, Any]:
    body = await peers.catalog.call("GET", f"/v1/pages/{model_id}", actor=actor)
    model: dict[str, Any] = msgspec.json.decode(with_origin(body, origin))
    return model


async def _base_models(peers: Peers) -> tuple[str, ...]:
    """Choices of the filter; none while the catalog is down, when the page will say so anyway."""
    try:
        return tuple((await peers.catalog.fetch("GET", "/v1/enums", dict[str, list[str]]))["ActiveBaseModel"])
    except Unavailable:
        return ()


async def _reviews(peers: Peers, model_id: int, cursor: str | None) -> dict[str, Any] | None:
    """Reviews, or None while that service is down: the rest of the page does not depend on them."""
    params = {"limit": 20, **({"cursor": cursor} if cursor else {})}
    try:
        return await peers.reviews.fetch("GET", f"/models/{model_id}/reviews", dict[str, Any], params=params)
    except Unavailable:
        return None
    except NotFound:
        return {"items": []}  # a model so new that the reviews service has not heard of it


async def _hub_view(peers: Peers, model_id: int, actor: Actor, origin: str) -> dict[str, Any]:
    """The publisher's view with the progress of previews; strangers get what is published."""
    model = await peers.catalog.fetch("GET", f"/hub/models/{model_id}", hub.HubModel, actor=actor)
    states = await preview_states(peers, [version.id for version in model.versions])
    versions = [
        msgspec.structs.replace(version, previews=states.get(version.id, version.previews))
        for version in model.versions
    ]
    shown = msgspec.json.encode(msgspec.structs.replace(model, versions=versions))
    found: dict[str, Any] = msgspec.json.decode(with_origin(shown, origin))
    return found
