"""What everybody may read: models, versions, files by hash, and where a download's bytes are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, MediaType, Response, get, post

from services.catalog.domain.base_models import base_models
from services.catalog.domain.repos import MAIN, find_revision, repo_at
from services.catalog.domain.wire import Wire
from services.catalog.reader import Reader
from services.catalog.repository import Repository
from shared.api import v1
from shared.api.inside import NO_SUCH_REVISION, DocumentAsk, NewestPage, Repo
from shared.problems import NotFound

_MARKED = "application/octet-stream"
"""JSON but for the mark in the place of the hub's origin."""


def _packed(value: object) -> Response[bytes]:
    return Response(msgspec.msgpack.encode(value), media_type=MediaType.MESSAGEPACK)


class Reads(Controller):
    """`/v1/…`: documents in the shapes of the compatible API; `/repos`: models as repositories."""

    @post("/v1/documents", status_code=200)
    async def answer(self, body: bytes, reader: Reader) -> Response[bytes]:
        """Documents for `DocumentAsk`s (MessagePack both ways), in their order; nil where nothing like it is public."""
        asks = msgspec.msgpack.decode(body, type=list[DocumentAsk])
        return _packed(await reader.answer(asks))

    @get("/v1/models")
    async def list_models(self, reader: Reader, ids: list[int], levels: int = v1.LEVEL_ALL) -> Response[bytes]:
        """The visible ones of these models, in this order, with the pictures that `levels` allows."""
        return Response(await reader.list_models(ids, levels), media_type=_MARKED)

    @get("/v1/newest")
    async def list_newest(
        self, reader: Reader, limit: int = 20, before: str | None = None, levels: int = v1.LEVEL_ALL
    ) -> Response[bytes]:
        """Visible models, newest first, without the search service. `before` is `<ISO time>|<model id>`."""
        place = None
        if before:
            moment, _, model_id = before.partition("|")
            place = (datetime.fromisoformat(moment), int(model_id))
        items, last = await reader.list_newest(limit, place, levels)
        following = f"{last[0].isoformat()}|{last[1]}" if last else None
        return _packed(NewestPage(items=items, next=following))

    @get("/v1/pages/{model_id:int}")
    async def page(self, model_id: int, models: Repository, wire: Wire) -> dict[str, Any]:
        """One visible model with all that the hub's own page shows of it."""
        model = await models.find(model_id)
        if model is None or not model.is_visible:
            raise NotFound(f"No model with id {model_id}")
        return wire.page(model)

    @get("/v1/enums")
    async def enums(self) -> dict[str, list[str]]:
        """Every value that the API knows."""
        return {
            "ModelType": list(v1.MODEL_TYPES),
            "ModelFileType": list(v1.FILE_TYPES),
            "ActiveBaseModel": [base.name for base in base_models() if not base.hidden],
            "BaseModel": [base.name for base in base_models()],
            "BaseModelType": ["Standard", "Inpainting", "Refiner", "Pix2Pix"],
        }

    @get("/repos/{creator:str}/{name:str}")
    async def repo(self, creator: str, name: str, models: Repository, revision: str = MAIN) -> Repo:
        """A visible model as a repository of files. Raises NotFound, with a slug of its own for the revision."""
        model = await models.find_repo(creator, name)
        if model is None or not model.is_visible:
            raise NotFound(f"There is no repository {creator}/{name}.")
        version = find_revision(model, revision)
        if version is None:
            raise NotFound(f"{creator}/{name} has no revision {revision!r}.", slug=NO_SUCH_REVISION)
        return repo_at(model, version, name)
