"""Pictures as rows of their own: what `/images` is answered from, without opening a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from services.catalog.domain.model import Image, Model, Version
from services.catalog.domain.version_facts import availability_of
from services.catalog.domain.wire import Wire
from shared.api import v1
from shared.clock import wire_time

MetaShape = Literal["none", "flat", "wrapped"]


class ImageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One public picture. `level` is one bit; the picture is shown as a post whose id is its version's."""

    id: int
    model_id: int
    version_id: int
    user_id: int
    username: str
    base_model: str
    level: int
    created_at: datetime
    published_at: datetime
    key: str
    width: int
    height: int
    blurhash: str
    meta: dict[str, Any]
    version_ids: tuple[int, ...]
    tags: tuple[str, ...]
    is_listed: bool = True
    """Whether everybody may come across it; else it is for those who know the model's address."""


def image_rows(model: Model, wire: Wire) -> dict[int, ImageRow]:
    """The rows of a model's public pictures by id: none of a model that is not visible."""
    if not model.is_visible:
        return {}
    shown = [(version, image) for version in model.published_versions for image in version.images]
    return {image.id: _row(model, version, image, wire.image_level(model, image)) for version, image in shown}


def _row(model: Model, version: Version, image: Image, level: int) -> ImageRow:
    assert version.published_at is not None
    return ImageRow(
        id=image.id, model_id=model.id, version_id=version.id, user_id=model.owner_id, username=model.owner,
        base_model=version.base_model, level=level, created_at=image.created_at, published_at=version.published_at,
        key=image.key, width=image.width, height=image.height, blurhash=image.blurhash, meta=image.meta,
        version_ids=resources_of(version.id, image.meta), tags=model.tags,
        is_listed=not model.poi and availability_of(model, version) != "Unsearchable",
    )  # fmt: skip


def resources_of(version_id: int, meta: Mapping[str, Any]) -> tuple[int, ...]:
    """The versions that a picture was made with: the one it belongs to, then those that its recipe names."""
    named = meta.get("civitaiResources")
    resources = named if isinstance(named, list) else []
    found = [entry.get("modelVersionId") for entry in resources if isinstance(entry, dict)]
    return tuple(dict.fromkeys([version_id, *(value for value in found if type(value) is int)]))


def image_item(row: ImageRow, shape: MetaShape, tag_ids: Mapping[str, int] | None) -> v1.ImageItem:
    """A row as `/images` shows it; with its tags if their numbers are given."""
    meta: dict[str, Any] | None = (row.meta or None) if shape != "none" else None
    if shape == "wrapped":
        meta = {"id": row.id, "meta": meta}
    tags = None if tag_ids is None else [v1.ImageTag(id=tag_ids[tag], name=tag) for tag in row.tags if tag in tag_ids]
    name = v1.LEVEL_NAMES[row.level]
    return v1.ImageItem(
        id=row.id, url=f"{v1.ORIGIN}/image/{row.key}/original=true/{row.key}", hash=row.blurhash, width=row.width,
        height=row.height, nsfw_level=name, nsfw=name != "None", browsing_level=row.level,
        created_at=wire_time(row.created_at), post_id=row.version_id, meta=meta, username=row.username,
        base_model=row.base_model, model_version_ids=list(row.version_ids),
        tags=msgspec.UNSET if tags is None else tags,
    )  # fmt: skip
