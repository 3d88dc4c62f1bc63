"""`/api/v1`: the compatible read API."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, MediaType, Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from services.gateway.browsing import find_models, to_json
from services.gateway.compatible_errors import compatible_handlers
from services.gateway.model_query import parse_model_query
from services.gateway.peers import Peers
from services.gateway.request import with_origin
from shared.api import v1
from shared.problems import Invalid, NotFound

_PUBLIC_CACHE = "public, s-maxage=300, stale-while-revalidate=150"
_HASH_CACHE = "public, s-maxage=3600, stale-while-revalidate=1800"
_MAX_ID = 2**31 - 1
_NOT_FOUND = {404: ResponseSpec(v1.ErrorBody, description="There is no such thing.", generate_examples=False)}
_Id = Annotated[str, Parameter(description="A positive 32-bit integer.", schema_extra={"type": "integer"})]


def _answers(shape: Any) -> dict[int, ResponseSpec]:
    return {200: ResponseSpec(shape, description="Found.", generate_examples=False), **_NOT_FOUND}


def _json(body: bytes, cache: str) -> Response[bytes]:
    return Response(body, media_type="application/json; charset=utf-8", headers={"cache-control": cache})


def _id(text: str) -> int:
    if not text.isdecimal() or len(text) > 10 or not 0 < int(text) <= _MAX_ID:
        raise Invalid("✖ Invalid input: expected number, received NaN\n  → at id")
    return int(text)


class V1(Controller):
    """Models, versions, hashes, enumerations."""

    path = "/api/v1"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @get("/models", responses=_answers(v1.ModelPage), media_type=MediaType.JSON)
    async def list_models(self, request: Request[Any, Any, Any], peers: Peers, origin: str) -> Response[bytes]:
        """Search and browse models. Arrays come repeated or comma-joined; follow `metadata.nextPage`."""
        pairs = list(request.query_params.multi_items())
        query = parse_model_query(pairs)
        page = await find_models(peers, query)
        body = to_json(page, query, origin, request.url.path, pairs)
        return _json(body, "no-store" if page.search_down else _PUBLIC_CACHE)

    @get("/models/{model_id:str}", responses=_answers(v1.Model), media_type=MediaType.JSON)
    async def get_model(self, model_id: _Id, peers: Peers, origin: str) -> Response[bytes]:
        """One model with all its versions."""
        body = await peers.catalog.call("GET", f"/v1/models/{_id(model_id)}")
        return _json(with_origin(body, origin), _PUBLIC_CACHE)

    @get("/model-versions/{version_id:str}", responses=_answers(v1.VersionDetail), media_type=MediaType.JSON)
    async def get_version(self, version_id: _Id, peers: Peers, origin: str) -> Response[bytes]:
        """One version."""
        body = await peers.catalog.call("GET", f"/v1/model-versions/{_id(version_id)}")
        return _json(with_origin(body, origin), _PUBLIC_CACHE)

    @get("/model-versions/by-hash/{file_hash:str}", responses=_answers(v1.VersionDetail), media_type=MediaType.JSON)
    async def get_by_hash(self, file_hash: str, peers: Peers, origin: str) -> Response[bytes]:
        """The version that has a file of this hash: any of the six kinds, any letter case."""
        if not file_hash.isalnum() or len(file_hash) > 66:
            raise NotFound("Model not found")
        body = await peers.catalog.call("GET", f"/v1/by-hash/{file_hash}")
        return _json(with_origin(body, origin), _HASH_CACHE)

    @get("/enums", media_type=MediaType.JSON)
    async def enums(self, peers: Peers) -> dict[str, list[str]]:
        """Every value that the API knows."""
        return await peers.catalog.fetch("GET", "/v1/enums", dict[str, list[str]])
