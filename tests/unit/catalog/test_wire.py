"""The documents of the compatible API, member by member where clients depend on it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.catalog.domain.model import Antivirus, Image
from services.catalog.domain.wire import Wire, air, download_url
from shared.api import v1
from tests.unit.catalog.models import LATER, file, hashes_of, image, model, published, version

WIRE = Wire()


def shown(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("model_type", "base_model", "expected"),
    [
        ("Checkpoint", "SDXL 1.0", "urn:air:sdxl:checkpoint:civitai:4021@9105"),
        ("LORA", "SD 1.5", "urn:air:sd1:lora:civitai:4021@9105"),
        ("LoCon", "Pony", "urn:air:sdxl:lycoris:civitai:4021@9105"),
        ("DoRA", "Flux.1 D", "urn:air:flux1:dora:civitai:4021@9105"),
        ("TextualInversion", "SD 2.1", "urn:air:sd2:embedding:civitai:4021@9105"),
        ("VAE", "SD 1.5", "urn:air:sd1:vae:civitai:4021@9105"),
        ("TextEncoder", "SD 1.5", "urn:air:sd1:text_encoders:civitai:4021@9105"),
        ("MotionModule", "SD 1.5", "urn:air:sd1:motion:civitai:4021@9105"),
        ("Wildcards", "Other", "urn:air:other:unknown:civitai:4021@9105"),
        ("Checkpoint", "Some Base Of 2031", "urn:air:some base of 2031:checkpoint:civitai:4021@9105"),
    ],
)
def test_the_air_of_a_version(model_type: str, base_model: str, expected: str) -> None:
    of = published(9105, base_model=base_model)
    assert air(model(4021, of, type=model_type), of) == expected


@pytest.mark.parametrize(("file_type", "kind"), [("Diffusion Model", "diffusionmodel"), ("UNet", "unet")])
def test_the_air_of_a_part_names_the_part(file_type: str, kind: str) -> None:
    of = published(9105, file(1, type=file_type))
    assert air(model(4021, of), of) == f"urn:air:sdxl:{kind}:civitai:4021@9105"


def test_a_model_in_a_list_has_exactly_these_members() -> None:
    wire = shown(WIRE.model(model(1, published(10)), detail=False))
    assert set(wire) == {
        "id", "name", "description", "allowNoCredit", "allowCommercialUse", "allowDerivatives",
        "allowDifferentLicense", "type", "minor", "sfwOnly", "poi", "nsfw", "nsfwLevel", "availability", "userId",
        "baseModels", "cosmetic", "supportsGeneration", "stats", "creator", "tags", "modelVersions",
    }  # fmt: skip
    [found] = wire["modelVersions"]
    assert {"supportsGeneration"} <= set(found)
    assert not {"createdAt", "status", "covered"} & set(found)
    assert found["publishedAt"] == "2026-03-01T12:00:00.123Z"
    assert (found["id"], found["index"], found["availability"]) == (10, 0, "Public")


def test_a_model_by_itself_shows_more_of_its_versions() -> None:
    [found] = shown(WIRE.model(model(1, published(10)), detail=True))["modelVersions"]
    assert (found["status"], found["covered"]) == ("Published", False)
    assert found["createdAt"] == "2026-03-01T12:00:00.123Z"
    assert "supportsGeneration" not in found


def test_only_published_versions_are_shown_newest_first() -> None:
    wire = shown(
        WIRE.model(
            model(
                1, published(10), version(11, file(2)), published(12, published_at=LATER, base_model="SD 1.5"),
                version(13, state="refused"),
            ),
            detail=False,
        )
    )  # fmt: skip
    assert [(each["id"], each["index"]) for each in wire["modelVersions"]] == [(12, 0), (10, 1)]
    assert wire["baseModels"] == ["SD 1.5", "SDXL 1.0"]


def test_counters_of_a_model_are_the_sums_of_its_versions() -> None:
    counted = [
        msgspec.structs.replace(
            each, counters=msgspec.structs.replace(each.counters, downloads=downloads, thumbs_up=up)
        )
        for each, downloads, up in ((published(10), 5, 2), (published(11), 7, 0))
    ]
    wire = shown(WIRE.model(model(1, *counted), detail=False))
    assert wire["stats"] == {
        "downloadCount": 12, "thumbsUpCount": 2, "thumbsDownCount": 0, "commentCount": 0, "tippedAmountCount": 0,
        "favoriteCount": 0, "ratingCount": 2, "rating": 5.0,
    }  # fmt: skip


def test_no_commercial_use_is_said_with_a_word() -> None:
    assert shown(WIRE.model(model(1, published(10)), detail=False))["allowCommercialUse"] == ["None"]
    allowed = model(1, published(10), allow_commercial_use=("Image", "Sell"))
    assert shown(WIRE.model(allowed, detail=False))["allowCommercialUse"] == ["Image", "Sell"]


def test_exactly_one_file_is_primary_and_its_address_is_the_versions() -> None:
    of = published(10, file(1, type="Config", name="x.yaml"), file(2), file(3, size="full"))
    [found] = shown(WIRE.model(model(1, of), detail=False))["modelVersions"]
    assert [each["primary"] for each in found["files"]] == [True, False, False]
    primary, config, other = found["files"]
    assert primary["id"] == 2
    assert primary["downloadUrl"] == found["downloadUrl"] == f"{v1.ORIGIN}/api/download/models/10"
    assert config["downloadUrl"] == f"{v1.ORIGIN}/api/download/models/10?fileId=1"
    assert other["downloadUrl"].endswith("?fileId=3")
    assert "?" not in download_url(of)


def test_a_file_says_what_is_known_and_nothing_of_what_is_not() -> None:
    of = published(10, file(1, size_bytes=1025), file(2, format=None, size="full", fp="bf16"))
    first, second = shown(WIRE.files(model(1, of), of))
    assert first["sizeKB"] == 1025 / 1024  # not rounded: clients compute the bytes back
    assert first["metadata"] == {"format": "SafeTensor"}
    assert second["metadata"] == {"format": "Other", "size": "full", "fp": "bf16"}
    assert first["hashes"] == hashes_of(1)
    assert (first["pickleScanResult"], first["pickleScanMessage"]) == ("Success", None)
    assert first["scannedAt"] == "2026-03-01T12:00:00.123Z"


@pytest.mark.parametrize(
    ("antivirus", "result", "message"),
    [
        (Antivirus(status="clean", engine="ClamAV 1.4.3"), "Success", None),
        (None, "Pending", "Not virus scanned: this hub has no antivirus."),
        (
            Antivirus(status="not-scanned"), "Pending",
            "Not virus scanned: the antivirus of this hub could not look at the file.",
        ),
    ],
    ids=["clean", "off", "not scanned"],
)  # fmt: skip
def test_no_file_is_called_free_of_viruses_that_no_antivirus_has_seen(
    antivirus: Antivirus | None, result: str, message: str | None
) -> None:
    of = published(10, file(1, antivirus=antivirus))
    [only] = shown(WIRE.files(model(1, of), of))
    assert (only["virusScanResult"], only["virusScanMessage"]) == (result, message)
    assert only["pickleScanResult"] == "Success"


def test_a_pickle_lists_what_it_imports() -> None:
    of = published(
        10, file(1, format="PickleTensor", imports=("torch._utils", "collections")), file(2, format="PickleTensor")
    )  # fmt: skip
    with_imports, without = shown(WIRE.files(model(1, of), of))
    assert with_imports["pickleScanMessage"] == ("**Detected Pickle imports (2)**\n```\ntorch._utils\ncollections\n```")
    assert without["pickleScanMessage"] == "No Pickle imports"


def test_a_version_by_itself_tells_of_its_model_and_its_pictures_recipes() -> None:
    of = published(10, images=(image(1), image(2, meta={})), updated_at=LATER)
    wire = shown(WIRE.version_detail(model(4, of, nsfw=False, poi=True), of))
    assert wire["model"] == {"name": "Dream", "type": "Checkpoint", "nsfw": False, "poi": True}
    assert (wire["modelId"], wire["id"], wire["air"]) == (4, 10, "urn:air:sdxl:checkpoint:civitai:4@10")
    assert wire["updatedAt"] == "2026-03-01T13:00:00.123Z"
    drawn, bare = wire["images"]
    assert "id" not in drawn
    assert (drawn["meta"], drawn["hasMeta"], drawn["hasPositivePrompt"]) == ({"prompt": "a cube"}, True, True)
    assert (bare["hasMeta"], bare["hasPositivePrompt"]) == (False, False)
    assert drawn["metadata"] == {"hash": "LEHV6nWB2yk8", "width": 512, "height": 768, "size": 1234}


def test_pictures_in_a_list_have_an_id_and_no_recipe() -> None:
    [found] = shown(WIRE.model(model(1, published(10, images=(image(5),))), detail=False))["modelVersions"]
    [picture] = found["images"]
    assert picture["id"] == 5
    assert not {"meta", "metadata"} & set(picture)
    assert picture["url"] == f"{v1.ORIGIN}/image/k5/original=true/5.png"


def test_a_version_without_pictures_shows_tools_one_all_the_same() -> None:
    of = published(10)
    whole = model(1, of)
    [found] = shown(WIRE.model(whole, detail=False, levels=v1.LEVEL_PG))["modelVersions"]
    [picture] = found["images"]
    assert picture["url"] == f"{v1.ORIGIN}/image/{v1.NO_PICTURE}/original=true/0.png"
    assert (picture["id"], picture["nsfwLevel"], picture["hasMeta"], picture["type"]) == (0, 1, False, "image")
    assert len(shown(WIRE.version_detail(whole, of))["images"]) == 1
    assert len(WIRE.page(whole)["modelVersions"][0]["images"]) == 1
    assert WIRE.version_level(of) == 1


@pytest.mark.parametrize(
    ("levels", "seen"), [(v1.LEVEL_ALL, [1, 2, 3]), (v1.LEVEL_PG, [1, 3]), (4, [2]), (8, [])]
)  # fmt: skip
def test_only_pictures_of_the_levels_asked_for_are_shown(levels: int, seen: list[int]) -> None:
    pictures = (image(1, level=1), image(2, level=4), image(3, level=0))  # nobody has rated the third
    wire = shown(WIRE.model(model(1, published(10, images=pictures)), detail=False, levels=levels))
    assert [each["id"] for each in wire["modelVersions"][0]["images"]] == seen


@pytest.mark.parametrize(
    ("unrated", "levels", "expected"),
    [(1, (), 1), (4, (), 4), (1, (1, 4), 5), (2, (0, 8), 10), (16, (1,), 1)],
)
def test_the_level_of_a_version_is_that_of_all_its_pictures(
    unrated: int, levels: tuple[int, ...], expected: int
) -> None:
    pictures: tuple[Image, ...] = tuple(image(number, level=level) for number, level in enumerate(levels, 1))
    of = published(10, images=pictures)
    assert Wire(unrated).version_level(of) == expected
    assert Wire(unrated).model_level(model(1, of, version(11, images=(image(9, level=16),)))) == expected


def test_the_page_adds_recipes_facts_and_addresses_to_the_document() -> None:
    of = published(10, file(1, facts={"kind": "checkpoint"}), images=(image(1),))
    page = WIRE.page(model(1, of))
    assert page["modelVersions"][0]["images"][0]["meta"] == {"prompt": "a cube"}
    assert page["modelVersions"][0]["files"][0]["facts"] == {"kind": "checkpoint"}
    assert page["modelVersions"][0]["air"] == "urn:air:sdxl:checkpoint:civitai:1@10"
