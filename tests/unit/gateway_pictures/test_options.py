"""What the options in a picture's address mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.pictures.options import MEDIA_TYPES, Rendition, read_rendition

BROWSER = "image/avif,image/webp,image/apng,*/*;q=0.8"


def read(options: str, name: str = "7.png", accept: str = "*/*") -> Rendition | None:
    return read_rendition(options, name, accept)


@pytest.mark.parametrize(
    ("asked", "width"),
    [(1, 96), (96, 96), (97, 320), (450, 450), (451, 512), (600, 800), (1200, 1200), (1601, 1800), (9999, 1800)],
)
def test_a_width_is_rounded_up_to_a_listed_one_and_capped(asked: int, width: int) -> None:
    found = read(f"width={asked}")
    assert found is not None
    assert (found.width, found.height) == (width, None)


@pytest.mark.parametrize(("asked", "height"), [(1, 50), (300, 300), (301, 350), (5000, 1000)])
def test_a_height_is_rounded_up_and_capped(asked: int, height: int) -> None:
    found = read(f"height={asked}")
    assert found is not None
    assert (found.width, found.height) == (None, height)


@pytest.mark.parametrize(
    "options",
    [
        "original=true", "original=true,width=450", "width=450,original=true,optimized=true", "anim=false",
        "transcode=true", "unknown=1,foo", "", "width=0", "width=", "width=abc", "width=-5", "quality=50", "fit=cover",
        "metadata=keep", "gravity=auto,background=red", "original=true,blur=100",
    ],
)  # fmt: skip
def test_what_asks_for_no_change_is_the_original(options: str) -> None:
    assert read(options) is None
    assert read(options, accept=BROWSER) is None


def test_order_case_unknown_options_and_the_ones_for_videos_change_nothing() -> None:
    plain = read("width=450,height=300,fit=cover")
    assert plain is not None
    for written in (
        "fit=cover,height=300,width=450",
        "anim=false,transcode=true,width=450,height=300,original=false,fit=cover,skip=1",
        "WIDTH=450, height=300 ,Fit=Cover,,=,zoom=9",
    ):
        assert read(written) == plain


def test_small_and_optimized_pictures_are_webp_for_those_who_take_it() -> None:
    def format_of(options: str, name: str = "7.png", accept: str = BROWSER) -> str:
        found = read(options, name, accept)
        assert found is not None
        return found.format

    assert format_of("width=450") == "webp"
    assert format_of("width=512") == "png"
    assert format_of("width=1200,optimized=true") == "webp"
    assert format_of("optimized=true") == "webp"
    assert format_of("width=450", accept="*/*") == "png"
    assert format_of("width=450", accept="*/*", name="7.jpeg") == "jpeg"
    assert format_of("width=800", accept="*/*", name="7.webp") == "webp"
    assert format_of("width=800", name="no-extension") == "png"


def test_a_strength_is_rounded_to_a_step() -> None:
    found = read("width=800,blur=11,quality=79", name="7.jpeg")
    assert found is not None
    assert (found.blur, found.quality) == (30, 80)


def test_an_unknown_fit_or_one_without_both_sides_keeps_the_whole_picture() -> None:
    for options in ("width=450,height=300,fit=stretch", "width=450,height=300,fit=contain"):
        assert read(options) == read("width=450,height=300")
    assert read("width=450,fit=cover") == read("width=450")


@given(
    st.lists(
        st.sampled_from(["width=", "height=", "blur=", "quality=", "fit=", "original=", "optimized=", ","]).flatmap(
            lambda name: st.text("0123456789truecover-,=/. é", max_size=12).map(lambda value: name + value)
        ),
        max_size=6,
    ).map(",".join),
    st.text(max_size=8),
)
def test_any_string_means_one_of_a_bounded_number_of_renditions(options: str, name: str) -> None:
    found = read_rendition(options, name, BROWSER)
    if found is not None:
        assert found.width in {None, 96, 320, 450, 512, 800, 1200, 1600, 1800}
        assert found.height is None or (found.height % 50 == 0 and 0 < found.height <= 1000)
        assert found.width or found.height
        assert found.blur in (0, 10, 30, 100, 250)
        assert found.quality in (40, 60, 80, 95)
        assert found.format in MEDIA_TYPES
        assert "/" not in found.name
