"""What lists show of a model: which of its versions, pictures and files."""

from __future__ import annotations

import msgspec

from services.catalog.domain import base_models
from services.catalog.domain.maturity import is_marked_mature
from services.catalog.domain.model import Model, Version
from services.catalog.domain.version_facts import availability_of
from services.catalog.domain.wire import Wire
from shared.api import v1
from shared.api.hub import FilePreferences


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows: pictures of which levels, which versions, which files.

    `availabilities` are those that versions may have (any, if none is named). `saved` are the caller's preferences:
    they decide which file of a version is primary, which with `primary_only` is the only one.
    """

    levels: int = v1.LEVEL_ALL
    base_models: tuple[str, ...] = ()
    version_ids: tuple[int, ...] = ()
    availabilities: tuple[str, ...] = ()
    only_generating: bool = False
    primary_only: bool = False
    saved: FilePreferences = FilePreferences()

    @property
    def is_everything(self) -> bool:
        """Whether it leaves nothing out but pictures, of a model whose versions are all public."""
        return (
            not (self.base_models or self.version_ids or self.only_generating or self.primary_only)
            and self.saved == FilePreferences() and (not self.availabilities or "Public" in self.availabilities)
        )  # fmt: skip


def listed_versions(model: Model, wire: Wire) -> tuple[Version, ...]:
    """The versions that lists may show: without mature ones whose base model's licence forbids such."""
    if not model.is_visible:
        return ()
    return tuple(
        version
        for version in model.published_versions
        if not (
            base_models.is_restricted(version.base_model) and wire.version_level(model, version) & v1.LEVEL_MATURE_MASK
        )
    )


def list_item(model: Model, shown: Shown, wire: Wire) -> v1.Model | None:
    """The model as a list shows it; None if none of its versions is what was asked for."""
    versions = [version for version in listed_versions(model, wire) if _is_wanted(model, version, shown)]
    if not versions:
        return None
    item = wire.model(model, detail=False, levels=shown.levels, versions=versions, saved=shown.saved)
    if not shown.primary_only:
        return item
    trimmed = [msgspec.structs.replace(version, files=version.files[:1]) for version in item.model_versions]
    return msgspec.structs.replace(item, model_versions=trimmed)


def list_unlisted(model: Model, shown: Shown, wire: Wire) -> v1.Model:
    """A model that may be anybody's private one or a draft, for those who may see it: with all of its versions."""
    versions = [version for version in reversed(model.versions) if _is_wanted(model, version, shown)]
    return wire.model(model, detail=False, levels=shown.levels, versions=versions, saved=shown.saved)


def is_for_everybody(model: Model, levels: int, wire: Wire) -> bool:
    """Whether plain browsing with these levels shows the model at all."""
    is_calm = not (model.archived or model.poi or (is_marked_mature(model) and levels == v1.LEVEL_PG))
    shows_minors = model.minor and levels & v1.LEVEL_MATURE_MASK
    return is_calm and not shows_minors and wire.model_level(model) & levels != 0


def _is_wanted(model: Model, version: Version, shown: Shown) -> bool:
    return (
        (not shown.base_models or version.base_model.casefold() in {name.casefold() for name in shown.base_models})
        and (not shown.version_ids or version.id in shown.version_ids)
        and (not shown.availabilities or availability_of(model, version) in shown.availabilities)
        and (not shown.only_generating or version.can_generate)
    )
