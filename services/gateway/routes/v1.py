"""`/api/v1`: the compatible read API."""

from __future__ import annotations

from typing import Any

from litestar import Controller, MediaType, Request, Response, get

from services.gateway.browsing import find_models, to_json
from services.gateway.compatible_answers import (
    HASH_CACHE,
    PRIVATE_CACHE,
    PUBLIC_CACHE,
    Id,
    answer,
    answers,
    mixed_cache,
    read_id,
)
from services.gateway.compatible_errors import compatible_handlers, no_such_user
from services.gateway.domain.access import Caller
from services.gateway.model_query import parse_model_query, require_shallow
from services.gateway.peers import Peers
from services.gateway.repository import Repository
from shared.api import v1
from shared.problems import Invalid, NotFound


class V1(Controller):
    """Models, versions, hashes, enumerations."""

    path = "/api/v1"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @get("/models", responses=answers(v1.ModelPage), media_type=MediaType.JSON)
    async def list_models(
        self, request: Request[Any, Any, Any], peers: Peers, caller: Caller, accounts: Repository, origin: str
    ) -> Response[bytes]:
        """Search and browse models. Arrays come repeated or comma-joined; follow `metadata.nextPage`."""
        pairs = list(request.query_params.multi_items())
        query = parse_model_query(pairs)
        # The first page is what a search without a number answers, and old tools send the number always.
        if query.query and query.page not in (None, 1):
            raise Invalid("Cannot use page param with query search. Use cursor-based pagination.")
        require_shallow(query.page, query.limit, query.cursor)
        if query.username and await accounts.find_account(query.username) is None:
            return no_such_user()
        page = await find_models(peers, query)
        body = to_json(page, query, origin, request.url.path, pairs)
        return answer(body, "no-store" if page.search_down else mixed_cache(caller), origin)

    @get("/models/{model_id:str}", responses=answers(v1.Model), media_type=MediaType.JSON)
    async def get_model(self, model_id: Id, peers: Peers, origin: str) -> Response[bytes]:
        """One model with all its versions."""
        body = await peers.catalog.call("GET", f"/v1/models/{read_id(model_id)}")
        return answer(body, PUBLIC_CACHE, origin)

    @get("/model-versions/{version_id:str}", responses=answers(v1.VersionDetail), media_type=MediaType.JSON)
    async def get_version(self, version_id: Id, caller: Caller, peers: Peers, origin: str) -> Response[bytes]:
        """One version."""
        body = await peers.catalog.call("GET", f"/v1/model-versions/{read_id(version_id)}")
        return answer(body, mixed_cache(caller), origin)

    @get("/model-versions/by-hash/{file_hash:str}", responses=answers(v1.VersionDetail), media_type=MediaType.JSON)
    async def get_by_hash(self, file_hash: str, peers: Peers, origin: str) -> Response[bytes]:
        """The version that has a file of this hash: any of the six kinds, any letter case."""
        if not file_hash.isalnum() or len(file_hash) > 66:
            raise NotFound("Model not found")
        body = await peers.catalog.call("GET", f"/v1/by-hash/{file_hash}")
        return answer(body, HASH_CACHE, origin)

    @get("/enums", responses=answers(dict[str, list[str]]), media_type=MediaType.JSON)
    async def enums(self, peers: Peers, origin: str) -> Response[bytes]:
        """Every value that the API knows."""
        return answer(await peers.catalog.call("GET", "/v1/enums"), PRIVATE_CACHE, origin)
