import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.views.text import clean_html, human_count, human_date, human_size, markdown, origin_of, slug


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (834_946, "835 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (10_357_254, "10.4 MB"),
        (6_938_040_576, "6.94 GB"),
        (2_500_000_000_000_000, "2500 TB"),
    ],
)
def test_sizes_have_three_digits_and_the_right_unit(size_bytes: int, text: str) -> None:
    assert human_size(size_bytes) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1290, "1.3k"), (34_400, "34k"), (999_499, "999k"), (1_200_000, "1.2M")],
)
def test_counts_stay_short(count: int, text: str) -> None:
    assert human_count(count) == text


def test_date_is_shown_in_utc() -> None:
    date = human_date("2026-02-11T23:30:00.000-02:00")
    assert date is not None
    assert date.text == "12 Feb 2026"
    assert date.iso == "2026-02-11T23:30:00.000-02:00"


def test_unknown_date_is_none() -> None:
    assert human_date(None) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Harbour Mix – v2!", "harbour-mix-v2"),
        ("尖子生 Style", "尖子生-style"),
        ("a_b", "a-b"),
        ("***", "model"),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_slug_is_words_joined_by_dashes(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.text())
def test_slug_is_one_safe_path_segment(name: str) -> None:
    made = slug(name)
    assert 0 < len(made) <= 80
    assert not re.search(r"[\s/?#%&\"'<>]", made)


def test_origin_keeps_the_port() -> None:
    assert origin_of("http://hub.example:8000/api/download/models/12") == "http://hub.example:8000"
    assert origin_of("/api/download/models/12") == ""
    assert origin_of(None) == ""


@pytest.mark.parametrize(
    ("html", "forbidden"),
    [
        ("<script>alert(1)</script>", "script"),
        ("<img src=x onerror=alert(1)>", "img"),
        ('<p onclick="x()" style="color:red" class="button">a</p>', "onclick"),
        ('<a href="javascript:alert(1)">a</a>', "javascript"),
        ("<iframe src=//evil.example></iframe>", "iframe"),
        ('<svg><a xlink:href="javascript:x"></a></svg>', "svg"),
        ("<style>*{display:none}</style>", "style"),
    ],
)
def test_dangerous_html_does_not_pass(html: str, forbidden: str) -> None:
    assert forbidden not in clean_html(html)


def test_links_are_marked_as_user_content() -> None:
    assert 'rel="ugc nofollow noopener"' in clean_html('<a href="https://example.org">a</a>')


def test_user_headings_go_below_the_headings_of_the_page() -> None:
    assert clean_html("<h1>a</h1><h2>b</h2><h6>c</h6>") == "<h3>a</h3><h4>b</h4><h6>c</h6>"


def test_markdown_is_rendered_and_its_html_is_text() -> None:
    html = markdown("**bold** <b>raw</b>\n\n```\ncollections.OrderedDict\n```")
    assert "<strong>bold</strong>" in html
    assert "&lt;b&gt;raw&lt;/b&gt;" in html
    assert "<pre><code>collections.OrderedDict" in html


def test_markdown_picture_makes_no_request() -> None:
    assert "<img" not in markdown("![x](https://evil.example/track.png)")
