"""A model as its publisher (or a moderator) sees it: drafts, scan states, reasons."""

from __future__ import annotations

from services.catalog.domain.model import Model, Version
from shared.api import hub
from shared.api.v1 import ORIGIN
from shared.clock import wire_time

_STATUS: dict[str, hub.VersionStatus] = {
    "draft": "Draft", "scanning": "Scanning", "published": "Published", "refused": "Refused",
}  # fmt: skip


def version_status(model: Model, version: Version) -> hub.VersionStatus:
    """The status of a version, as the model's own state allows it."""
    if model.taken_down is not None and version.is_published:
        return "TakenDown"
    return _STATUS[version.state]


def model_status(model: Model) -> hub.VersionStatus:
    """The model's status: that of its best version."""
    if model.taken_down is not None:
        return "TakenDown"
    states = {version.state for version in model.versions}
    return next((_STATUS[state] for state in ("published", "scanning", "refused") if state in states), "Draft")


def hub_version(model: Model, version: Version) -> hub.HubVersion:
    """One version."""
    return hub.HubVersion(
        id=version.id,
        model_id=model.id,
        name=version.name,
        base_model=version.base_model,
        status=version_status(model, version),
        status_reason=model.taken_down or version.reason,
        published_at=wire_time(version.published_at) if version.published_at else None,
        url=f"{ORIGIN}/models/{model.id}?modelVersionId={version.id}",
        availability=version.availability,
        usage_control=version.usage_control,
        require_login=version.require_login,
        early_access_until=wire_time(version.early_access_until) if version.early_access_until else None,
        files=[
            hub.HubFile(
                id=file.id, name=file.name, size_bytes=file.size_bytes, type=file.type, state=file.state,
                sha256=file.sha256, hashes=file.hashes,
                findings=[
                    hub.Finding(code=f.code, location=f.location, message=f.message) for f in file.findings
                ],
                override=file.override,
            )
            for file in version.files
        ],
    )  # fmt: skip


def hub_model(model: Model) -> hub.HubModel:
    """The whole model."""
    return hub.HubModel(
        id=model.id,
        name=model.name,
        type=model.type,
        description=model.description,
        tags=list(model.tags),
        status=model_status(model),
        url=f"{ORIGIN}/models/{model.id}",
        owner=model.owner,
        availability=model.availability,
        archived=model.archived,
        nsfw=model.nsfw,
        checkpoint_type=model.checkpoint_kind,
        versions=[hub_version(model, version) for version in model.versions],
    )
