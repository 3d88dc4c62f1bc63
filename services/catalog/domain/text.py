"""Descriptions: Markdown in, clean HTML or plain text out."""

from __future__ import annotations

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

from shared.api.v1 import ORIGIN
from shared.markdown import as_words, is_cheap

_TAGS = {
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_ORIGIN = ORIGIN.encode()
_NOT_ORIGIN = _ORIGIN.replace(b"://", b"//")
_markdown = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])


@lru_cache(maxsize=512)
def to_html(markdown: str) -> str:
    """HTML that clients may put into a web view as it is: an allow-list of tags, links marked as users' own."""
    if not markdown.strip():
        return ""
    return nh3.clean(
        _markdown.render(markdown) if is_cheap(markdown) else as_words(markdown),
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="ugc nofollow noopener",
    ).strip()


def to_plain(markdown: str, limit: int) -> str:
    """The words alone, cut at `limit` characters."""
    return " ".join(nh3.clean(to_html(markdown), tags=set()).split())[:limit]


def without_origin(document: bytes) -> bytes:
    """Encoded texts of people in which nothing reads like the place of the hub's origin (`v1.ORIGIN`)."""
    return document.replace(_ORIGIN, _NOT_ORIGIN) if _ORIGIN in document else document
