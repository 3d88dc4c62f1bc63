"""Machine-readable contracts: OpenAPI is served by the framework, AsyncAPI here."""

from __future__ import annotations

import msgspec
from litestar import Response, get

from shared.events.asyncapi import asyncapi_document


@get("/asyncapi.json", include_in_schema=False, sync_to_thread=False)
def asyncapi() -> Response[bytes]:
    """Topics, events and their shapes (AsyncAPI 3.0): outside readers are first-class."""
    return Response(msgspec.json.encode(asyncapi_document()), media_type="application/json")
