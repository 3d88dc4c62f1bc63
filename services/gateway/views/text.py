"""How values read on a page: sizes, counts, dates, names, addresses and user text."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from shared.markdown import as_words, is_cheap

# No img: a picture from elsewhere would tell a third party who reads the page.
ALLOWED_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i",
    "kbd", "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr",
    "u", "ul",
}  # fmt: skip
ALLOWED_ATTRIBUTES = {"a": {"href", "title"}, "abbr": {"title"}, "ol": {"start"}}
ALLOWED_SCHEMES = {"http", "https", "mailto"}

# Raw HTML stays text and pictures stay links: reviews and scan messages are plain Markdown.
_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"]).disable("image")
)

_HEADING = re.compile(r"(</?)h([1-6])>")


class Date(NamedTuple):
    """A moment as a machine reads it (ISO 8601) and as a person does (UTC)."""

    iso: str
    text: str


def human_size(size_bytes: float) -> str:
    """A size in decimal units with three significant digits, as download managers show it.

    >>> human_size(6_938_040_576)
    '6.94 GB'
    """
    size = float(size_bytes)
    if round(size) < 1000:
        return f"{round(size)} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            break
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{digits}f} {unit}"


def human_count(count: int) -> str:
    """A count that stays short on a card: 950, 1.2k, 34k, 1.2M."""
    if count < 1000:
        return str(count)
    value, unit = (count / 1000, "k") if count < 999_500 else (count / 1_000_000, "M")
    text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return text.removesuffix(".0") + unit


def human_date(iso: str | None) -> Date | None:
    """The date of an ISO 8601 time, in UTC; None for a time that is not known."""
    if not iso:
        return None
    moment = datetime.fromisoformat(iso)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return Date(iso, f"{moment.day} {moment:%b %Y}")


def slug(name: str) -> str:
    """A readable, stable piece of an address: lower-case words joined by dashes, any script."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "-", folded).strip("-")[:80].strip("-") or "model"


def origin_of(url: str | None) -> str:
    """Scheme and host of an absolute address; empty for a relative one."""
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""


def _shift_headings(html: str) -> str:
    """Put user headings below the page's own h1 and h2, so that the outline stays true."""
    return _HEADING.sub(lambda match: f"{match[1]}h{min(int(match[2]) + 2, 6)}>", html)


def clean_html(html: str | None) -> Markup:
    """User HTML as safe HTML: allow-listed tags only, links marked as user content."""
    cleaned = nh3.clean(
        html or "",
        tags=ALLOWED_TAGS,
        attributes=ALLOWED_ATTRIBUTES,
        url_schemes=ALLOWED_SCHEMES,
        link_rel="ugc nofollow noopener",
    )
    return Markup(_shift_headings(cleaned).strip())  # noqa: S704 - cleaned by nh3 just above


def markdown(text: str | None) -> Markup:
    """User Markdown as safe HTML; HTML inside it is shown as text."""
    words = text or ""
    return clean_html(_markdown.render(words) if is_cheap(words) else as_words(words))
