"""The store relay: bytes between clients and a store that has no public address, in constant memory.

Downloads: 200, 206 and 416 made right whatever the store does, a strong ETag, If-Range. Uploads: one part each.
An `Authorization` header that a client keeps over the redirect is neither needed nor passed on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
from litestar import Controller, HttpMethod, Request, Response, put, route
from litestar.exceptions import HTTPException
from litestar.response import Stream
from yarl import URL

from services.gateway.byte_range import Span, Unsatisfiable, parse_range
from services.gateway.delivery import Delivery
from services.gateway.domain.access import caller_for
from services.gateway.relay_token import DownloadGrant, Grants, PartGrant
from services.gateway.repository import Repository
from services.gateway.request import tags_held
from services.gateway.settings import GatewaySettings
from shared.actor import NOBODY
from shared.api.inside import DownloadTarget, Wish
from shared.engines.s3 import Store
from shared.problems import Forbidden, Gone, Invalid, NotFound, Unavailable

_BLOCK = 1 << 20
_PART_VALID = timedelta(hours=1)
_INSIDE_VALID = timedelta(hours=12)


class RelayClient:
    """The HTTP client of the relay; a component."""

    name = "relay"

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session, made by the first request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                read_bufsize=_BLOCK,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=3, sock_read=120),
                connector=aiohttp.TCPConnector(limit=0),
            )
        return self._session

    async def start(self) -> None:
        """Nothing to do before the first request."""

    async def check(self) -> None:
        """The store has its own check."""

    async def stop(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


class Relay(Controller):
    """`/store/…`."""

    path = "/store"
    include_in_schema = False

    @route("/files/{token:str}/{name:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
    async def download(
        self, request: Request[Any, Any, Any], token: str, grants: Grants, delivery: Delivery, store: Store,
        relay: RelayClient, settings: GatewaySettings, accounts: Repository,
    ) -> Response[Any]:  # fmt: skip
        """One clean file or a range of it."""
        grant = grants.read(token, DownloadGrant, timedelta(hours=settings.download_hours))
        target = await _still_allowed(grant, delivery, accounts, settings)
        etag = f'"{grant.object_key}"'
        modified = format_datetime(target.scanned_at.astimezone(UTC), usegmt=True)
        headers = {
            "accept-ranges": "bytes",
            "etag": etag,
            "last-modified": modified,
            "content-disposition": f'attachment; filename="{grant.name}"',
            "cache-control": "private, max-age=0, must-revalidate",
            "x-content-type-options": "nosniff",
            "content-type": "application/octet-stream",
        }
        if etag in tags_held(request.headers.get("if-none-match", "")):
            return Response(None, status_code=304, headers=headers)
        condition = request.headers.get("if-range")
        wanted = request.headers.get("range") if condition in (None, etag, modified) else None
        try:
            span = parse_range(wanted, grant.size_bytes)
        except Unsatisfiable:
            return Response(b"", status_code=416, headers=headers | {"content-range": f"bytes */{grant.size_bytes}"})
        whole = Span(0, grant.size_bytes - 1)
        headers["content-length"] = str((span or whole).length)
        if span is not None:
            headers["content-range"] = f"bytes {span.start}-{span.end}/{grant.size_bytes}"
        status = 206 if span is not None else 200
        if request.method == "HEAD":
            return Response(None, status_code=status, headers=headers)
        body = await _open(relay, store, grant, span)
        return Stream(body, status_code=status, headers=headers, media_type="application/octet-stream")

    @put("/parts/{token:str}", status_code=200, request_max_body_size=None)
    async def upload_part(
        self, request: Request[Any, Any, Any], token: str, grants: Grants, relay: RelayClient
    ) -> Response[None]:
        """One part of an upload."""
        grant = grants.read(token, PartGrant, _PART_VALID)
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) != grant.size_bytes:
            raise Invalid(f"This part has exactly {grant.size_bytes:,} bytes; send them with a Content-Length.")
        try:
            async with relay.session.put(
                URL(grant.url, encoded=True), data=request.stream(), headers={"content-length": length}
            ) as answer:
                if answer.status != 200:
                    raise _store_answer(answer.status, await answer.text())
                return Response(None, headers={"etag": answer.headers.get("etag", "")})
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("The file store cannot take this part at the moment; send it again.") from error


async def _still_allowed(
    grant: DownloadGrant, delivery: Delivery, accounts: Repository, settings: GatewaySettings
) -> DownloadTarget:
    """An address outlives a takedown, or its account's right, by nothing: the catalog is asked each time."""
    account = await accounts.find_account_by_id(grant.account_id) if grant.account_id else None
    actor = caller_for(account).actor if account is not None else NOBODY
    try:
        wish, login = Wish(file_id=grant.file_id), settings.downloads_need_login
        return await delivery.find(grant.version_id, wish, actor, only_for_accounts=login)
    except (NotFound, Forbidden):
        raise Gone("This file is no longer available.") from None


async def _open(relay: RelayClient, store: Store, grant: DownloadGrant, span: Span | None) -> AsyncIterator[bytes]:
    """The store's answer as a stream; its first byte is at hand, so that errors are still answered as such."""
    url = store.sign_get(store.models, grant.object_key, _INSIDE_VALID, inside=True)
    headers = {"range": f"bytes={span.start}-{span.end}"} if span is not None else {}
    try:
        answer = await relay.session.get(URL(url, encoded=True), headers=headers)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable("The file store is not reachable at the moment; try again.") from error
    expected = (span or Span(0, grant.size_bytes - 1)).length
    if answer.status not in (200, 206) or int(answer.headers.get("content-length", -1)) != expected:
        answer.close()
        raise Unavailable(f"The file store answered {answer.status} for this file; try again.")
    return _blocks(answer)


async def _blocks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with answer:
        # As they came: `iter_any` joins what has gathered, and that copy was a third of the gateway's work.
        async for block, _ in answer.content.iter_chunks():
            yield block


def _store_answer(status: int, text: str) -> HTTPException:
    if status == 404 or "NoSuchUpload" in text:
        return Gone("This upload is finished or aborted; its parts can no longer be sent.")
    if status < 500:
        return Invalid(f"The store refused the part (status {status}). Ask for a new address and send it again.")
    return Unavailable("The file store cannot take this part at the moment; send it again.")
