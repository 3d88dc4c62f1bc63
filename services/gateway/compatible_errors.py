"""Errors of the compatible API: JSON objects with `error`, in the shapes its clients parse."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from services.gateway.query_reader import BadCursor, BadQuery
from shared.errors import to_problem
from shared.problems import TooMany, Unavailable
from shared.telemetry import logger

log = logger(__name__)


def _json(body: object, status: int, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body), status_code=status, media_type="application/json; charset=utf-8",
        headers=headers or {},
    )  # fmt: skip


def bad_query(_request: Request[Any, Any, Any], error: BadQuery) -> Response[bytes]:
    """400, in the shape that the endpoint has for it."""
    return _json(error.body(), 400)


def bad_cursor(_request: Request[Any, Any, Any], error: BadCursor) -> Response[bytes]:
    """400 for a cursor that cannot be gone on from."""
    return _json({"message": f"Invalid cursor: {error.detail}"}, 400)


def no_such_user() -> Response[bytes]:
    """How `/models` answers for a `username` that nobody has."""
    return _json({"message": "User not found"}, 404)


def coded(text: str, code: str, status: int) -> Response[bytes]:
    """The errors of `/images` that are not about its query: they have a code beside the text."""
    return _json({"error": text, "code": code}, status)


def compatible(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Every other error: `{"error": "<text>"}`."""
    problem = to_problem(error)
    headers = dict(problem.headers or {})
    if isinstance(problem, (Unavailable, TooMany)):
        headers["cache-control"] = "no-store"
    elif problem.status_code >= 500:
        log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
        return _json({"message": "An unexpected error occurred", "error": problem.detail}, problem.status_code)
    text = "Unauthorized" if problem.status_code == 401 else problem.detail
    return _json({"error": text}, problem.status_code, headers)


def compatible_handlers() -> ExceptionHandlersMap:
    """For the routers of the compatible API."""
    return {BadQuery: bad_query, BadCursor: bad_cursor, HTTPException: compatible, Exception: compatible}
