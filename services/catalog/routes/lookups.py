"""Many hashes at once, the short form of a version, and where a file's header is."""

from __future__ import annotations

import msgspec
from litestar import Controller, Response, get, post

from services.catalog.domain.drafts import may_see
from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.actor import Actor
from shared.api import v1
from shared.api.inside import FileHeader
from shared.clock import now
from shared.problems import Forbidden, Gone, NotFound


class Lookups(Controller):
    """`/v1/by-hash`, `/v1/mini`, `/v1/published-versions`, `/v1/model-files`."""

    path = "/v1"

    @post("/by-hash", status_code=200)
    async def by_hash(self, data: list[str], models: Repository, wire: Wire) -> Response[bytes]:
        """The version of each public file with one of these SHA-256, earliest first; misses are left out."""
        asked = {value.upper() for value in data}
        found = [
            (version.published_at, version.id, file.id, wire.version_detail(model, version))
            for model in await models.list_by_sha256(sorted(asked))
            for version in model.published_versions
            for file in version.public_files
            if file.hashes.get("SHA256") in asked
        ]
        found.sort(key=lambda row: row[:3])
        return Response(msgspec.json.encode([row[3] for row in found]), media_type="application/json")

    @post("/by-hash/ids", status_code=200)
    async def ids_by_hash(self, data: list[str], models: Repository) -> list[v1.VersionOfHash]:
        """The ids of the same."""
        found = await models.list_matches([value.upper() for value in data])
        return [
            v1.VersionOfHash(model_id=model, model_version_id=version, hash=sha256) for model, version, sha256 in found
        ]

    @get("/mini/{version_id:int}")
    async def mini(
        self, version_id: int, actor: Actor, models: Repository, wire: Wire, file_id: int | None = None
    ) -> v1.MiniVersion:
        """What a program needs to load a file: the primary one, or that of `file_id`. Owners see theirs before all."""
        model = await models.find_by_version(version_id)
        version = model.version(version_id) if model is not None else None
        if model is None or version is None:
            raise NotFound("Model not found")
        if not (model.is_visible and version.is_public) and not may_see(model, actor):
            raise NotFound("Model not found")
        return wire.mini(model, version, file_id)

    @post("/published-versions", status_code=200)
    async def published_versions(self, data: list[int], models: Repository) -> list[int]:
        """Those of these versions that everybody may see."""
        return sorted(await models.list_published(data))

    @get("/model-files/{file_id:int}")
    async def model_file(self, file_id: int, actor: Actor, models: Repository) -> FileHeader:
        """The place of a published file in the store, for those who may know what is in it.

        Raises NotFound (not public, private, of a real person), Gone (withdrawn), Forbidden (early access, or not for
        downloading). Owners and moderators need not be among those who have early access.
        """
        model = await models.find_by_file(file_id)
        versions = model.versions if model is not None else ()
        owned = ((version, file) for version in versions for file in version.files if file.id == file_id)
        version, file = next(owned, (None, None))
        if model is None or version is None or file is None or not version.is_public or file.state != "clean":
            raise NotFound("File not found")
        is_insider = may_see(model, actor)
        if (model.poi or model.availability == "Private") and not is_insider:
            raise NotFound("File not found")
        if model.archived or not (model.is_visible or is_insider):
            raise Gone("Model archived, not available")
        may_early = is_insider or actor.username.lower() in version.early_access_for
        if version.usage_control != "Download" or (version.is_gated(now()) and not may_early):
            raise Forbidden("You do not have access to this file")
        if not file.sha256:
            raise NotFound("File not found")
        return FileHeader(object_key=file.sha256, size_bytes=file.size_bytes, format=file.format or "Other")
