"""What everybody may read: models, versions, files by hash, and where a download's bytes are."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Controller, MediaType, Response, get, post

from services.catalog.domain.base_models import base_models
from services.catalog.domain.delivery import require_downloadable
from services.catalog.domain.documents import encode
from services.catalog.domain.drafts import may_see
from services.catalog.domain.files import choose_file, component_file, component_name, lacks_component
from services.catalog.domain.listing import Shown, is_for_everybody, list_item
from services.catalog.domain.model import File, Model, Version
from services.catalog.domain.repos import MAIN, download_target, find_revision, repo_at
from services.catalog.domain.wire import Wire
from services.catalog.reader import Reader
from services.catalog.repository import Repository
from shared.actor import Actor
from shared.api import v1
from shared.api.hub import FilePreferences
from shared.api.inside import NO_SUCH_REVISION, DocumentAsk, DownloadTarget, NewestPage, Repo, Wish
from shared.clock import now
from shared.problems import NotFound

_MARKED = "application/octet-stream"
"""JSON but for the mark in the place of the hub's origin."""


def _packed(value: object) -> Response[bytes]:
    return Response(msgspec.msgpack.encode(value), media_type=MediaType.MESSAGEPACK)


def _preferences(saved: str | None) -> FilePreferences:
    return msgspec.json.decode(saved, type=FilePreferences) if saved else FilePreferences()


def _target(model: Model, version: Version, file: File | None) -> DownloadTarget:
    target = download_target(model, version, file) if file is not None else None
    if target is None:
        raise NotFound("File not found")
    return target


class Reads(Controller):
    """`/v1/…`: documents in the shapes of the compatible API; `/repos`: models as repositories."""

    @post("/v1/documents", status_code=200)
    async def answer(self, body: bytes, reader: Reader) -> Response[bytes]:
        """Documents for `DocumentAsk`s (MessagePack both ways), in their order; nil where nothing like it is public."""
        asks = msgspec.msgpack.decode(body, type=list[DocumentAsk])
        return _packed(await reader.answer(asks))

    @get("/v1/models")
    async def list_models(
        self,
        reader: Reader,
        ids: list[int],
        levels: int = v1.LEVEL_ALL,
        base_models: list[str] | None = None,
        version_ids: list[int] | None = None,
        availabilities: list[str] | None = None,
        only_generating: bool = False,
        primary_only: bool = False,
        saved: str | None = None,
    ) -> Response[bytes]:
        """The visible ones of these models, in this order; the rest says what of each is shown (`listing.Shown`)."""
        shown = Shown(
            levels=levels, base_models=tuple(base_models or ()), version_ids=tuple(version_ids or ()),
            availabilities=tuple(availabilities or ()), only_generating=only_generating, primary_only=primary_only,
            saved=_preferences(saved),
        )  # fmt: skip
        return Response(await reader.list_models(ids, shown), media_type=_MARKED)

    @get("/v1/newest")
    async def list_newest(
        self, models: Repository, wire: Wire, limit: int = 20, before: str | None = None, levels: int = v1.LEVEL_ALL
    ) -> Response[bytes]:
        """What plain browsing shows, newest first, without the search service. `before` is `<ISO time>|<model id>`."""
        shown = Shown(levels=levels, availabilities=("Public",))
        items: list[v1.Model] = []
        while True:
            cursor = None
            if before:
                moment, _, model_id = before.partition("|")
                cursor = (datetime.fromisoformat(moment), int(model_id))
            found = await models.list_newest(limit + 1, cursor)
            read, more = found[:limit], len(found) > limit
            listed = [list_item(model, shown, wire) for model in read if is_for_everybody(model, levels, wire)]
            items = [item for item in listed if item is not None]
            last = max((v.published_at for v in read[-1].versions if v.published_at), default=None) if read else None
            before = f"{last.isoformat()}|{read[-1].id}" if more and last is not None else None
            if items or before is None:
                return _packed(NewestPage(items=encode(items), next=before))

    @get("/v1/pages/{model_id:int}")
    async def page(self, model_id: int, actor: Actor, models: Repository, wire: Wire) -> dict[str, Any]:
        """A model with all that the hub's own page shows of it: a visible one, or a private one to its owner."""
        model = await models.find(model_id)
        if model is None or not (model.is_visible or (model.is_released and may_see(model, actor))):
            raise NotFound(f"No model with id {model_id}")
        return wire.page(model)

    @get("/v1/model-versions/{version_id:int}")
    async def get_version(
        self, version_id: int, actor: Actor, models: Repository, wire: Wire, saved: str | None = None
    ) -> Response[bytes]:
        """A public version of a visible model, not one that is unrated where such are hidden; moderators see any."""
        model = await models.find_by_version(version_id)
        version = model.version(version_id) if model is not None and not model.deleted else None
        if model is None or version is None:
            raise NotFound("Model not found")
        is_shown = model.is_visible and version.is_public and wire.version_level(model, version) != 0
        if not is_shown and not actor.may_moderate:
            raise NotFound("Model not found")
        return Response(encode(wire.version_detail(model, version, _preferences(saved))), media_type=_MARKED)

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
        actor: Actor,
        models: Repository,
        file_id: int | None = None,
        type_: str | None = None,
        file_format: str | None = None,
        size: Literal["full", "pruned"] | None = None,
        fp: str | None = None,
        quant_type: str | None = None,
        saved: str | None = None,
        only_for_accounts: bool = False,
    ) -> DownloadTarget:
        """The clean file that a download means, if the actor may have it (`domain/delivery.py`).

        `saved` are the caller's own `FilePreferences` as JSON. Raises NotFound, the same for missing and contradicted.
        """
        model = await models.find_by_version(version_id)
        version = model.version(version_id) if model is not None else None
        if model is None or version is None:
            raise NotFound("File not found")
        require_downloadable(model, version, actor, now(), only_for_accounts=only_for_accounts)
        wish = Wish(
            file_id=file_id, type=type_, format=file_format, size=size, fp=fp, quant_type=quant_type,
            saved=_preferences(saved),
        )  # fmt: skip
        if not lacks_component(version, wish):
            return _target(model, version, choose_file(version.public_files, wish))
        for component in version.components:
            giver = await models.find_by_version(component.version_id) if component.type == wish.type else None
            linked = giver.version(component.version_id) if giver is not None else None
            if giver is not None and linked is not None:
                require_downloadable(giver, linked, actor, now(), only_for_accounts=only_for_accounts)
                file = component_file(linked, wish)
                target = _target(giver, linked, file)
                return msgspec.structs.replace(target, name=component_name(file)) if file is not None else target
        raise NotFound("File not found")

    @get("/repos/{creator:str}/{name:str}")
    async def repo(
        self, creator: str, name: str, actor: Actor, models: Repository, revision: str = MAIN,
        only_for_accounts: bool = False,
    ) -> Repo:  # fmt: skip
        """A visible model as a repository of files that the actor may download.

        Raises NotFound, with a slug of its own for the revision, and what `require_downloadable` does.
        """
        model = await models.find_repo(creator, name)
        if model is None or not model.is_visible:
            raise NotFound(f"There is no repository {creator}/{name}.")
        version = find_revision(model, revision)
        if version is None:
            raise NotFound(f"{creator}/{name} has no revision {revision!r}.", slug=NO_SUCH_REVISION)
        require_downloadable(model, version, actor, now(), only_for_accounts=only_for_accounts)
        return repo_at(model, version, name)
