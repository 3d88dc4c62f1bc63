"""Refusals of a download, in the bodies and redirects that clients of the compatible API act on."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import MediaType, Request, Response

from shared.api.inside import DOWNLOADS_DISABLED, EARLY_ACCESS, LOGIN_NEEDED
from shared.problems import PROBLEM_TYPES, Forbidden, Gone, NotFound, Problem

_BROWSERS = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")
_JSON = "application/json; charset=utf-8"
_EARLY_ACCESS_TEXT = "This asset is in early access until {deadline}; ask its creator to let you have it before."
REFUSED = (NotFound, Gone, Forbidden)


def is_browser(request: Request[Any, Any, Any]) -> bool:
    """Whether people see the answer: then a refusal is a text or leads to a page."""
    agent = request.headers.get("user-agent", "").lower()
    return any(name in agent for name in _BROWSERS)


def refusal(problem: Problem, version_id: str, *, to_browser: bool, origin: str) -> Response[bytes]:
    """The answer to somebody who may not download."""
    slug = str(problem.type_).removeprefix(PROBLEM_TYPES)
    if slug == DOWNLOADS_DISABLED:
        return _json(401, {"error": "Unauthorized", "message": problem.detail})
    if slug == LOGIN_NEEDED:
        if to_browser:
            back = quote(f"/model-versions/{version_id}", safe="")
            return _lead(f"{origin}/login?returnUrl={back}&reason=download-auth")
        return _json(401, {"error": "Unauthorized", "message": problem.detail})
    if slug == EARLY_ACCESS:
        if to_browser:
            return _lead(f"{origin}/model-versions/{version_id}")
        text = _EARLY_ACCESS_TEXT.format(deadline=problem.detail)
        return _json(403, {"error": "Early Access", "deadline": problem.detail, "message": text})
    text = "File not found" if isinstance(problem, NotFound) else problem.detail
    if to_browser:
        return Response(
            text.encode(), status_code=problem.status_code, media_type=MediaType.TEXT,
            headers={**_headers(), **(problem.headers or {})},
        )  # fmt: skip
    return _json(problem.status_code, {"error": text}, **(problem.headers or {}))


def _headers() -> dict[str, str]:
    return {"cache-control": "no-store, max-age=0"}


def _json(status: int, body: dict[str, str], **headers: str) -> Response[bytes]:
    return Response(msgspec.json.encode(body), status_code=status, media_type=_JSON, headers={**_headers(), **headers})


def _lead(address: str) -> Response[bytes]:
    """The address is in the body too: a client looks for it there."""
    headers = {"location": address, **_headers()}
    return Response(address.encode(), status_code=307, media_type=MediaType.TEXT, headers=headers)
