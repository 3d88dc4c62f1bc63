"""What search is told of a model: the whole document, or that it must not be found any more."""

from __future__ import annotations

from functools import reduce
from operator import or_

from services.catalog.domain.files import download_name
from services.catalog.domain.listing import listed_versions
from services.catalog.domain.maturity import is_marked_mature
from services.catalog.domain.model import Model
from services.catalog.domain.text import to_plain
from services.catalog.domain.version_facts import availability_of
from services.catalog.domain.wire import Wire
from shared.events.models import ModelState, ModelStateRemoved, SearchDocument

_SUMMARY_CHARACTERS = 2_000


def state_event(before: Model | None, after: Model, wire: Wire) -> ModelState | ModelStateRemoved | None:
    """The event that brings search up to date with a change; None when neither state is searchable."""
    if listed_versions(after, wire):
        return ModelState(model_id=after.id, seq=after.seq, document=search_document(after, wire))
    if before is not None and before.is_visible:
        return ModelStateRemoved(model_id=after.id, seq=after.seq)
    return None


def search_document(model: Model, wire: Wire) -> SearchDocument:
    """The searchable document of a model that lists may show."""
    versions = listed_versions(model, wire)
    gates = [version.early_access_until for version in versions if version.early_access_until is not None]
    files = [(version, file) for version in versions for file in version.public_files]
    times = [version.published_at for version in versions if version.published_at is not None]
    names = [name for version, file in files for name in (file.name, download_name(model, version, file))]
    return SearchDocument(
        name=model.name,
        type=model.type,
        creator=model.owner,
        base_models=list(dict.fromkeys(version.base_model for version in versions)),
        tags=list(model.tags),
        trigger_words=list(dict.fromkeys(word for version in versions for word in version.trained_words)),
        file_names=list(dict.fromkeys(names)),
        hashes=list(dict.fromkeys(value.lower() for _, file in files for value in file.hashes.values())),
        version_ids=[version.id for version in versions],
        version_names=list(dict.fromkeys(version.name for version in versions)),
        summary=to_plain(model.description, _SUMMARY_CHARACTERS),
        file_formats=list(dict.fromkeys(file.format for _, file in files if file.format)),
        precisions=list(dict.fromkeys(name for _, file in files if (name := file.quant_type or file.fp))),
        checkpoint_type=model.checkpoint_kind,
        nsfw_level=reduce(or_, (wire.version_level(model, version) for version in versions)),
        nsfw=is_marked_mature(model),
        availabilities=sorted({availability_of(model, version) for version in versions}),
        archived=model.archived,
        poi=model.poi,
        minor=model.minor,
        supports_generation=any(version.can_generate for version in versions),
        commercial_uses=list(model.allow_commercial_use) or ["None"],
        early_access_until=max(gates, default=None),
        downloads=sum(version.counters.downloads for version in versions),
        thumbs_up=sum(version.counters.thumbs_up for version in versions),
        thumbs_down=sum(version.counters.thumbs_down for version in versions),
        comments=model.comments,
        collected=model.collected,
        images=sum(len(version.images) for version in versions),
        size_bytes=sum(file.size_bytes for _, file in files),
        published_at=min(times),
        last_version_at=max(times),
    )
