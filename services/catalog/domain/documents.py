"""The public documents as bytes, made when a model changes so that reading one is reading: no assembly, no encoding.

`model:<id>` and `listed:<id>` are a model as its own address and as lists show it, `version:<id>` a version. Links
begin with `v1.ORIGIN_MARK`, which the gateway replaces; texts of people cannot become it (`text.without_origin`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from services.catalog.domain.delivery import is_open
from services.catalog.domain.files import choose_file
from services.catalog.domain.hashes import findable_hashes
from services.catalog.domain.listing import listed_versions
from services.catalog.domain.model import File, Model, Version
from services.catalog.domain.repos import download_target
from services.catalog.domain.version_facts import availability_of
from services.catalog.domain.wire import Wire
from shared.api.inside import DownloadTarget, Wish
from shared.api.v1 import ORIGIN, ORIGIN_MARK

_ORIGIN = ORIGIN.encode()


class Offer(msgspec.Struct, frozen=True):
    """A public file: what it is chosen by, and where its bytes are."""

    id: int
    type: str
    format: str | None
    size: str | None
    fp: str | None
    quant_type: str | None
    target: DownloadTarget


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document. Some are found by more than their id, or shown to some only."""

    model_id: int
    body: bytes
    levels: int | None = None
    """Of a listed model: all maturity levels of its pictures. Only who may see all of them gets this body."""
    version_id: int | None = None
    published_at: datetime | None = None
    hashes: tuple[str, ...] | None = None
    """Of a version: its public files' hashes, in upper case."""
    offers: bytes | None = None
    """Of a version that everybody may download as it is: its public files for `choose_target`."""


def documents(model: Model, wire: Wire) -> dict[str, Document]:
    """A model's documents by id: none of one that is not visible."""
    if not model.is_visible:
        return {}
    versions = model.published_versions
    levels = 0
    for image in (image for version in versions for image in version.images):
        levels |= wire.image_level(model, image)
    made = {f"model:{model.id}": Document(model_id=model.id, body=encode(wire.model(model, detail=True)))}
    if _is_whole_in_lists(model, wire):
        item = wire.model(model, detail=False)
        made[f"listed:{model.id}"] = Document(model_id=model.id, body=encode(item), levels=levels)
    # One that is unrated, where such are hidden, is shown to moderators alone.
    rated = [version for version in versions if wire.version_level(model, version)]
    return made | {f"version:{version.id}": _version(model, version, wire) for version in rated}


def _is_whole_in_lists(model: Model, wire: Wire) -> bool:
    """Whether lists show all of its versions to everybody; of another one they show each caller something else."""
    listed = listed_versions(model, wire)
    return len(listed) == len(model.published_versions) and all(
        availability_of(model, version) == "Public" for version in listed
    )


def _version(model: Model, version: Version, wire: Wire) -> Document:
    return Document(
        model_id=model.id, version_id=version.id, published_at=version.published_at,
        body=encode(wire.version_detail(model, version)), hashes=public_hashes(version.public_files),
        offers=encode(offers(model, version)) if is_open(model, version) else None,
    )  # fmt: skip


def encode(value: object) -> bytes:
    """JSON, with the mark for the hub's origin."""
    return msgspec.json.encode(value).replace(_ORIGIN, ORIGIN_MARK)


def public_hashes(files: Iterable[File]) -> tuple[str, ...]:
    """All that these files can be found by, in upper case."""
    return tuple(sorted({value for file in files for value in findable_hashes(file)}))


def offers(model: Model, version: Version) -> list[Offer]:
    """The files that a download of a version chooses from."""
    targets = [(file, download_target(model, version, file)) for file in version.public_files]
    return [
        Offer(file.id, file.type, file.format, file.size, file.fp, file.quant_type, target)
        for file, target in targets
        if target is not None
    ]


def choose_target(offered: list[Offer], wish: Wish) -> DownloadTarget | None:
    """The file that a download means; None when there is none or the best contradicts what was asked."""
    chosen = choose_file(offered, wish)
    return chosen.target if chosen is not None else None
