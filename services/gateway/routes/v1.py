"""`/api/v1`: the compatible read API."""

from __future__ import annotations

from litestar import Controller, MediaType, Response, get

from services.gateway.browsing import find_models, to_json
from services.gateway.compatible_answers import (
    HASH_CACHE,
    PRIVATE_CACHE,
    PUBLIC_CACHE,
    Id,
    answer,
    answers,
    document,
    mixed_cache,
    read_id,
)
from services.gateway.compatible_errors import compatible_handlers, no_such_user
from services.gateway.identify import caller_of
from services.gateway.model_query import parse_model_query, require_shallow
from services.gateway.peers import Peers
from services.gateway.repository import Repository
from services.gateway.request import AnyRequest, origin_of, pairs_of, placed
from services.gateway.viewing import for_caller
from shared.api import v1
from shared.problems import Invalid, NotFound


class V1(Controller):
    """Models, versions, hashes, enumerations."""

    path = "/api/v1"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @get("/models", responses=answers(v1.ModelPage), media_type=MediaType.JSON)
    async def list_models(self, request: AnyRequest, peers: Peers, accounts: Repository) -> Response[bytes]:
        """Search and browse models. Arrays come repeated or comma-joined; follow `metadata.nextPage`."""
        pairs = pairs_of(request)
        query = parse_model_query(pairs)
        # The first page is what a search without a number answers, and old tools send the number always.
        if query.query and query.page not in (None, 1):
            raise Invalid("Cannot use page param with query search. Use cursor-based pagination.")
        require_shallow(query.page, query.limit, query.cursor)
        if query.username is not None and (not query.username or await accounts.find_account(query.username) is None):
            return no_such_user()
        caller, origin = caller_of(request), origin_of(request)
        query = await for_caller(query, caller, peers, accounts)
        page = await find_models(peers, query, caller.actor)
        body = to_json(page, query, origin, request.url.path, pairs)
        return document(body, "no-store" if page.search_down else mixed_cache(caller_of(request)))

    @get("/models/{model_id:str}", responses=answers(v1.Model), media_type=MediaType.JSON)
    async def get_model(self, request: AnyRequest, model_id: Id, peers: Peers) -> Response[bytes]:
        """One model with all its versions."""
        body = await peers.documents.get_model(read_id(model_id), caller_of(request).actor)
        return document(placed(body, origin_of(request)), PUBLIC_CACHE)

    @get("/model-versions/{version_id:str}", responses=answers(v1.VersionDetail), media_type=MediaType.JSON)
    async def get_version(
        self, request: AnyRequest, version_id: Id, peers: Peers, accounts: Repository
    ) -> Response[bytes]:
        """One version."""
        caller = caller_of(request)
        number, actor = read_id(version_id), caller.actor
        saved = await accounts.find_file_preferences(actor.account_id) if actor.is_known else None
        if saved or actor.may_moderate:  # an answer of their own
            path, params = f"/v1/model-versions/{number}", {"saved": saved} if saved else None
            body = await peers.catalog.call("GET", path, actor=actor, params=params)
        else:
            body = await peers.documents.get_version(number, actor)
        return document(placed(body, origin_of(request)), mixed_cache(caller))

    @get("/model-versions/by-hash/{file_hash:str}", responses=answers(v1.VersionDetail), media_type=MediaType.JSON)
    async def get_by_hash(self, request: AnyRequest, file_hash: str, peers: Peers) -> Response[bytes]:
        """The version that has a file of this hash: any of the six kinds, any letter case."""
        if not file_hash.isalnum() or len(file_hash) > 66:
            raise NotFound("Model not found")
        body = await peers.documents.get_by_hash(file_hash, caller_of(request).actor)
        return document(placed(body, origin_of(request)), HASH_CACHE)

    @get("/enums", responses=answers(dict[str, list[str]]), media_type=MediaType.JSON)
    async def enums(self, peers: Peers, origin: str) -> Response[bytes]:
        """Every value that the API knows."""
        return answer(await peers.catalog.call("GET", "/v1/enums"), PRIVATE_CACHE, origin)
