"""No text costs more than a moment, whoever wrote it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from services.catalog.domain.text import to_html
from services.gateway.views.text import markdown
from shared.markdown import is_cheap

COSTLY = (
    "*a ",
    "_a_",
    "[",
    "![",
    "**a",
    "~~a",
    "[a](b",
    "a|b\n-|-\n",
    "*_",
    "[[](",
    "<![CDATA[",
    "`",
    "`a``",
    "|a",
    "<",
    "- ",
)


@pytest.mark.parametrize("render", [to_html, markdown])
@pytest.mark.parametrize("piece", COSTLY)
def test_a_hundred_thousand_characters_of_one_kind(render: Callable[[str], str], piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    began = time.process_time()
    shown = str(render(text))
    assert time.process_time() - began < 3.0, "it was 14 s"
    assert "<script" not in shown


@pytest.mark.parametrize("mark", ["![", "*a ", "[[]("])
def test_the_most_that_is_parsed_takes_a_moment(mark: str) -> None:
    text = mark * 2_990
    while not is_cheap(text):
        text = text[: len(text) // 2]
    began = time.process_time()
    markdown(text)
    assert time.process_time() - began < 0.5


def test_what_is_too_costly_is_shown_as_it_was_written() -> None:
    text = "<b>bold</b> [" + "*" * 4_000
    assert to_html(text) == f"<p>&lt;b&gt;bold&lt;/b&gt; [{'*' * 4_000}</p>"
    assert str(markdown(text)) == to_html(text)


def test_what_people_write_in_earnest_is_cheap() -> None:
    assert is_cheap("# Title\n\n" + "A *word* and a [link](https://example.org), `code`.\n\n" * 1_000)
