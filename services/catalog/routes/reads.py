"""What everybody may read: models, versions, files by hash, and where a download's bytes are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, Response, get

from services.catalog.domain.base_models import base_models
from services.catalog.domain.files import Wish, choose_file
from services.catalog.domain.model import Model, Version
from services.catalog.domain.repos import MAIN, download_target, find_revision, repo_at
from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.api import v1
from shared.api.inside import NO_SUCH_REVISION, DownloadTarget, Repo
from shared.problems import NotFound

_JSON = "application/json"


def _json(value: object) -> Response[bytes]:
    return Response(msgspec.json.encode(value), media_type=_JSON)


class Reads(Controller):
    """`/v1/…`: documents in the shapes of the compatible API; `/downloads`: what the gateway signs."""

    @get("/v1/models")
    async def list_models(
        self, models: Repository, wire: Wire, ids: list[int], levels: int = v1.LEVEL_ALL
    ) -> Response[bytes]:
        """The visible ones of these models, in this order, with the pictures that `levels` allows."""
        found = await models.list_visible(ids)
        return _json([wire.model(model, detail=False, levels=levels) for model in found])

    @get("/v1/newest")
    async def list_newest(
        self, models: Repository, wire: Wire, limit: int = 20, before: str | None = None, levels: int = v1.LEVEL_ALL
    ) -> Response[bytes]:
        """Visible models, newest first, without the search service. `before` is `<ISO time>|<model id>`."""
        cursor = None
        if before:
            moment, _, model_id = before.partition("|")
            cursor = (datetime.fromisoformat(moment), int(model_id))
        found = await models.list_newest(limit + 1, cursor)
        items, more = found[:limit], len(found) > limit
        following = None
        if more and (last := items[-1].published_versions):
            assert last[0].published_at is not None
            following = f"{last[0].published_at.isoformat()}|{items[-1].id}"
        shown = [wire.model(model, detail=False, levels=levels) for model in items]
        return _json({"items": shown, "next": following})

    @get("/v1/models/{model_id:int}")
    async def get_model(self, model_id: int, models: Repository, wire: Wire, page: bool = False) -> Response[bytes]:
        """One visible model; `page` adds what the hub's own page shows."""
        model = await self._visible(models, model_id)
        return _json(wire.page(model) if page else wire.model(model, detail=True))

    @get("/v1/model-versions/{version_id:int}")
    async def get_version(self, version_id: int, models: Repository, wire: Wire) -> Response[bytes]:
        """One published version of a visible model."""
        model, version = await self._published(models, version_id)
        return _json(wire.version_detail(model, version))

    @get("/v1/by-hash/{value:str}")
    async def get_by_hash(self, value: str, models: Repository, wire: Wire) -> Response[bytes]:
        """The earliest published version that has a file of this hash."""
        wanted = value.strip().upper().removeprefix("0X")
        found: list[tuple[Any, int, Model, Version]] = []
        for model in await models.list_by_hash(value):
            for version in model.published_versions:
                if any(wanted in file.hashes.values() for file in version.public_files):
                    found.append((version.published_at, version.id, model, version))
        if not found:
            raise NotFound("Model not found")
        _, _, model, version = min(found, key=lambda row: row[:2])
        return _json(wire.version_detail(model, version))

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

    @get("/downloads/{version_id:int}")
    async def download(
        self,
        version_id: int,
        models: Repository,
        file_id: int | None = None,
        type_: str | None = None,
        file_format: str | None = None,
        size: str | None = None,
        fp: str | None = None,
    ) -> DownloadTarget:
        """The clean file that a download means. Raises NotFound, the same for missing, hidden and contradicted."""
        model, version = await self._published(models, version_id)
        file = choose_file(version, Wish(file_id=file_id, type=type_, format=file_format, size=size, fp=fp))
        target = download_target(model, version, file) if file is not None else None
        if target is None:
            raise NotFound("File not found")
        return target

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

    async def _visible(self, models: Repository, model_id: int) -> Model:
        model = await models.find(model_id)
        if model is None or not model.is_visible:
            raise NotFound(f"No model with id {model_id}")
        return model

    async def _published(self, models: Repository, version_id: int) -> tuple[Model, Version]:
        model = await models.find_by_version(version_id)
        version = model.version(version_id) if model is not None and model.is_visible else None
        if model is None or version is None or not version.is_published:
            raise NotFound("Model not found")
        return model, version
