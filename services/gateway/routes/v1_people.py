"""`/api/v1`: creators, tags, users, oneself."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, MediaType, Request, Response, get

from services.gateway.compatible_answers import PRIVATE_CACHE, PUBLIC_CACHE, answer, answers, numbered
from services.gateway.compatible_errors import compatible_handlers
from services.gateway.declared import needs
from services.gateway.domain.access import Caller
from services.gateway.peers import Peers
from services.gateway.query_reader import QueryReader
from services.gateway.repository import Repository
from services.gateway.request import pairs_of
from shared.api import v1
from shared.api.inside import NamesPage

AnyRequest = Request[Any, Any, Any]
_USERS_WITHOUT_IDS = 5
_MOST_USERS = 1000


class _Names(msgspec.Struct, frozen=True):
    limit: int
    page: int
    like: str | None

    def catalog_params(self) -> list[tuple[str, str]]:
        params = [("limit", str(self.limit)), ("skip", str((self.page - 1) * self.limit))]
        return params + ([("like", self.like)] if self.like else [])


def _names(pairs: list[tuple[str, str]]) -> _Names:
    read = QueryReader(pairs)
    limit, page = read.integer("limit", 1, 200), read.integer("page", 0, 10_000)
    read.raise_issues("bare")
    return _Names(limit=limit or 20, page=page or 1, like=read.text("query"))


class V1People(Controller):
    """Who publishes, with which tags, and who asks."""

    path = "/api/v1"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @get("/creators", responses=answers(v1.CreatorPage), media_type=MediaType.JSON, **needs("public"))
    async def list_creators(self, request: AnyRequest, peers: Peers, origin: str) -> Response[bytes]:
        """Everybody with a published model, by name; `query` is a part of the name."""
        pairs = pairs_of(request)
        asked = _names(pairs)
        found = await peers.catalog.fetch("GET", "/v1/creators", NamesPage, params=asked.catalog_params())
        items = [
            v1.CreatorItem(
                username=each.name, model_count=each.models,
                link=f"{v1.ORIGIN}/api/v1/models?username={each.name}",
            )
            for each in found.items
        ]  # fmt: skip
        paging = numbered(found, asked.page, asked.limit, request.url.path, pairs, is_search=asked.like is not None)
        return answer(v1.CreatorPage(items=items, metadata=paging), PUBLIC_CACHE, origin)

    @get("/tags", responses=answers(v1.TagPage), media_type=MediaType.JSON, **needs("public"))
    async def list_tags(self, request: AnyRequest, peers: Peers, origin: str) -> Response[bytes]:
        """Tags of published models, the most used first; `query` is the beginning of the name."""
        pairs = pairs_of(request)
        asked = _names(pairs)
        found = await peers.catalog.fetch("GET", "/v1/tags", NamesPage, params=asked.catalog_params())
        items = [
            v1.TagItem(name=each.name, model_count=each.models, link=f"{v1.ORIGIN}/api/v1/models?tag={each.name}")
            for each in found.items
        ]
        paging = numbered(found, asked.page, asked.limit, request.url.path, pairs, is_search=asked.like is not None)
        return answer(v1.TagPage(items=items, metadata=paging), PUBLIC_CACHE, origin)

    @get("/users", responses=answers(v1.UserList), media_type=MediaType.JSON, **needs("public"))
    async def list_users(self, request: AnyRequest, accounts: Repository, origin: str) -> Response[bytes]:
        """Accounts by `ids`, or by the beginning of their name."""
        read = QueryReader(pairs_of(request))
        ids = read.integers("ids")
        if len(ids) > _MOST_USERS:
            read.issues.append({"code": "too_big", "maximum": _MOST_USERS, "path": ["ids"], "message": "Too many ids"})
        read.raise_issues("plain")
        found = await accounts.list_users(ids, read.text("query"), len(ids) or _USERS_WITHOUT_IDS)
        items = [v1.User(id=account.id, username=account.username) for account in found]
        return answer(v1.UserList(items=items), PUBLIC_CACHE, origin)

    @get("/me", responses=answers(v1.Me), media_type=MediaType.JSON, **needs("read"))
    async def me(self, caller: Caller, origin: str) -> Response[bytes]:
        """The account whose key came along, and what the key allows."""
        shown = v1.Me(id=caller.actor.account_id, username=caller.actor.username)
        if caller.key_id is not None:
            shown = msgspec.structs.replace(
                shown, token_scope=caller.token_scope, buzz_limit=None, subject=v1.Subject(id=caller.key_id)
            )
        return answer(shown, PRIVATE_CACHE, origin)
