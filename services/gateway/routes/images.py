"""`/image/{key}/{options}/{name}`: pictures, by addresses in the form that tools rewrite."""

from __future__ import annotations

import re

from litestar import Controller, HttpMethod, Response, route

from shared.engines.s3 import NoSuchObject, Store
from shared.problems import NotFound

_KEY = re.compile(r"[0-9a-f]{64}\.png")


class Images(Controller):
    """Previews. Any options are accepted and the original is served; its embedded recipe must survive."""

    path = "/image"
    include_in_schema = False

    @route("/{key:str}/{options:str}/{name:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
    async def image(self, key: str, options: str, name: str, store: Store) -> Response[bytes]:
        """One picture. Its key is the hash of its bytes, so it never changes."""
        if not _KEY.fullmatch(key):
            raise NotFound("There is no such picture.")
        try:
            data = b"".join([block async for block in store.read(store.images, key)])
        except NoSuchObject:
            raise NotFound("There is no such picture.") from None
        headers = {
            "cache-control": "public, max-age=31536000, immutable",
            "etag": f'"{key}"',
            "x-content-type-options": "nosniff",
        }
        return Response(data, media_type="image/png", headers=headers)
