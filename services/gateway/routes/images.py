"""`/image/{key}/{options}/{name}`: pictures, by addresses in the form that tools rewrite."""

from __future__ import annotations

import re
from typing import Any

from litestar import Controller, HttpMethod, Request, Response, route

from services.gateway.pictures.gallery import Gallery
from services.gateway.pictures.options import MEDIA_TYPES, Rendition, read_rendition
from services.gateway.pictures.resizer import CannotRender
from services.gateway.request import tags_held
from shared.engines.s3 import NoSuchObject
from shared.problems import NotFound
from shared.telemetry import logger

log = logger(__name__)
_KEY = re.compile(r"[0-9a-f]{64}\.png")
_FOR_GOOD = "public, max-age=31536000, immutable"
_FOR_A_MINUTE = "public, max-age=60"


class Images(Controller):
    """Previews: the original with its embedded recipe, or as small as the options say."""

    path = "/image"
    include_in_schema = False

    @route("/{key:str}/{options:str}/{name:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
    async def image(
        self, request: Request[Any, Any, Any], key: str, options: str, name: str, gallery: Gallery
    ) -> Response[bytes | None]:
        """One picture. Its key is the hash of its bytes, so no address ever shows anything else."""
        if not _KEY.fullmatch(key):
            raise NotFound("There is no such picture.")
        rendition = read_rendition(options, name, request.headers.get("accept", ""))
        etag = f'"{key}-{rendition.name}"' if rendition else f'"{key}"'
        headers = {"cache-control": _FOR_GOOD, "etag": etag, "x-content-type-options": "nosniff"}
        if rendition:
            headers["vary"] = "accept"
        if etag in tags_held(request.headers.get("if-none-match", "")):
            return Response(None, status_code=304, headers=headers)
        try:
            made = await _rendition(gallery, key, rendition, headers) if rendition else None
            data = made if made is not None else await gallery.original(key)
        except NoSuchObject:
            raise NotFound("There is no such picture.") from None
        media_type = MEDIA_TYPES[rendition.format] if rendition and made is not None else MEDIA_TYPES["png"]
        return Response(data, media_type=media_type, headers=headers)


async def _rendition(gallery: Gallery, key: str, rendition: Rendition, headers: dict[str, str]) -> bytes | None:
    """The rendition; None for the original, also where it cannot be made: a picture is better than none."""
    try:
        return await gallery.rendition(key, rendition)
    except CannotRender as error:
        log.warning("picture not rendered", picture=key, rendition=rendition.name, error=str(error))
        headers["cache-control"] = _FOR_A_MINUTE
        del headers["etag"]
        return None
