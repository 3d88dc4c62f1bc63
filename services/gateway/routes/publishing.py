"""`/api/hub`: publish a model."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, patch, post, put
from litestar.params import Parameter

from services.gateway.declared import needs
from services.gateway.peers import Peers
from services.gateway.relay_token import Grants, PartGrant
from services.gateway.request import with_origin
from shared.actor import Actor
from shared.api import community, hub
from shared.api.inside import AttachFile, OpenUpload, PreviewStates, VersionRights
from shared.engines.s3 import Store
from shared.problems import Problem, Unavailable


def _json(body: bytes, origin: str, status: int = 200) -> Response[Any]:
    return Response(with_origin(body, origin), status_code=status, media_type="application/json")


class Models(Controller):
    """Models and versions, drafts included."""

    path = "/api/hub"
    tags = ["Publishing"]

    @post("/models", **needs("publish"))
    async def create_model(self, data: hub.NewModel, actor: Actor, peers: Peers, origin: str) -> Response[hub.HubModel]:
        """A new draft, visible to its owner alone."""
        body = await peers.catalog.call("POST", "/hub/models", actor=actor, json=data)
        return _json(body, origin, 201)

    @get("/models/{model_id:int}", **needs("public"))
    async def get_model(self, model_id: int, actor: Actor, peers: Peers, origin: str) -> Response[hub.HubModel]:
        """A model: for its owner with drafts, scan findings and the progress of previews."""
        model = await peers.catalog.fetch("GET", f"/hub/models/{model_id}", hub.HubModel, actor=actor)
        states = await preview_states(peers, [version.id for version in model.versions])
        versions = [_with_previews(version, states) for version in model.versions]
        return _json(msgspec.json.encode(msgspec.structs.replace(model, versions=versions)), origin)

    @patch("/models/{model_id:int}", **needs("publish"))
    async def change_model(
        self, model_id: int, data: hub.ModelChange, actor: Actor, peers: Peers, origin: str
    ) -> Response[hub.HubModel]:
        """Change what is said of a model; what is absent stays."""
        body = await peers.catalog.call("PATCH", f"/hub/models/{model_id}", actor=actor, json=data)
        return _json(body, origin)

    @delete("/models/{model_id:int}", **needs("publish"))
    async def delete_model(self, model_id: int, actor: Actor, peers: Peers) -> None:
        """Delete a model with its versions."""
        await peers.catalog.call("DELETE", f"/hub/models/{model_id}", actor=actor)

    @post("/models/{model_id:int}/versions", **needs("publish"))
    async def create_version(
        self, model_id: int, data: hub.NewVersion, actor: Actor, peers: Peers, origin: str
    ) -> Response[hub.HubVersion]:
        """A new draft version."""
        path = f"/hub/models/{model_id}/versions"
        return _json(await peers.catalog.call("POST", path, actor=actor, json=data), origin, 201)

    @get("/versions/{version_id:int}", **needs("public"))
    async def get_version(self, version_id: int, actor: Actor, peers: Peers, origin: str) -> Response[hub.HubVersion]:
        """A version, with the progress of its previews."""
        version = await peers.catalog.fetch("GET", f"/hub/versions/{version_id}", hub.HubVersion, actor=actor)
        shown = _with_previews(version, await preview_states(peers, [version_id]))
        return _json(msgspec.json.encode(shown), origin)

    @patch("/versions/{version_id:int}", **needs("publish"))
    async def change_version(
        self, version_id: int, data: hub.VersionChange, actor: Actor, peers: Peers, origin: str
    ) -> Response[hub.HubVersion]:
        """Change what is said of a version, and who may download it; what is absent stays."""
        body = await peers.catalog.call("PATCH", f"/hub/versions/{version_id}", actor=actor, json=data)
        return _json(body, origin)

    @post("/versions/{version_id:int}/publish", status_code=202, **needs("publish"))
    async def publish(self, version_id: int, actor: Actor, peers: Peers, origin: str) -> Response[hub.HubVersion]:
        """Publish as soon as every file has been scanned and is clean; poll the version for what becomes of it."""
        path = f"/hub/versions/{version_id}/publish"
        return _json(await peers.catalog.call("POST", path, actor=actor), origin, 202)

    @delete("/versions/{version_id:int}/files/{file_id:int}", **needs("publish"))
    async def remove_file(self, version_id: int, file_id: int, actor: Actor, peers: Peers) -> None:
        """Take a file out of a draft version."""
        await peers.catalog.call("DELETE", f"/hub/versions/{version_id}/files/{file_id}", actor=actor)


class Pictures(Controller):
    """Pictures of versions, and how mature they are."""

    path = "/api/hub/images/{image_id:int}"
    tags = ["Publishing"]

    @get(**needs("public"))
    async def get_image(self, image_id: int, actor: Actor, peers: Peers) -> community.HubImage:
        """A picture with its ratings."""
        return await peers.catalog.fetch("GET", f"/hub/images/{image_id}", community.HubImage, actor=actor)

    @put("/rating", **needs("publish"))
    async def propose_rating(
        self, image_id: int, data: community.ProposedRating, actor: Actor, peers: Peers
    ) -> community.HubImage:
        """Say how mature a picture of one's own is; a moderator's word counts more."""
        path = f"/hub/images/{image_id}/rating"
        return await peers.catalog.fetch("PUT", path, community.HubImage, actor=actor, json=data)


class Uploads(Controller):
    """Resumable multipart uploads: open, send parts to signed addresses, complete."""

    path = "/api/hub"
    tags = ["Publishing"]

    @post("/versions/{version_id:int}/uploads", **needs("publish"))
    async def open_upload(self, version_id: int, data: hub.NewUpload, actor: Actor, peers: Peers) -> hub.Upload:
        """Open an upload for a draft version. If the second step fails, the first expires by itself."""
        await peers.catalog.fetch("GET", f"/hub/versions/{version_id}/rights", VersionRights, actor=actor)
        ask = OpenUpload(version_id=version_id, name=data.name, size_bytes=data.size_bytes, type=data.type)
        upload = await peers.upload.fetch("POST", "/uploads", hub.Upload, actor=actor, json=ask)
        attach = AttachFile(
            file_id=upload.file_id, upload_id=upload.id, name=upload.name, type=data.type, size_bytes=data.size_bytes,
            metadata=data.metadata,
        )  # fmt: skip
        try:
            await peers.catalog.call("POST", f"/hub/versions/{version_id}/files", actor=actor, json=attach)
        except Problem:
            await peers.upload.call("DELETE", f"/uploads/{upload.id}", actor=actor)
            raise
        return upload

    @get("/uploads", **needs("publish"))
    async def list_uploads(
        self, actor: Actor, peers: Peers, version_id: Annotated[int | None, Parameter(query="versionId", ge=1)] = None
    ) -> hub.UploadPage:
        """The caller's open uploads, with the parts that have arrived."""
        params = {"version_id": version_id} if version_id is not None else None
        return await peers.upload.fetch("GET", "/uploads", hub.UploadPage, actor=actor, params=params)

    @get("/uploads/{upload_id:uuid}", **needs("publish"))
    async def get_upload(self, upload_id: hub.UploadId, actor: Actor, peers: Peers) -> hub.Upload:
        """One upload, with the parts that have arrived."""
        return await peers.upload.fetch("GET", f"/uploads/{upload_id}", hub.Upload, actor=actor)

    @post("/uploads/{upload_id:uuid}/urls", status_code=200, **needs("publish"))
    async def sign_parts(
        self, upload_id: hub.UploadId, data: hub.PartNumbers, actor: Actor, peers: Peers, origin: str, grants: Grants,
        store: Store,
    ) -> hub.PartUrls:  # fmt: skip
        """Addresses to PUT parts to: the store's own, or the hub's where the store has no public one."""
        path = f"/uploads/{upload_id}/urls"
        signed = await peers.upload.fetch("POST", path, hub.PartUrls, actor=actor, json=data)
        if store.has_public_address:
            return signed
        relayed = [
            msgspec.structs.replace(
                part, url=f"{origin}/store/parts/{grants.issue(PartGrant(part.url, part.size_bytes))}"
            )
            for part in signed.urls
        ]
        return msgspec.structs.replace(signed, urls=relayed)

    @post("/uploads/{upload_id:uuid}/complete", status_code=200, **needs("publish"))
    async def complete(
        self, upload_id: hub.UploadId, data: hub.CompleteUpload, actor: Actor, peers: Peers
    ) -> hub.Upload:
        """All parts have been sent: join them and queue the scan. Safe to repeat."""
        path = f"/uploads/{upload_id}/complete"
        upload = await peers.upload.fetch("POST", path, hub.Upload, actor=actor, json=data)
        # Said at once, so that a publish right after this finds the file complete; the event says it again.
        await peers.catalog.call("POST", f"/hub/versions/{upload.version_id}/uploaded/{upload.file_id}", actor=actor)
        return upload

    @delete("/uploads/{upload_id:uuid}", **needs("publish"))
    async def abort(self, upload_id: hub.UploadId, actor: Actor, peers: Peers) -> None:
        """Give an upload up."""
        await peers.upload.call("DELETE", f"/uploads/{upload_id}", actor=actor)


async def preview_states(peers: Peers, version_ids: list[int]) -> dict[int, hub.Previews]:
    """Progress of previews by version; nothing while the render service is down, which must not hide a model."""
    if not version_ids:
        return {}
    params = [("ids", str(version_id)) for version_id in version_ids]
    try:
        return (await peers.render.fetch("GET", "/previews", PreviewStates, params=params)).versions
    except Unavailable:
        return {}


def _with_previews(version: hub.HubVersion, states: dict[int, hub.Previews]) -> hub.HubVersion:
    return msgspec.structs.replace(version, previews=states.get(version.id, version.previews))
