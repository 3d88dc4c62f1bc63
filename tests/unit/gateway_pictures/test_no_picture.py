"""The picture that stands for a version without any."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

from services.gateway.pictures.gallery import Gallery
from shared.api.v1 import NO_PICTURE
from shared.engines.s3 import Store


async def test_it_needs_no_store_and_its_key_is_the_hash_of_its_bytes(tmp_path: Path) -> None:
    gallery = Gallery(cast("Store", None), folder=tmp_path, max_bytes=1 << 20, workers=1)
    data = await gallery.original(NO_PICTURE)
    assert f"{hashlib.sha256(data).hexdigest()}.png" == NO_PICTURE
    assert data.startswith(b"\x89PNG")
