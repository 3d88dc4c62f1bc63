"""Descriptions become HTML that is safe in any web view, and plain words for search."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.text import to_html, to_plain

TAG = re.compile(r"<\s*/?\s*([a-zA-Z][a-zA-Z0-9]*)([^>]*)>")
ALLOWED = {
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("", ""),
        ("  \n ", ""),
        ("plain", "<p>plain</p>"),
        ("**bold** and `code`", "<p><strong>bold</strong> and <code>code</code></p>"),
        ("~~old~~", "<p><s>old</s></p>"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        (
            "[site](https://example.org/x)",
            '<p><a href="https://example.org/x" rel="ugc nofollow noopener">site</a></p>',
        ),
    ],
)
def test_markdown_becomes_html(markdown: str, html: str) -> None:
    assert to_html(markdown) == html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<ScRiPt src=//x></sCrIpT>",
        "<img src=x onerror=alert(1)>",
        "![x](https://tracker.example/x.png)",
        "<svg/onload=alert(1)>",
        "<iframe src='https://x'></iframe>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="vbscript:x" onclick="alert(1)">x</a>',
        "<p style='position:fixed' class='x' id='y'>x</p>",
        "<style>body{display:none}</style>",
        "<form action='//x'><input name=password></form>",
        "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
        "<object data='x'></object><embed src='x'>",
        "<base href='//x'>",
        "<!-- <script> -->",
    ],
)
def test_nothing_that_can_act_is_left(hostile: str) -> None:
    assert_harmless(to_html(f"before {hostile} after"))
    assert_harmless(to_html(hostile))


def assert_harmless(html: str) -> None:
    for name, attributes in TAG.findall(html):
        assert name in ALLOWED, html
        assert set(re.findall(r"([a-zA-Z-]+)\s*=", re.sub(r'"[^"]*"', '""', attributes))) <= {"href", "title", "rel"}
    for address in re.findall(r'href="([^"]*)"', html):
        assert re.match(r"(https?:|mailto:|[^:]*$)", address), html
    assert "<!--" not in html


@given(st.text(st.sampled_from("<>/\"'=()[]!`*_&;:#-| \nabcjscriptonerhflmg"), max_size=80))
def test_any_text_gives_only_allowed_html(markdown: str) -> None:
    assert_harmless(to_html(markdown))


@given(st.text(max_size=200), st.integers(0, 50))
def test_plain_text_is_never_longer_than_asked_for(markdown: str, limit: int) -> None:
    assert len(to_plain(markdown, limit)) <= limit


def test_plain_text_has_the_words_without_the_marks() -> None:
    assert to_plain("# Title\n\nSome **bold**\n\n- one\n- two", 100) == "Title Some bold one two"
