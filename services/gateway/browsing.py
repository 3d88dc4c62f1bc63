"""A page of models: ids from search, documents from the catalog, spliced without decoding them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from services.gateway.model_query import ModelQuery
from services.gateway.peers import Peers
from services.gateway.query_reader import MAX_ID, BadCursor
from services.gateway.request import placed
from shared.actor import NOBODY, Actor
from shared.api.inside import NewestPage, SearchPage
from shared.problems import Invalid, Unavailable

_MOST_PAGES_SKIPPED = 5
_OVERLOADED = "Model search is temporarily overloaded — please retry."
_ID = re.compile("[0-9]{1,10}")
_NEWEST = "newest:"
"""Prefix of cursors that the database answered while search was down; they stay with it."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page: the JSON array of models with `v1.ORIGIN_MARK`, and how to go on."""

    items: bytes
    total: int | None
    next_cursor: str | None
    search_down: bool = False
    found: SearchPage | None = None
    """What search said beside the ids: facets, fallback, what hides results."""


_NOTHING = Page(items=b"[]", total=0, next_cursor=None)


async def find_models(peers: Peers, query: ModelQuery, actor: Actor = NOBODY) -> Page:
    """The page a query means. A plain browse goes on without search; anything else says that search is unavailable."""
    if query.from_platform or query.within == ():
        return _NOTHING  # nothing is trained here; nothing is on the caller's list
    if query.availability == "Private" or set(query.statuses) - {"Published"}:
        return await _unlisted(peers, query, actor)
    if query.cursor and query.cursor.startswith(_NEWEST):
        return await _newest(peers, query)
    try:
        return await _search(peers, query)
    except Unavailable:
        if not query.is_plain_browse or query.cursor or (query.page or 1) > 1:
            raise
        return await _newest(peers, query)


async def _search(peers: Peers, query: ModelQuery) -> Page:
    """Search, then read. A page whose models are all gone since is skipped: an empty page reads as the end."""
    for _ in range(_MOST_PAGES_SKIPPED):
        try:
            found = await peers.search.fetch("GET", "/search", SearchPage, params=query.search_params())
        except Invalid as problem:
            if "cursor" in problem.fields:
                raise BadCursor(problem.detail) from None
            raise
        except Unavailable as problem:
            raise Unavailable(_OVERLOADED) from problem
        items = b"[]"
        if found.ids:
            params = [("ids", str(model_id)) for model_id in found.ids] + query.catalog_params()
            items = await peers.catalog.call("GET", "/v1/models", params=params)
        if items != b"[]" or found.next_cursor is None:
            return Page(items=items, total=found.total, next_cursor=found.next_cursor, found=found)
        query = msgspec.structs.replace(query, cursor=found.next_cursor)
    raise Unavailable("Search is catching up with many withdrawn models; try again in a moment.")


async def _unlisted(peers: Peers, query: ModelQuery, actor: Actor) -> Page:
    """What search does not know: somebody's private models; for moderators, models of any status."""
    params: list[tuple[str, str]] = [("limit", str(query.limit)), *query.catalog_params()]
    params += [("status", status) for status in query.statuses or ("Published",)]
    params += [("types", value) for value in query.types] + [("ids", str(value)) for value in query.ids]
    for name, value in (("availability", query.availability), ("owner", query.username), ("tag", query.tag)):
        params += [(name, value)] if value else []
    if query.cursor:
        params += [("after", _unlisted_position(query.cursor))]
    elif query.page:
        params += [("skip", str((query.page - 1) * query.limit))]
    answer = await peers.catalog.call("GET", "/v1/unlisted", actor=actor, params=params)
    found = msgspec.msgpack.decode(answer, type=NewestPage)
    return Page(items=found.items, total=None, next_cursor=found.next)


def _unlisted_position(cursor: str) -> str:
    """The id in a cursor of such a list; BadCursor for one that is of another list, or of none."""
    if not (_ID.fullmatch(cursor) and 0 < int(cursor) <= MAX_ID):
        message = "The cursor is not one that this hub made for this list; start again without it."
        raise BadCursor(message)
    return cursor


async def _newest(peers: Peers, query: ModelQuery) -> Page:
    params: dict[str, Any] = {"limit": query.limit, "levels": query.levels}
    if query.cursor:
        params["before"] = _newest_position(query.cursor)
    try:
        answer = await peers.catalog.call("GET", "/v1/newest", params=params)
    except Invalid as problem:
        raise BadCursor(problem.detail) from None
    found = msgspec.msgpack.decode(answer, type=NewestPage)
    following = f"{_NEWEST}{found.next}" if found.next else None
    return Page(items=found.items, total=None, next_cursor=following, search_down=True)


def _newest_position(cursor: str) -> str:
    """The position in a newest cursor; BadCursor for one that the hub did not make."""
    position = cursor.removeprefix(_NEWEST)
    moment, _, model_id = position.partition("|")
    if not (_is_moment(moment) and _ID.fullmatch(model_id)):
        message = "The cursor is not one that this hub made; start again without it."
        raise BadCursor(message)
    return position


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def to_json(page: Page, query: ModelQuery, origin: str, path: str, pairs: list[tuple[str, str]]) -> bytes:
    """The answer of `GET /api/v1/models`; on the last page `nextCursor` and `nextPage` are absent."""
    metadata: dict[str, Any] = {}
    if page.total is not None:
        metadata["totalItems"] = page.total
    if query.page is not None and not query.cursor:
        metadata |= {"currentPage": query.page, "pageSize": query.limit}
        if page.total is not None:
            metadata["totalPages"] = max(1, -(-page.total // query.limit))
    if page.next_cursor is not None:
        metadata["nextCursor"] = page.next_cursor
        metadata["nextPage"] = next_page(origin, path, pairs, page.next_cursor)
    spliced = b'{"items":' + page.items + b',"metadata":' + msgspec.json.encode(metadata) + b"}"
    return placed(spliced, origin)


def next_page(origin: str, path: str, pairs: list[tuple[str, str]], cursor: str) -> str:
    """The absolute address of the next page: all parameters as they came, empty ones dropped, the cursor set."""
    kept = [(name, value) for name, value in pairs if value and name not in ("cursor", "page")]
    return f"{origin}{path}?{urlencode([*kept, ('cursor', cursor)], quote_via=quote)}"
