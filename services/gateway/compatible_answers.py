"""What the answers of the compatible API have in common: cache headers, ids, pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from services.gateway.domain.access import Caller
from services.gateway.query_reader import MAX_ID
from services.gateway.request import with_origin
from shared.api import v1
from shared.api.inside import NamesPage
from shared.problems import Invalid

PUBLIC_CACHE: Final = "public, s-maxage=300, stale-while-revalidate=150"
HASH_CACHE: Final = "public, s-maxage=3600, stale-while-revalidate=1800"
PRIVATE_CACHE: Final = "max-age=0, private, no-cache"
FOREVER: Final = "public, max-age=31536000, s-maxage=31536000, immutable"
_NOT_FOUND = {404: ResponseSpec(v1.ErrorBody, description="There is no such thing.", generate_examples=False)}
Id = Annotated[str, Parameter(description="A positive 32-bit integer.", schema_extra={"type": "integer"})]


def answers(shape: Any) -> dict[int, ResponseSpec]:
    """For the OpenAPI document: what a route answers."""
    return {200: ResponseSpec(shape, description="Found.", generate_examples=False), **_NOT_FOUND}


def mixed_cache(caller: Caller) -> str:
    """The cache header of endpoints that may answer somebody known otherwise than a stranger."""
    return PRIVATE_CACHE if caller.actor.is_known else PUBLIC_CACHE


def answer(body: object, cache: str, origin: str) -> Response[bytes]:
    """A JSON answer from a shape, or from a document that a service made."""
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return document(with_origin(encoded, origin), cache)


def document(body: bytes, cache: str) -> Response[bytes]:
    """A JSON answer that has the hub's origin already."""
    return Response(
        body,
        media_type="application/json; charset=utf-8",
        headers={"cache-control": cache},
    )


def read_id(text: str, name: str = "id") -> int:
    """An id of a path or query. Raises Invalid."""
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or not 0 < int(text) <= MAX_ID:
        raise Invalid(f"✖ Invalid input: expected number, received NaN\n  → at {name}")
    return int(text)


def address(path: str, pairs: Iterable[tuple[str, str]], name: str, value: str) -> str:
    """An address with all parameters as they came, empty ones dropped, and this one set; paging ones go for it."""
    kept = [(key, sent) for key, sent in pairs if sent and key not in (name, "cursor", "page")]
    return f"{v1.ORIGIN}{path}?{urlencode([*kept, (name, value)], quote_via=quote)}"


def numbered(
    found: NamesPage, page: int, limit: int, path: str, pairs: Sequence[tuple[str, str]], *, is_search: bool
) -> v1.Metadata:
    """The metadata of a page by number. In a search the totals are lower bounds, which `hasMore` says."""
    pages = page + found.has_more if is_search else max(1, -(-found.total // limit))
    unset = msgspec.UNSET
    return v1.Metadata(
        total_items=found.total, current_page=page, page_size=limit, total_pages=pages,
        next_page=address(path, pairs, "page", str(page + 1)) if found.has_more else unset,
        prev_page=address(path, pairs, "page", str(page - 1)) if page > 1 else unset,
        has_more=found.has_more if is_search else unset,
    )  # fmt: skip
