"""Contracts: for machines AsyncAPI (OpenAPI is served by the framework), for people the reference of the HTTP API."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from litestar import Litestar, Response, get

from services.gateway.page_answers import AnyRequest, frame_of, html
from services.gateway.rendering import render
from services.gateway.views.api_reference import ReferenceView, reference_view
from shared.events.asyncapi import asyncapi_document


@get("/asyncapi.json", include_in_schema=False, sync_to_thread=False)
def asyncapi() -> Response[bytes]:
    """Topics, events and their shapes (AsyncAPI 3.0): outside readers are first-class."""
    return Response(msgspec.json.encode(asyncapi_document()), media_type="application/json")


@get("/docs/api", sync_to_thread=False)
def api_reference(request: AnyRequest) -> Response[str]:
    """Every address of the API, its parameters, bodies and answers, from the OpenAPI document itself."""
    return html(render("api_reference.html.jinja", frame_of(request), view=_view(request.app)))


@lru_cache(maxsize=1)
def _view(app: Litestar) -> ReferenceView:
    return reference_view(app.openapi_schema.to_schema())
