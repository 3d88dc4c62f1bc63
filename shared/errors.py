"""The one mapping from exceptions to answers: our problems, the framework's, the engines'."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ExceptionHandlersMap

from shared.engines.mongo import PyMongoError, is_outage
from shared.engines.store_errors import StoreDown
from shared.json_body import explain
from shared.problems import BY_STATUS, PROBLEM_TYPES, FieldError, Invalid, Problem, TooLarge, Unavailable
from shared.telemetry import correlation_id, logger

log = logger(__name__)
MEDIA_TYPE = "application/problem+json"


def _body(problem: Problem) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": problem.type_,
        "title": problem.title,
        "status": problem.status_code,
        "detail": problem.detail,
        "correlationId": correlation_id(),
    }
    return body | (problem.extra if isinstance(problem.extra, dict) else {})


def to_problem(error: Exception) -> Problem:
    """The problem that tells a caller of this exception."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationException):
        return _from_validation(error)
    if isinstance(error, RequestEntityTooLarge):
        return TooLarge("The body of the request is too large: 10 MB at most, and files in parts.")
    if isinstance(error, HTTPException):
        kind = BY_STATUS.get(error.status_code)
        if kind is not None:
            return kind(error.detail or error.__class__.__name__)
        problem = Problem(error.detail or error.__class__.__name__, slug=f"http-{error.status_code}")
        problem.status_code = error.status_code
        problem.headers = error.headers  # of a 405: which methods there are
        problem.title = error.__class__.__name__.removesuffix("Exception")
        return problem
    if isinstance(error, PyMongoError) and is_outage(error):
        return Unavailable(
            "The database is not reachable at the moment. Nothing was changed; try again in a few seconds."
        )
    if isinstance(error, StoreDown):
        return Unavailable(
            "The file store is not reachable at the moment. Nothing was lost; try again in a few seconds."
        )
    if isinstance(error, OverflowError):
        return Invalid("A number in the request is too large: ids are at most 2147483647.")
    return Problem("Something failed inside the hub. The correlation id finds it in the logs.")


def _from_validation(error: ValidationException) -> Invalid:
    """Litestar says which parameter; msgspec says what is wrong with it."""
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [_wrong_parameter(item) for item in extra if isinstance(item, dict)]
    detail = "; ".join(f"{e.field}: {e.message}" for e in errors) or error.detail
    return Invalid(detail, errors=errors or None)


def _wrong_parameter(item: dict[str, Any]) -> FieldError:
    """Names of query parameters are camel case outside; a missing body comes as the parameter that it was for."""
    name, source, text = str(item.get("key") or ""), item.get("source"), str(item.get("message", ""))
    if name == "data" or source == "body":
        return FieldError("body", "is missing; send a JSON object" if text == "'data'" else explain(text).message)
    first, *others = name.split("_")
    return explain(text, field=first + "".join(map(str.capitalize, others)) if source == "query" else name)


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The response for an exception; unexpected ones are logged with their traceback."""
    problem = to_problem(error)
    if problem.status_code >= 500 and not isinstance(problem, Unavailable):
        log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
    elif isinstance(problem, Unavailable):
        log.warning("unavailable", method=request.method, path=request.url.path, error=repr(error))
    return Response(
        msgspec.json.encode(_body(problem)),
        status_code=problem.status_code,
        headers=problem.headers or {},
        media_type=MEDIA_TYPE,
    )


def exception_handlers() -> ExceptionHandlersMap:
    """For `Litestar(exception_handlers=…)`."""
    return {Exception: answer, HTTPException: answer}


__all__ = ["MEDIA_TYPE", "PROBLEM_TYPES", "answer", "exception_handlers", "to_problem"]
