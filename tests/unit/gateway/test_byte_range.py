"""The `Range` header against a slower, simpler reading of the RFC."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.byte_range import Span, Unsatisfiable, parse_range

SIZES = st.integers(0, 60)
PLACES = st.none() | st.integers(0, 80)


def oracle(first: int | None, last: int | None, size: int) -> list[int] | str | None:
    """The bytes asked for, one by one; None for all of them, "unsatisfiable" for none."""
    every = list(range(size))
    if first is None and last is None:
        return None
    if first is not None and last is not None and last < first:
        return None
    if first is None:
        chosen = every[len(every) - min(last or 0, len(every)) :]
    else:
        chosen = [place for place in every if place >= first and (last is None or place <= last)]
    return chosen or "unsatisfiable"


@given(PLACES, PLACES, SIZES)
def test_a_range_is_the_bytes_that_the_rfc_means(first: int | None, last: int | None, size: int) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    expected = oracle(first, last, size)
    if expected == "unsatisfiable":
        with pytest.raises(Unsatisfiable):
            parse_range(header, size)
        return
    span = parse_range(header, size)
    found = None if span is None else list(range(span.start, span.end + 1))
    assert found == expected
    assert span is None or span.length == len(expected or [])


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "items=0-1", "bytes=0-1,3-4", "bytes=-1-2",
     "bytes=0x1-2", "bytes=0-1;q=1", "bytes=" + "9" * 30 + "-", "bytes=٣-٤"],
)  # fmt: skip
def test_what_is_no_single_range_is_ignored_as_the_rfc_allows(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=2-4", " bytes = 2 - 4 ", "bytes=2-4 ", "Bytes=2-4"])
def test_blanks_and_case_do_not_matter(header: str) -> None:
    assert parse_range(header, 10) == Span(2, 4)


@given(st.text(max_size=30), SIZES)
def test_any_header_gives_a_span_inside_the_file_or_none(header: str, size: int) -> None:
    try:
        span = parse_range(header, size)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span.start <= span.end < size


def test_ranges_of_files_larger_than_four_gibibytes() -> None:
    size = 100 << 30
    assert parse_range(f"bytes={size - 1}-", size) == Span(size - 1, size - 1)
    assert parse_range("bytes=-1", size) == Span(size - 1, size - 1)
    with pytest.raises(Unsatisfiable):
        parse_range(f"bytes={size}-", size)
