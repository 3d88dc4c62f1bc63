"""`/api/v1/vault`: the private archive of paying members, of whom a hub has none. Its answers are those to others."""

from __future__ import annotations

from typing import Any

from litestar import Controller, MediaType, Request, Response, get, post

from services.gateway.compatible_answers import PRIVATE_CACHE, answer
from services.gateway.compatible_errors import compatible_handlers
from services.gateway.declared import needs
from services.gateway.query_reader import QueryReader
from services.gateway.request import pairs_of
from shared.problems import Forbidden, Invalid

_PAGE = 60
_MOST_VERSIONS = 1000


class V1Vault(Controller):
    """What somebody without a vault is told."""

    path = "/api/v1/vault"
    include_in_schema = False
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @get("/get", media_type=MediaType.JSON, **needs("read"))
    async def read(self, origin: str) -> Response[bytes]:
        """No vault."""
        return answer({"vault": None}, PRIVATE_CACHE, origin)

    @get("/all", media_type=MediaType.JSON, **needs("read"))
    async def list_items(self, request: Request[Any, Any, Any], origin: str) -> Response[bytes]:
        """Nothing in it."""
        read = QueryReader(pairs_of(request))
        limit, page = read.integer("limit", 1, 200), read.integer("page", 1, 1_000_000)
        read.raise_issues()
        paging = {"totalItems": 0, "currentPage": page or 1, "pageSize": limit or _PAGE, "totalPages": 0}
        return answer({"items": [], **paging}, PRIVATE_CACHE, origin)

    @get("/check-vault", media_type=MediaType.JSON, **needs("read"))
    async def check(self, request: Request[Any, Any, Any], origin: str) -> Response[bytes]:
        """None of these versions is in it."""
        read = QueryReader(pairs_of(request))
        ids = read.integers("modelVersionIds")
        if read.issues or len(ids) > _MOST_VERSIONS:
            raise Invalid("Could not parse provided model versions array.")
        return answer([{"modelVersionId": each, "vaultItem": None} for each in ids], PRIVATE_CACHE, origin)

    @post("/toggle-version", status_code=200, media_type=MediaType.JSON, **needs("read"))
    async def toggle(self) -> Response[bytes]:
        """Nothing can be put into it."""
        raise Forbidden("This hub has no vault: its models are in no danger of being taken away from you.")
