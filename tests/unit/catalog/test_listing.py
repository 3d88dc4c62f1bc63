"""What lists show of a model, and how mature that is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.catalog.domain.events import end_early_access
from services.catalog.domain.listing import Shown, is_for_everybody, list_item, listed_versions
from services.catalog.domain.maturity import image_level, version_level
from services.catalog.domain.model import Component, Model
from services.catalog.domain.state import search_document, state_event
from services.catalog.domain.version_facts import was_made_on_site
from services.catalog.domain.wire import Wire
from shared.api.hub import FilePreferences
from shared.events.models import ModelChanged, ModelStateRemoved
from tests.unit.catalog.models import LATER, NOON, file, image, model, published, version

WIRE = Wire()
DRAWN = published(10, images=(image(1),))
GATED = published(11, early_access_until=LATER)
BY_LINK = published(12, base_model="Pony", availability="Unsearchable")
OF_THE_OWNER = published(13, availability="Private")


def shown_versions(of: Model, **shown: Any) -> list[int]:
    item = list_item(of, Shown(**shown), WIRE)
    return [each.id for each in item.model_versions] if item is not None else []


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({}, [12, 11, 10]),
        ({"availabilities": ("Public",)}, [10]),
        ({"availabilities": ("Public", "EarlyAccess")}, [11, 10]),
        ({"base_models": ("pony", "Flux.1 D")}, [12]),
        ({"base_models": ("Flux.1 D",)}, []),
        ({"version_ids": (10, 12, 13)}, [12, 10]),
        ({"only_generating": True}, [10]),
    ],
)
def test_versions_are_left_out(shown: dict[str, Any], expected: list[int]) -> None:
    assert shown_versions(model(1, DRAWN, GATED, BY_LINK, OF_THE_OWNER), **shown) == expected


def test_a_shortened_list_of_versions_keeps_their_places_and_counts_their_base_models() -> None:
    item = list_item(model(1, DRAWN, GATED, BY_LINK), Shown(base_models=("SDXL 1.0",)), WIRE)
    assert item is not None
    assert [(each.id, each.index) for each in item.model_versions] == [(11, 1), (10, 2)]
    assert item.base_models == ["SDXL 1.0"]


def test_one_file_of_each_version_by_what_the_caller_prefers() -> None:
    both = published(10, file(1, size="pruned"), file(2, size="full"))
    for saved, expected in ((FilePreferences(), 1), (FilePreferences(size="full"), 2)):
        item = list_item(model(1, both), Shown(primary_only=True, saved=saved), WIRE)
        assert item is not None
        [found] = item.model_versions[0].files
        assert (found.id, found.primary, found.download_url) == (expected, True, item.model_versions[0].download_url)
        everything = list_item(model(1, both), Shown(saved=saved), WIRE)
        assert everything is not None
        assert [each.primary for each in everything.model_versions[0].files] == [True, False]


def test_an_archived_model_is_shown_without_files() -> None:
    item = msgspec.to_builtins(list_item(model(1, DRAWN, archived=True), Shown(), WIRE))
    assert item["mode"] == "Archived"
    assert item["modelVersions"][0]["files"] == []
    assert "downloadUrl" not in item["modelVersions"][0]
    detail = msgspec.to_builtins(WIRE.version_detail(model(1, DRAWN, archived=True), DRAWN))
    assert detail["model"]["mode"] == "Archived"
    assert "downloadUrl" not in detail
    assert "mode" not in msgspec.to_builtins(list_item(model(1, DRAWN), Shown(), WIRE))


def test_early_access_is_told_and_ends() -> None:
    of = model(1, GATED)
    item = msgspec.to_builtins(list_item(of, Shown(), WIRE))["modelVersions"][0]
    assert (item["availability"], item["earlyAccessDeadline"]) == ("EarlyAccess", "2026-03-01T13:00:00.123Z")
    assert item["paidAccess"] == {"permanent": False, "endsAt": "2026-03-01T13:00:00.123Z"}
    assert WIRE.version_detail(of, GATED).early_access_ends_at == "2026-03-01T13:00:00.123Z"
    assert end_early_access(of, NOON) == (of, [])
    after, events = end_early_access(of, LATER)
    assert events == [ModelChanged(model_id=1)]
    item = msgspec.to_builtins(list_item(after, Shown(), WIRE))["modelVersions"][0]
    assert (item["availability"], item["paidAccess"]) == ("Public", None)
    assert "earlyAccessDeadline" not in item


def test_a_linked_vae_is_listed_after_the_files_of_the_version() -> None:
    linked = published(10, file(1), components=(Component(type="VAE", version_id=77, file=file(5, name="v.pt")),))
    found = WIRE.model(model(1, linked), detail=False).model_versions[0]
    assert found.vae_id == 77
    assert [(each.type, each.name, each.primary) for each in found.files] == [
        ("Model", "dream_v1.safetensors", True),
        ("VAE", "v.pt", False),
    ]
    assert found.files[1].download_url == f"{found.download_url}?type=VAE"
    own = msgspec.structs.replace(linked, files=(file(1), file(2, type="VAE")))
    assert len(WIRE.files(model(1, own), own)) == 2


# Maturity


@pytest.mark.parametrize(
    ("of_model", "of_image", "unrated", "expected"),
    [
        ({}, {}, 1, 1),
        ({}, {}, 4, 4),
        ({}, {}, 0, 0),  # nobody sees it before it is rated
        ({}, {"proposed": 8}, 1, 8),
        ({}, {"proposed": 1}, 4, 1),
        ({}, {"proposed": 1, "level": 16}, 1, 16),
        ({}, {"proposed": 16, "level": 1}, 1, 1),  # a moderator has the last word
        ({"nsfw": True}, {}, 1, 4),
        ({"nsfw": True}, {}, 0, 0),
        ({"nsfw": True}, {"proposed": 1}, 1, 1),
        ({"nsfw": True}, {"level": 1}, 1, 1),
        ({"level": 8}, {}, 1, 8),
        ({"level": 8}, {}, 0, 8),
        ({"level": 8}, {"proposed": 1}, 1, 8),  # an owner cannot undo what a moderator says of the whole
        ({"level": 8}, {"level": 1}, 1, 1),
        ({}, {"level": 32}, 1, 32),
    ],
)
def test_the_level_of_a_picture(
    of_model: dict[str, Any], of_image: dict[str, Any], unrated: int, expected: int
) -> None:
    assert image_level(model(1, **of_model), image(1, **of_image), unrated) == expected


def test_a_blocked_picture_is_nowhere() -> None:
    of = published(10, images=(image(1, level=32), image(2, level=4)))
    assert version_level(model(1, of), of, 1) == 4
    assert [each.id for each in WIRE.model(model(1, of), detail=True).model_versions[0].images] == [2]
    assert len(WIRE.version_detail(model(1, of), of).images) == 1
    alone = published(10, images=(image(1, level=32),))
    assert version_level(model(1, alone), alone, 1) == 1


@pytest.mark.parametrize(
    ("base", "level", "is_listed"), [("SVD", 1, True), ("SVD", 2, True), ("SVD", 4, False), ("Pony", 4, True)]
)
def test_mature_versions_of_restricted_base_models_are_not_listed(base: str, level: int, is_listed: bool) -> None:
    of = model(1, published(10, base_model=base, images=(image(1, level=level),)))
    assert bool(listed_versions(of, WIRE)) == is_listed
    assert (list_item(of, Shown(), WIRE) is not None) == is_listed
    assert isinstance(state_event(of, of, WIRE), ModelStateRemoved) != is_listed


@pytest.mark.parametrize(
    ("changes", "levels", "expected"),
    [
        ({}, 1, True),
        ({"archived": True}, 31, False),
        ({"poi": True}, 31, False),
        ({"nsfw": True}, 1, False),
        ({"nsfw": True}, 31, True),
        ({"level": 2}, 1, False),
        ({"availability": "Private"}, 31, False),
    ],
)
def test_what_plain_browsing_shows(changes: dict[str, Any], levels: int, expected: bool) -> None:
    of = model(1, published(10), **changes)
    assert (is_for_everybody(of, levels, WIRE) and list_item(of, Shown(), WIRE) is not None) == expected


# What search is told


def test_search_hears_of_everything_that_can_be_asked_for() -> None:
    of = model(
        1, DRAWN, GATED, checkpoint_type="Merge", poi=True, minor=True, archived=True, comments=3, collected=2,
        allow_commercial_use=("Image",),
    )  # fmt: skip
    told = search_document(of, WIRE)
    assert (told.checkpoint_type, told.poi, told.minor, told.archived) == ("Merge", True, True, True)
    assert (told.comments, told.collected, told.commercial_uses) == (3, 2, ["Image"])
    assert told.availabilities == ["EarlyAccess", "Public"]
    assert (told.early_access_until, told.supports_generation) == (LATER, True)
    plain = search_document(model(1, published(10)), WIRE)
    assert (plain.commercial_uses, plain.supports_generation, plain.early_access_until) == (["None"], False, None)


@pytest.mark.parametrize(
    ("changes", "keys", "expected"),
    [
        ({}, {}, None),
        ({"checkpoint_type": "Trained"}, {"modelspec.merged_from": "a, b"}, "Trained"),
        ({}, {"modelspec.merged_from": "a, b"}, "Merge"),
        ({}, {"sd_merge_models": "{}", "ss_network_dim": "8"}, "Merge"),
        ({}, {"ss_base_model_version": "sdxl"}, "Trained"),
        ({"type": "LORA"}, {"ss_base_model_version": "sdxl"}, None),
    ],
)
def test_how_a_checkpoint_was_made(changes: dict[str, Any], keys: dict[str, str], expected: str | None) -> None:
    of = model(1, published(10, file(1, facts={"metadata": keys})), **changes)
    assert of.checkpoint_kind == expected


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"civitaiResources": []}, True),
        ({"civitaiResources": [], "Model": "urn:air:sdxl:checkpoint:civitai:1@2"}, True),
        ({"civitaiResources": [], "Model": "dream"}, False),
        ({"civitaiResources": [], "Version": "v1"}, False),
        ({}, False),
    ],
)
def test_what_was_made_on_the_public_site(meta: dict[str, Any], expected: bool) -> None:
    assert was_made_on_site(meta) == expected


def test_a_private_version_is_nobody_elses() -> None:
    assert not model(1, OF_THE_OWNER).is_visible
    assert model(1, OF_THE_OWNER).is_released
    assert [each.id for each in model(1, DRAWN, OF_THE_OWNER, version(14)).published_versions] == [10]
