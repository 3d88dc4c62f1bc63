"""Pictures as rows: which are public, and how `/images` shows them."""

from __future__ import annotations

import msgspec
import pytest

from services.catalog.domain.image_rows import image_item, image_rows, resources_of
from services.catalog.domain.wire import Wire
from shared.api import v1
from tests.unit.catalog.models import image, model, published, version

replace = msgspec.structs.replace


def test_only_pictures_of_published_versions_of_visible_models_are_rows() -> None:
    shown = model(1, published(10, images=(image(1), image(2))), version(11, images=(image(3),)), tags=("sea",))
    rows = image_rows(shown, Wire())
    assert set(rows) == {1, 2}
    assert (rows[1].model_id, rows[1].version_id, rows[1].username, rows[1].tags) == (1, 10, "maker", ("sea",))
    assert image_rows(replace(shown, taken_down="stolen"), Wire()) == {}
    assert image_rows(replace(shown, deleted=True), Wire()) == {}


@pytest.mark.parametrize(
    ("level", "name", "nsfw"),
    [(1, "None", False), (2, "Soft", True), (4, "Mature", True), (8, "X", True), (16, "X", True)],
)
def test_the_level_is_a_name_and_a_number(level: int, name: str, nsfw: bool) -> None:
    row = image_rows(model(1, published(10, images=(image(1, level=level),))), Wire())[1]
    item = image_item(row, "none", None)
    assert (item.nsfw_level, item.nsfw, item.browsing_level) == (name, nsfw, level)


def test_an_unrated_picture_counts_as_the_hub_says() -> None:
    assert image_rows(model(1, published(10, images=(image(1),))), Wire(4))[1].level == 4


def test_generation_data_is_absent_flat_or_wrapped() -> None:
    row = image_rows(model(1, published(10, images=(image(1), image(2, meta={})))), Wire())
    data = {"prompt": "a cube"}
    assert image_item(row[1], "none", None).meta is None
    assert image_item(row[1], "flat", None).meta == data
    assert image_item(row[1], "wrapped", None).meta == {"id": 1, "meta": data}
    assert image_item(row[2], "flat", None).meta is None
    assert image_item(row[2], "wrapped", None).meta == {"id": 2, "meta": None}


def test_an_item_on_the_wire() -> None:
    row = image_rows(model(1, published(10, images=(image(1),)), tags=("sea", "sky")), Wire())[1]
    bare = msgspec.to_builtins(image_item(row, "none", None))
    assert bare == {
        "id": 1, "url": f"{v1.ORIGIN}/image/k1/original=true/k1", "hash": "LEHV6nWB2yk8", "width": 512, "height": 768,
        "nsfwLevel": "None", "type": "image", "nsfw": False, "browsingLevel": 1,
        "createdAt": "2026-03-01T12:00:00.123Z", "postId": 10,
        "meta": None, "username": "maker", "baseModel": "SDXL 1.0", "modelVersionIds": [10],
        "stats": {
            "cryCount": 0, "laughCount": 0, "likeCount": 0, "dislikeCount": 0, "heartCount": 0, "commentCount": 0,
        },
    }  # fmt: skip
    tagged = msgspec.to_builtins(image_item(row, "none", {"sea": 5, "sky": 6}))
    assert tagged["tags"] == [{"id": 5, "name": "sea"}, {"id": 6, "name": "sky"}]


@pytest.mark.parametrize("named", [None, "x", [], ["x", {}, {"modelVersionId": "9"}, {"modelVersionId": True}]])
def test_a_strange_list_of_resources_names_nothing(named: object) -> None:
    assert resources_of(10, {"civitaiResources": named}) == (10,)


def test_resources_are_named_once() -> None:
    named = [{"modelVersionId": 9}, {"modelVersionId": 10}, {"modelVersionId": 9}]
    assert resources_of(10, {"civitaiResources": named}) == (10, 9)
