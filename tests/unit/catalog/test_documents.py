"""The shapes of kept documents and the number of their layout change together."""

from __future__ import annotations

import hashlib

import msgspec

from services.catalog import projections
from services.catalog.domain.documents import documents
from services.catalog.domain.wire import Wire
from tests.unit.catalog.models import file, image, model, published

KNOWN = {4: "240e5dec264c156c"}
"""The digest of a model's documents by the layout that they were first made with."""


def test_documents_of_another_shape_have_another_layout() -> None:
    pictures = (image(1), image(2, level=4))
    files = (file(1, size="pruned", fp="fp16"), file(2, format="PickleTensor", imports=("a b",)))
    sample = model(1, published(10, *files, images=pictures), published(11), tags=("sea",), description="*Sea*")
    digest = hashlib.sha256(msgspec.msgpack.encode(documents(sample, Wire()))).hexdigest()[:16]
    layout = projections._LAYOUT
    assert KNOWN.get(layout) == digest, (
        f"the documents have changed: raise _LAYOUT in services/catalog/projections.py, so that those that hubs "
        f"keep are made again, and note {digest!r} here as that of the new layout"
    )
