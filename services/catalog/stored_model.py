"""A model as a document of MongoDB, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.catalog.domain.documents import public_hashes
from services.catalog.domain.model import Model
from services.catalog.domain.text import without_origin


def to_document(model: Model) -> dict[str, Any]:
    """The model as MongoDB keeps it, with the fields that it is looked up by."""
    document: dict[str, Any] = msgspec.to_builtins(model, builtin_types=(datetime,))
    document["_id"] = document.pop("id")
    visible = model.is_visible
    document["visible"] = visible
    document["last_version_at"] = max((v.published_at for v in model.versions if v.published_at), default=None)
    files = [file for version in model.published_versions for file in version.public_files] if visible else []
    document["hashes"] = list(public_hashes(files))
    return document


def without_origin_marks(model: Model) -> Model:
    """The model without texts that would read like one of the hub's own links."""
    encoded = msgspec.json.encode(model)
    changed = without_origin(encoded)
    return model if changed is encoded else msgspec.json.decode(changed, type=Model)


def to_model(document: dict[str, Any]) -> Model:
    """The model in a document."""
    return msgspec.convert({"id": document["_id"], **document}, Model)
