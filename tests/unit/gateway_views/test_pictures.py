from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.views.pictures import card_picture, gallery_view, sized_url, tone
from services.gateway.views.wire import Picture
from shared.api.v1 import NO_PICTURE


def _pictures(*answers: dict[str, Any]) -> list[Picture]:
    return msgspec.convert(list(answers), list[Picture])


@pytest.mark.parametrize(
    ("blurhash", "expected"),
    [
        # Encoded by a BlurHash library from pictures of one colour.
        ("LCN:]?|wfQ|w|wo1fQo1fQfQfQfQ", "tone-0"),  # #d02020
        ("LEPywZ}pfQ}p}poKfQoKfQfQfQfQ", "tone-1"),  # #e08020
        ("L63zVjqBfQqBqBf*fQf*fQfQfQfQ", "tone-5"),  # #20a060, hue 150
        ("LC3v-+kcfQkckcflfQflfQfQfQfQ", "tone-8"),  # #2040d0, hue 229
        ("LAM2^5}LfQ}L}LoMfQoMfQfQfQfQ", "tone-10"),  # #c040c0
        ("LKTSUA~qfQ~q~qoffQoffQfQfQfQ", "tone-grey"),  # #ffffff
        ("L01.+~t7fQt7t7j[fQj[fQfQfQfQ", "tone-grey"),  # #101010
        ("L4EyoS~qfQ~q~qoffQoffQfQfQfQ", "tone-grey"),  # #808488
    ],
)
def test_placeholder_has_the_hue_of_the_average_colour(blurhash: str, expected: str) -> None:
    assert tone(blurhash, seed=7) == expected


@pytest.mark.parametrize("blurhash", [None, "", "L", "é" * 20])
def test_placeholder_without_a_usable_hash_depends_on_the_seed_alone(blurhash: str | None) -> None:
    assert tone(blurhash, seed=7) == "tone-7"
    assert tone(blurhash, seed=19) == "tone-7"


@given(st.text(), st.integers(min_value=0))
def test_placeholder_is_always_one_of_the_known_classes(blurhash: str, seed: int) -> None:
    assert tone(blurhash, seed) in {"tone-grey", *(f"tone-{hue}" for hue in range(12))}


def test_mature_unpublishable_and_moving_pictures_are_kept_back(make_picture: Any) -> None:
    pictures = _pictures(
        make_picture(nsfwLevel=1),
        make_picture(nsfwLevel=4),
        make_picture(nsfwLevel=32),
        make_picture(type="video"),
        make_picture(nsfwLevel=2),
    )
    gallery = gallery_view(pictures, model_name="Tiny Neon", seed=4)
    assert [picture.number for picture in gallery.pictures] == [1, 2]
    assert gallery.hidden_count == 3


def test_card_takes_the_first_picture_everyone_may_see(make_picture: Any) -> None:
    pictures = _pictures(make_picture(nsfwLevel=8, url="/a"), make_picture(url="/b"))
    card = card_picture(pictures, seed=1)
    assert card is not None
    assert card.url == "/b"


def test_card_without_a_picture_everyone_may_see_has_none(make_picture: Any) -> None:
    assert card_picture(_pictures(make_picture(nsfwLevel=8)), seed=1) is None


def test_pages_do_not_show_what_only_stands_for_a_picture(make_picture: Any) -> None:
    pictures = _pictures(make_picture(url=f"http://hub.example:8000/image/{NO_PICTURE}/original=true/0.png", id=0))
    assert card_picture(pictures, seed=1) is None
    gallery = gallery_view(pictures, model_name="Tiny Neon", seed=4)
    assert (gallery.pictures, gallery.hidden_count) == ((), 0)


def test_large_picture_is_asked_for_at_card_width(make_picture: Any) -> None:
    card = card_picture(_pictures(make_picture(width=1024, height=1536)), seed=1)
    assert card is not None
    assert card.url == "http://hub.example:8000/images/width=450/70.png"


def test_small_picture_is_never_asked_for_larger_than_it_is(make_picture: Any) -> None:
    gallery = gallery_view(_pictures(make_picture(width=128)), model_name="x", seed=1)
    assert gallery.is_small
    assert gallery.pictures[0].srcset == ""
    assert "original=true" in gallery.pictures[0].url


def test_srcset_ends_with_the_original(make_picture: Any) -> None:
    gallery = gallery_view(_pictures(make_picture(width=832, height=1216)), model_name="x", seed=1)
    widths = [copy.split(" ")[1] for copy in gallery.pictures[0].srcset.split(", ")]
    assert widths == ["320w", "450w", "800w", "832w"]


def test_address_without_a_size_option_stays_as_it_is() -> None:
    assert sized_url("http://store.example/a.png?X-Sig=original=true", 450) == (
        "http://store.example/a.png?X-Sig=original=true"
    )


def test_recipe_is_the_text_that_tools_paste_back(make_picture: Any) -> None:
    meta = {
        "prompt": "a cat",
        "negativePrompt": "blurry",
        "seed": 0,
        "steps": 16,
        "resources": [{"hash": "A"}],
        "sampler": None,
    }
    gallery = gallery_view(_pictures(make_picture(meta=meta)), model_name="x", seed=1)
    assert gallery.pictures[0].recipe == "a cat\nNegative prompt: blurry\nSeed: 0, Steps: 16"


def test_picture_without_a_recipe_says_nothing(make_picture: Any) -> None:
    gallery = gallery_view(_pictures(make_picture(meta=None)), model_name="x", seed=1)
    assert gallery.pictures[0].recipe == ""
