"""Turns the hub's refusals into the errors of `cli.errors`.

Two forms arrive: RFC 9457 `application/problem+json` from the publishing API, and the bodies of the
Civitai-compatible API, where `error` is a text, an object with `message`, or a list of validation issues.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cli.errors import CommandFailed, HubUnavailable, NotAuthorised, NotFound, UsageInvalid

if TYPE_CHECKING:
    import httpx

MAX_TEXT = 300


def failure_of(response: httpx.Response) -> CommandFailed:
    """The error for an answer that is not a success, saying what the hub said."""
    status = response.status_code
    document = _json(response)
    said = _message(document) or _plain_text(response) or response.reason_phrase or "no reason given"
    what = f"{response.request.method} {response.request.url.path}"
    detail = f"{said} ({status} to {what})"
    extra: dict[str, object] = {}
    if isinstance(document, dict):
        if isinstance(document.get("errors"), list):
            extra["errors"] = document["errors"]
        if isinstance(document.get("type"), str) and document["type"] != "about:blank":
            extra["type"] = document["type"]
    kind, hint = _kind_and_hint(status, sent_key="Authorization" in response.request.headers)
    return kind(detail, status=status, hint=hint, extra=extra)


def _kind_and_hint(status: int, *, sent_key: bool) -> tuple[type[CommandFailed], str | None]:
    if status in (401, 403):
        if sent_key:
            return NotAuthorised, "The key in EASEL_TOKEN is not valid or may not do this."
        return (
            NotAuthorised,
            "Set EASEL_TOKEN to an API key of the hub (a hub on this machine: its file .easel/admin.key).",
        )
    if status in (404, 410):
        return NotFound, None
    if status in (400, 413, 422):
        return UsageInvalid, None
    if status in (429, 502, 503, 504):
        return HubUnavailable, "Try again later; `easel doctor` says what is missing on a local hub."
    return CommandFailed, None


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        # Not JSON: a proxy's page; the caller falls back on the text.
        return None


def _plain_text(response: httpx.Response) -> str:
    if "text/plain" not in response.headers.get("Content-Type", ""):
        return ""
    return response.text.strip()[:MAX_TEXT]


def _message(document: Any) -> str:
    """The readable part of an error body; empty if there is none."""
    if isinstance(document, list):
        return "; ".join(filter(None, map(_issue, document)))
    if not isinstance(document, dict):
        return ""
    if "error" in document:
        error = document["error"]
        if isinstance(error, dict):
            return _issues_in(str(error.get("message", "")))
        # On refusals of downloads `message` is the sentence and `error` only a word.
        return str(document.get("message") or error)
    parts = [str(document[key]) for key in ("detail", "message") if document.get(key)] or [
        str(document.get("title", ""))
    ]
    errors = document.get("errors")
    if isinstance(errors, list):
        parts += filter(None, map(_issue, errors))
    return "; ".join(filter(None, parts))


def _issues_in(text: str) -> str:
    """Unpack a text that holds a JSON list of issues, as the compatible API sends it; else the text itself."""
    try:
        issues = json.loads(text)
    except ValueError:
        return text
    return _message(issues) or text


def _issue(issue: Any) -> str:
    if not isinstance(issue, dict):
        return str(issue)
    message = str(issue.get("message", ""))
    field = issue.get("field") or ".".join(str(step) for step in issue.get("path", ()))
    return f"{field}: {message}" if field else message
