"""What other services tell the catalog: pictures, reviews, downloads, takedowns."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain import events
from services.catalog.domain.model import Counters, Model
from shared.events.models import ModelRestored, ModelUnpublished
from shared.events.previews import PreviewRendered
from shared.events.reviews import ReviewChanged, ReviewPosted, ReviewRemoved
from tests.unit.catalog.models import NOON, file, model, published, version

AUTHOR: dict[str, Any] = {"review_id": 1, "model_id": 1, "version_id": 10, "author_id": 5, "author": "reader"}


def posted(*, recommended: bool) -> ReviewPosted:
    return ReviewPosted(**AUTHOR, recommended=recommended, text="")


def changed(*, was: bool, now: bool) -> ReviewChanged:
    return ReviewChanged(**AUTHOR, recommended=now, was_recommended=was, text="")


def removed(*, was: bool) -> ReviewRemoved:
    return ReviewRemoved(**AUTHOR, was_recommended=was)


def with_thumbs(up: int, down: int) -> Model:
    return model(1, published(10, counters=Counters(thumbs_up=up, thumbs_down=down)), published(11, file(2)))


@pytest.mark.parametrize(
    ("event", "thumbs"),
    [
        (posted(recommended=True), (4, 2)),
        (posted(recommended=False), (3, 3)),
        (changed(was=True, now=False), (2, 3)),
        (changed(was=False, now=True), (4, 1)),
        (changed(was=True, now=True), (3, 2)),
        (removed(was=True), (2, 2)),
        (removed(was=False), (3, 1)),
    ],
)
def test_a_review_moves_the_thumbs_of_its_version_alone(
    event: ReviewPosted | ReviewChanged | ReviewRemoved, thumbs: tuple[int, int]
) -> None:
    after, told = events.review(with_thumbs(3, 2), event)
    first, second = after.versions
    assert (first.counters.thumbs_up, first.counters.thumbs_down) == thumbs
    assert second.counters == Counters()
    assert told == []


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_the_thumbs_of_one_author_are_what_they_said_last(opinions: list[bool]) -> None:
    current, _ = events.review(with_thumbs(0, 0), posted(recommended=opinions[0]))
    for was, now in pairwise(opinions):
        current, _ = events.review(current, changed(was=was, now=now))
    counters = current.versions[0].counters
    assert (counters.thumbs_up, counters.thumbs_down) == ((1, 0) if opinions[-1] else (0, 1))
    current, _ = events.review(current, removed(was=opinions[-1]))
    assert current.versions[0].counters == Counters()


def test_thumbs_never_go_below_nothing() -> None:
    after, _ = events.review(with_thumbs(0, 0), removed(was=True))
    assert after.versions[0].counters.thumbs_up == 0


def rendered(index: int = 0, version_id: int = 10) -> PreviewRendered:
    return PreviewRendered(
        job_id="j", model_id=1, version_id=version_id, index=index, image_key=f"key{index}", sha256="ab" * 32,
        size_bytes=10, width=512, height=768, blurhash="L", meta={"prompt": "x"}, rendered_at=NOON,
    )  # fmt: skip


def test_a_picture_is_added_once_however_often_it_is_told() -> None:
    current = model(1, published(10))
    for image_id, index in ((1, 0), (2, 1), (3, 0)):
        current, told = events.preview_rendered(current, image_id, rendered(index))
        assert told == []
    images = current.versions[0].images
    assert [(each.id, each.key) for each in images] == [(1, "key0"), (2, "key1")]
    assert (images[0].width, images[0].height, images[0].meta, images[0].level) == (512, 768, {"prompt": "x"}, 0)


def test_downloads_are_added_to_what_was_counted() -> None:
    current, _ = events.downloaded(model(1, published(10)), 10, 3)
    current, _ = events.downloaded(current, 10, 4)
    assert current.versions[0].counters.downloads == 7


def test_a_takedown_hides_a_model_once_and_its_lifting_shows_it_once() -> None:
    before = model(1, published(10))
    hidden, told = events.taken_down(before, "stolen")
    assert not hidden.is_visible
    assert told == [ModelUnpublished(model_id=1, reason="taken down by a moderator")]  # not the moderators' words
    assert events.taken_down(hidden, "again") == (hidden, [])
    shown, told = events.restored(hidden)
    assert (shown, told) == (before, [ModelRestored(model_id=1)])
    assert events.restored(shown) == (shown, [])


def test_a_deleted_model_is_neither_taken_down_nor_restored() -> None:
    deleted = model(1, published(10), deleted=True)
    assert events.taken_down(deleted, "stolen") == (deleted, [])
    gone = msgspec.structs.replace(deleted, taken_down="stolen")
    assert events.restored(gone) == (gone, [])


def test_what_concerns_a_version_that_is_gone_changes_nothing() -> None:
    before = model(1, version(11))
    assert events.review(before, posted(recommended=True)) == (before, [])
    assert events.downloaded(before, 10, 1) == (before, [])
    assert events.preview_rendered(before, 1, rendered()) == (before, [])
