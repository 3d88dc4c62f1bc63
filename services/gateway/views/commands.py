"""Lines for a terminal that do what a page cannot: pull, review and report, by command or by API."""

import shlex
from typing import NamedTuple

import msgspec

from services.gateway.views.wire import Model, Version

_OPINION = "What worked for you"
_REASON = "mislabelled"


class Commands(NamedTuple):
    """The same act twice: by the hub's own command, and by its API."""

    cli: str
    api: str


def _post(url: str, body: dict[str, object]) -> str:
    """A line that sends JSON with the caller's key, quoted for a POSIX shell."""
    data = shlex.quote(msgspec.json.encode(body).decode())
    headers = '-H "Authorization: Bearer $EASEL_TOKEN" -H "Content-Type: application/json"'
    return f"curl {shlex.quote(url)} {headers} -d {data}"


def pull_command(model: Model, version: Version) -> str:
    """The command that fetches this version."""
    is_latest = version.id == model.model_versions[0].id
    return f"easel pull {model.id}" if is_latest else f"easel pull --version {version.id}"


def review_commands(version: Version, origin: str) -> Commands:
    """How to review a version; `origin` is the hub's scheme and host."""
    url = f"{origin}/api/hub/versions/{version.id}/reviews"
    return Commands(
        cli=f"easel review {version.id} --up {shlex.quote(_OPINION)}",
        api=_post(url, {"recommended": True, "text": _OPINION}),
    )


def report_commands(model: Model, origin: str) -> Commands:
    """How to tell the moderators about a model; `origin` is the hub's scheme and host."""
    body = {"subjectType": "model", "subjectId": model.id, "reason": _REASON}
    return Commands(
        cli=f"easel report {model.id} --reason {shlex.quote(_REASON)}",
        api=_post(f"{origin}/api/hub/reports", body),
    )
