"""When a version becomes visible, and what happens to it on the way: nothing unscanned is ever public."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.catalog.domain.files import all_kinds, file_format, primary_file, quant_type
from services.catalog.domain.model import Antivirus, File, Finding, Model, Version
from shared.api.hub import BaseModelType
from shared.events.models import (
    FileRestored,
    FileWithdrawn,
    ModelPublished,
    ModelRestored,
    ModelUnpublished,
    PublishedFile,
    VersionPublished,
)
from shared.events.payload import Payload
from shared.events.uploads import FileScanned
from shared.problems import Conflict, NotFound

replace = msgspec.structs.replace
_REASONS = 10
Change = tuple[Model, list[Payload]]
_BASE_MODEL_TYPES: dict[str, BaseModelType] = {
    "inpainting": "Inpainting", "pix2pix": "Pix2Pix", "refiner": "Refiner",
}  # fmt: skip


def ask_to_publish(model: Model, version_id: int, now: datetime) -> Change:
    """Publish as soon as every file is clean. Raises Conflict while files are missing or half sent."""
    version = _version(model, version_id)
    if version.is_published:
        return model, []
    if not version.files:
        raise Conflict(f"Version {version_id} has no file. Upload one first.")
    half_sent = [file.name for file in version.files if file.state == "uploading"]
    if half_sent:
        raise Conflict(f"Version {version_id} is not complete: {', '.join(half_sent)} is still being uploaded.")
    return _settle(model.with_version(replace(version, state="scanning", reason=None, updated_at=now)), version_id, now)


def file_uploaded(model: Model, version_id: int, file_id: int, now: datetime) -> Change:
    """All bytes have arrived; the file waits for its scan. Said again, even after the scan, it changes nothing."""
    version = model.version(version_id)
    if version is None or not any(file.id == file_id and file.state == "uploading" for file in version.files):
        return model, []
    return _change_file(model, version_id, file_id, now, state="pending")


def upload_aborted(model: Model, version_id: int, file_id: int, now: datetime) -> Change:
    """The file will never come: forget it, unless its bytes had arrived."""
    version = model.version(version_id)
    if version is None or not any(file.id == file_id and file.state == "uploading" for file in version.files):
        return model, []
    files = tuple(file for file in version.files if file.id != file_id)
    return model.with_version(replace(version, files=files, updated_at=now)), []


def file_scanned(model: Model, event: FileScanned, now: datetime) -> Change:
    """Record the verdict; publish the version if that was what it waited for, or say why it cannot be."""
    if not _knows(model, event.version_id, event.file_id):
        return model, []
    facts = event.facts
    version = _version(model, event.version_id)
    file = next(file for file in version.files if file.id == event.file_id)
    precision = (facts or {}).get("precision")
    is_quantised = event.format == "gguf"
    variant = _BASE_MODEL_TYPES.get(str((facts or {}).get("variant")))
    if variant is not None and version.base_model_type == "Standard":
        model = model.with_version(replace(version, base_model_type=variant))
    is_news = event.verdict != file.state
    model, events = _change_file(
        model,
        event.version_id,
        event.file_id,
        now if is_news else version.updated_at,
        state=event.verdict,
        sha256=event.sha256 or None,
        hashes=all_kinds(event.hashes),
        findings=tuple(Finding(code=f.code, location=f.location, message=f.message) for f in event.findings),
        imports=tuple(event.imports),
        facts=facts,
        format=file_format(event.format, file.name),
        fp=file.fp or (None if is_quantised else precision),
        quant_type=file.quant_type or (quant_type(precision, file.name) if is_quantised else None),
        antivirus=_antivirus(event),
        override=event.override,
        scanned_at=event.scanned_at,
    )
    if version.is_published and file.state == "clean" and event.verdict in ("dangerous", "invalid"):
        events = [_file_withdrawn(model, version, file, event), *events]
    if version.published_at is not None and is_news and event.verdict == "clean" and event.override is not None:
        restored = FileRestored(
            model_id=model.id, version_id=version.id, file_id=file.id, file_name=file.name, reason=event.override
        )
        events = [restored, *events]
    return model, events


def _file_withdrawn(model: Model, version: Version, file: File, event: FileScanned) -> FileWithdrawn:
    return FileWithdrawn(
        model_id=model.id,
        version_id=version.id,
        file_id=file.id,
        model_name=model.name,
        version_name=version.name,
        file_name=file.name,
        creator_id=model.owner_id,
        creator=model.owner,
        verdict="dangerous" if event.verdict == "dangerous" else "invalid",
        reasons=[found.message for found in event.findings[:_REASONS]],
    )


def _antivirus(event: FileScanned) -> Antivirus | None:
    said = event.antivirus
    return Antivirus(status=said.status, engine=said.engine, found=said.found) if said else None


def _knows(model: Model, version_id: int, file_id: int) -> bool:
    version = model.version(version_id)
    return version is not None and any(file.id == file_id for file in version.files)


def _version(model: Model, version_id: int) -> Version:
    version = model.version(version_id)
    if version is None:
        raise NotFound(f"There is no version with id {version_id}.")
    return version


def _change_file(model: Model, version_id: int, file_id: int, now: datetime, **changes: object) -> Change:
    version = _version(model, version_id)
    files = tuple(replace(file, **changes) if file.id == file_id else file for file in version.files)
    return _settle(model.with_version(replace(version, files=files, updated_at=now)), version_id, now)


def _refusal(file: File) -> str:
    first = file.findings[0].message if file.findings else "the scan could not be finished"
    return f"{file.name} is {file.state}: {first}"


def _settle(model: Model, version_id: int, now: datetime) -> Change:
    """Decide what a version has become: one whose publication was asked for, or one that was published."""
    version = _version(model, version_id)
    if version.state == "draft":
        return model, []
    refused = [file for file in version.files if file.state in ("dangerous", "invalid", "failed")]
    if refused:
        reason = "; ".join(_refusal(file) for file in refused)
        return _seen(model, model.with_version(replace(version, state="refused", reason=reason)))
    if version.is_published or any(file.state != "clean" for file in version.files):
        return model, []
    if version.published_at is not None:  # it was published before, and is again what it was then
        return _seen(model, model.with_version(replace(version, state="published", reason=None)))
    first = not model.published_versions
    published = replace(version, state="published", reason=None, published_at=now, updated_at=now)
    model = replace(model.with_version(published), updated_at=now)
    events: list[Payload] = [version_published(model, published)]
    if first:
        events.insert(
            0,
            ModelPublished(
                model_id=model.id, name=model.name, type=model.type, creator_id=model.owner_id, creator=model.owner
            ),
        )
    if model.availability == "Private":  # drawn all the same, but nobody else's business
        events.append(ModelUnpublished(model_id=model.id, reason="made private by its owner"))
    return model, events


def _seen(before: Model, after: Model) -> Change:
    """A change with what it means to those who show the model."""
    if before.is_visible and not after.is_visible:
        return after, [ModelUnpublished(model_id=after.id, reason="withdrawn after a new scan")]
    if after.is_visible and not before.is_visible:
        return after, [ModelRestored(model_id=after.id)]
    return after, []


def version_published(model: Model, version: Version) -> VersionPublished:
    """The event that tells everything a renderer needs."""
    primary = primary_file(version)
    return VersionPublished(
        model_id=model.id,
        version_id=version.id,
        model_name=model.name,
        version_name=version.name,
        type=model.type,
        base_model=version.base_model,
        trained_words=list(version.trained_words),
        creator_id=model.owner_id,
        creator=model.owner,
        base_version_id=version.base_version_id,
        published_at=version.published_at or version.updated_at,
        files=[
            PublishedFile(
                file_id=file.id, name=file.name, type=file.type, format=file.format or "Other",
                size_bytes=file.size_bytes, sha256=file.sha256 or "", hashes=file.hashes, facts=file.facts,
                primary=primary is not None and file.id == primary.id,
            )
            for file in version.public_files
        ],
    )  # fmt: skip
