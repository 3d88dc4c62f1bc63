"""`/api/v1/images`."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, MediaType, Request, Response, get

from services.gateway.compatible_answers import PUBLIC_CACHE, address, answer, answers
from services.gateway.compatible_errors import coded, compatible_handlers
from services.gateway.declared import needs
from services.gateway.image_query import ImageQuery, parse_image_query
from services.gateway.model_query import require_shallow
from services.gateway.peers import Peers
from services.gateway.repository import Repository
from services.gateway.request import pairs_of
from shared.api import v1
from shared.clock import now
from shared.problems import Invalid


class _Found(msgspec.Struct):
    items: msgspec.Raw
    next: str | None


_NOTHING = _Found(msgspec.Raw(b"[]"), None)


class V1Images(Controller):
    """Pictures of published versions."""

    path = "/api/v1"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @get("/images", responses=answers(v1.ImagePage), media_type=MediaType.JSON, **needs("public"))
    async def list_images(
        self, request: Request[Any, Any, Any], peers: Peers, accounts: Repository, origin: str
    ) -> Response[bytes]:
        """Pictures, newest first: of a model, a version, somebody, with a tag. Follow `metadata.nextPage`."""
        pairs = pairs_of(request)
        known: list[str] = []
        if any(name.startswith("baseModels") for name, _ in pairs):
            known = (await peers.catalog.fetch("GET", "/v1/enums", dict[str, list[str]]))["BaseModel"]
        query = parse_image_query(pairs, known)
        require_shallow(query.page, query.limit, query.cursor)
        if query.sort == "Random" and query.is_of_one_model:
            return coded("Random sort needs a collection, and pictures are in none here.", "BAD_REQUEST", 400)
        user_id = query.user_id
        if query.username is not None:
            account = await accounts.find_account(query.username)
            if account is None:
                return coded("User not found", "NOT_FOUND", 404)
            if user_id not in (None, account.id):
                return _page(_NOTHING, query, origin, request.url.path, pairs)
            user_id = account.id
        found = _NOTHING
        if query.can_match:
            params = query.catalog_params(now(), user_id)
            try:
                found = msgspec.json.decode(await peers.catalog.call("GET", "/v1/images", params=params), type=_Found)
            except Invalid as error:
                return coded(error.detail, "BAD_REQUEST", 400)
        return _page(found, query, origin, request.url.path, pairs)


def _page(found: _Found, query: ImageQuery, origin: str, path: str, pairs: list[tuple[str, str]]) -> Response[bytes]:
    is_numbered = query.page is not None and query.cursor is None
    unset = msgspec.UNSET
    metadata = v1.Metadata(
        current_page=query.page if is_numbered and query.page else unset,
        page_size=query.limit if is_numbered else unset,
        next_cursor=found.next or unset,
        next_page=address(path, pairs, "cursor", found.next) if found.next else unset,
    )
    body = b'{"items":' + bytes(found.items) + b',"metadata":' + msgspec.json.encode(metadata) + b"}"
    return answer(body, PUBLIC_CACHE, origin)
