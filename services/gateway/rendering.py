"""Templates, static files, and the frame that every page has around its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

Theme = Literal["system", "light", "dark"]

THEME_COOKIE = "easel-theme"
"""Name of the cookie that holds the visitor's theme; the page's own script writes it."""

STATIC_DIRECTORY = Path(__file__).parent / "static"
"""What is served under `/static/`; the addresses carry a content hash, so cache them for a year."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Header for every page. Where pictures come from the store's own address, add it to `img-src`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """Who looks at a page, and in which colours.

    `csrf_token` goes into every form; `path` is where signing in leads back to.
    """

    theme: Theme = "system"
    viewer: str | None = None
    csrf_token: str = ""
    path: str = "/"


@cache
def _asset(name: str) -> str:
    """The address of a static file with its content hash, so that it can be cached for ever."""
    digest = hashlib.sha256((STATIC_DIRECTORY / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = _asset
    return environment


def render(template: str, frame: Frame | None = None, **values: Any) -> str:
    """A template with its values; `query` is what the search field shows."""
    values.setdefault("query", "")
    return _environment().get_template(template).render(frame=frame or Frame(), **values)


def read_theme(cookie: str | None) -> Theme:
    """The theme of the cookie `easel-theme`; anything else follows the visitor's system."""
    if cookie == "light":
        return "light"
    return "dark" if cookie == "dark" else "system"
