"""`/api/v1`: many hashes at once, short versions, permissions, headers of files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from litestar import Controller, MediaType, Request, Response, get, post

from services.gateway.compatible_answers import (
    FOREVER,
    PRIVATE_CACHE,
    PUBLIC_CACHE,
    Id,
    answer,
    answers,
    mixed_cache,
    read_id,
)
from services.gateway.compatible_errors import compatible_handlers
from services.gateway.declared import needs
from services.gateway.domain.access import Caller
from services.gateway.hash_list import HundredHashes, TenThousandHashes, parse_hashes
from services.gateway.peers import Peers
from services.gateway.query_reader import QueryReader
from services.gateway.request import pairs_of
from services.gateway.tensor_header import (
    MAX_HEADER_BYTES,
    Format,
    NeedsMore,
    Unreadable,
    read_tensors,
    summarise,
)
from shared.api import v1
from shared.api.inside import FileHeader
from shared.engines.s3 import NoSuchObject, Store
from shared.problems import Invalid, NotFound, Refused

AnyRequest = Request[Any, Any, Any]
_MOST_ENTITIES = 1000


class V1Versions(Controller):
    """Versions in other forms than their own document."""

    path = "/api/v1"
    tags = ["Compatible API"]
    exception_handlers = compatible_handlers()

    @post(
        "/model-versions/by-hash", status_code=200, media_type=MediaType.JSON, operation_class=HundredHashes,
        responses=answers(list[v1.VersionDetail]), **needs("public"),
    )  # fmt: skip
    async def by_hash(self, request: AnyRequest, peers: Peers, origin: str) -> Response[bytes]:
        """The versions that have files of these SHA-256, up to 100: one entry for each file, misses left out."""
        hashes = parse_hashes(await request.body(), 100)
        body = await peers.catalog.call("POST", "/v1/by-hash", json=hashes) if hashes else b"[]"
        return answer(body, PUBLIC_CACHE, origin)

    @post(
        "/model-versions/by-hash/ids", status_code=200, media_type=MediaType.JSON, operation_class=TenThousandHashes,
        responses=answers(list[v1.VersionOfHash]), **needs("public"),
    )  # fmt: skip
    async def ids_by_hash(self, request: AnyRequest, peers: Peers, origin: str) -> Response[bytes]:
        """The ids of the same, for up to 10,000 hashes."""
        hashes = parse_hashes(await request.body(), 10_000)
        body = await peers.catalog.call("POST", "/v1/by-hash/ids", json=hashes) if hashes else b"[]"
        return answer(body, PUBLIC_CACHE, origin)

    @get(
        "/model-versions/mini/{version_id:str}", responses=answers(v1.MiniVersion), media_type=MediaType.JSON,
        **needs("public"),
    )  # fmt: skip
    async def mini(
        self, request: AnyRequest, version_id: Id, caller: Caller, peers: Peers, origin: str
    ) -> Response[bytes]:
        """What a program needs to load a version's file; `modelFileId` names another than the primary one."""
        asked = request.query_params.get("modelFileId", "").strip()
        params = {"file_id": read_id(asked, "modelFileId")} if asked else {}
        path = f"/v1/mini/{read_id(version_id)}"
        body = await peers.catalog.call("GET", path, actor=caller.actor, params=params)
        return answer(body, mixed_cache(caller), origin)

    @get(
        "/permissions/check", responses=answers(dict[str, bool] | list[bool]), media_type=MediaType.JSON,
        **needs("public"),
    )  # fmt: skip
    async def permissions(self, request: AnyRequest, peers: Peers, origin: str) -> Response[bytes]:
        """Whether the versions `entityIds` may be used: all that are public, by everybody."""
        read = QueryReader(pairs_of(request))
        ids = read.integers("entityIds")
        if read.issues or len(ids) > _MOST_ENTITIES:
            raise Invalid("Could not parse provided model versions array.")
        if not ids:
            return answer([], PUBLIC_CACHE, origin)
        allowed: set[int] = set()
        if (read.text("entityType") or "ModelVersion") == "ModelVersion":
            allowed = set(await peers.catalog.fetch("POST", "/v1/published-versions", list[int], json=ids))
        return answer({str(each): each in allowed for each in ids}, PUBLIC_CACHE, origin)

    @get(
        "/model-files/{file_id:str}/tensor-metadata", responses=answers(v1.TensorMetadata), media_type=MediaType.JSON,
        **needs("public"),
    )  # fmt: skip
    async def tensor_metadata(
        self, request: AnyRequest, file_id: Id, caller: Caller, peers: Peers, store: Store, origin: str
    ) -> Response[bytes]:
        """The tensors in a file's header; `summaryOnly` leaves their list out."""
        is_summary = request.query_params.get("summaryOnly", "").lower() == "true"
        path = f"/v1/model-files/{read_id(file_id)}"
        file = await peers.catalog.fetch("GET", path, FileHeader, actor=caller.actor)
        if file.format not in ("SafeTensor", "GGUF"):
            raise Invalid("File format is not supported")
        kind: Format = "SafeTensor" if file.format == "SafeTensor" else "GGUF"
        try:
            tensors = await _read_header(store, file, kind)
        except NoSuchObject:
            raise NotFound("File not found") from None
        except Unreadable as error:
            raise Refused(str(error)) from None
        # What is answered to somebody known may not be for everybody.
        cache = PRIVATE_CACHE if caller.actor.is_known else FOREVER
        return answer(summarise(kind, tensors, with_tensors=not is_summary), cache, origin)


async def _read_header(store: Store, file: FileHeader, kind: Format) -> list[v1.Tensor]:
    """The tensors, from as many of the first bytes as it takes. Raises Unreadable."""
    head, needed = bytearray(), 0
    async with aclosing(cast("AsyncGenerator[bytes, None]", store.read(store.models, file.object_key))) as blocks:
        async for block in blocks:
            head += block
            if len(head) < min(needed, file.size_bytes):
                continue
            try:
                return await asyncio.to_thread(read_tensors, kind, bytes(head), file.size_bytes)
            except NeedsMore as more:
                # Doubling keeps the sum of all attempts linear for formats whose header does not tell its length.
                needed = max(more.size_bytes, 2 * len(head))
                if more.size_bytes > MAX_HEADER_BYTES:
                    break
    raise Unreadable(f"The header is larger than {MAX_HEADER_BYTES >> 20} MiB, or the file ends inside it.")
