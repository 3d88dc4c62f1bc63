"""`/api/v1/collections`; and `/api/v1/articles`, of which a hub has none."""

from __future__ import annotations

from typing import Any

from litestar import Controller, MediaType, Request, Response, get
from msgspec import UNSET

from services.gateway.compatible_answers import PUBLIC_CACHE, address, answer, answers
from services.gateway.compatible_errors import compatible_handlers
from services.gateway.declared import needs
from services.gateway.peers import Peers
from services.gateway.query_reader import MAX_ID, QueryReader
from services.gateway.request import pairs_of
from shared.api import v1
from shared.api.collections import CollectionPage, HubCollection
from shared.problems import Invalid, NotFound

AnyRequest = Request[Any, Any, Any]
_ARTICLE_SORTS = (
    "Newest", "Recently Updated", "Most Reactions", "Most Comments", "Most Bookmarks", "Most Collected",
)  # fmt: skip
_COLLECTION_SORTS = ("Newest", "Most Followers")
_LONGEST_QUERY = 100


class V1Collections(Controller):
    """Public collections; what is in one is not told here."""

    path = "/api/v1"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @get("/collections", responses=answers(v1.CollectionList), media_type=MediaType.JSON, **needs("public"))
    async def list_collections(self, request: AnyRequest, peers: Peers, origin: str) -> Response[bytes]:
        """Public collections: the newest or the most followed first; without `nsfw` those that have something PG."""
        pairs = pairs_of(request)
        read = QueryReader(pairs)
        limit = read.integer("limit", 1, 100)
        sort = read.choice("sort", _COLLECTION_SORTS, "Newest") if read.was_sent("sort") else "Newest"
        is_mature = read.boolean("nsfw", default=False)
        cursor = read.integer("cursor", 1, MAX_ID)
        query = read.text("query")
        if query is not None and len(query) > _LONGEST_QUERY:
            message = f"Too big: expected string to have <={_LONGEST_QUERY} characters"
            read.issues.append({"code": "too_big", "maximum": _LONGEST_QUERY, "path": ["query"], "message": message})
        read.raise_issues()
        if cursor is not None and sort == "Most Followers":
            raise Invalid("Cannot use cursor with the sort Most Followers.")
        params: list[tuple[str, str]] = [("limit", str(limit or 100)), ("sort", sort)]
        params += [("begin", str(cursor))] if cursor is not None else []
        params += [("like", query)] if query else []
        params += [] if is_mature else [("levels", str(v1.LEVEL_PG))]
        found = await peers.reviews.fetch("GET", "/collections/public", CollectionPage, params=params)
        levels = v1.LEVEL_ALL if is_mature else v1.LEVEL_PG
        covers = await _covers(peers, found.items, levels)
        following = found.next_cursor or UNSET
        metadata = v1.Metadata(
            next_cursor=following,
            next_page=address(request.url.path, pairs, "cursor", following) if isinstance(following, str) else UNSET,
        )
        items = [_shown(each, covers, in_list=True) for each in found.items]
        return answer(v1.CollectionList(items=items, metadata=metadata), PUBLIC_CACHE, origin)

    @get(
        "/collections/{collection_id:str}", responses=answers(v1.Collection), media_type=MediaType.JSON,
        **needs("public"),
    )  # fmt: skip
    async def get_collection(self, collection_id: str, peers: Peers, origin: str) -> Response[bytes]:
        """A public collection."""
        missing = NotFound(f"No collection with id {collection_id[:20]}")
        if not (collection_id.isascii() and collection_id.isdecimal() and 0 < int(collection_id[:11]) <= MAX_ID):
            raise missing
        try:
            found = await peers.reviews.fetch("GET", f"/collections/{int(collection_id)}", HubCollection)
        except NotFound:
            raise missing from None
        covers = await _covers(peers, [found], v1.LEVEL_ALL)
        return answer(_shown(found, covers, in_list=False), PUBLIC_CACHE, origin)

    @get("/articles", responses=answers(v1.ListOfNothing), media_type=MediaType.JSON, **needs("public"))
    async def list_articles(self, request: AnyRequest, origin: str) -> Response[bytes]:
        """Always empty: the hub has no articles."""
        read = QueryReader(pairs_of(request))
        read.integer("limit", 1, 100)
        read.choice("sort", _ARTICLE_SORTS, "Newest")
        read.boolean("nsfw", default=False)
        read.integers("tags")
        read.raise_issues()
        return answer(v1.ListOfNothing(), PUBLIC_CACHE, origin)

    @get("/articles/{article_id:str}", media_type=MediaType.JSON, **needs("public"))
    async def get_article(self, article_id: str) -> Response[bytes]:
        """Always 404: the hub has no articles."""
        raise NotFound(f"No article with id {article_id[:20]}")


async def _covers(peers: Peers, collections: list[HubCollection], levels: int) -> dict[int, str]:
    """Addresses of pictures by model, of the models that are covers."""
    wanted = {each.cover_model_id for each in collections if each.cover_model_id is not None}
    if not wanted:
        return {}
    params = [("ids", str(model_id)) for model_id in sorted(wanted)] + [("levels", str(levels))]
    return await peers.catalog.fetch("GET", "/v1/covers", dict[int, str], params=params)


def _shown(found: HubCollection, covers: dict[int, str], *, in_list: bool) -> v1.Collection:
    return v1.Collection(
        id=found.id,
        name=found.name,
        description=found.description or None,
        nsfw_level=found.nsfw_level or None,
        item_count=found.item_count if in_list else UNSET,
        cover_image_url=covers.get(found.cover_model_id) if found.cover_model_id is not None else None,
        user=v1.CollectionUser(id=found.owner_id, username=found.owner),
        tags=UNSET if in_list else [],
    )
