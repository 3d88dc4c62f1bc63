"""Which file a download means, and under which name it arrives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.files import (
    choose_file,
    component_file,
    download_name,
    file_format,
    lacks_component,
    ordered_files,
    primary_file,
    quant_type,
)
from services.catalog.domain.model import File
from shared.api.hub import FilePreferences
from shared.api.inside import Wish
from tests.unit.catalog.models import file, model, version

SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._ ()+-"

PRUNED = file(1, size="pruned", fp="fp16")
FULL = file(2, size="full", fp="fp32")
PICKLE = file(3, format="PickleTensor", size="pruned", fp="fp16", name="m.ckpt")
CONFIG = file(4, type="Config", format="Other", name="m.yaml")
VAE = file(5, type="VAE", fp="fp16")
TRAINING = file(6, type="Training Data", format=None, name="t.zip")
BARE = file(7, format=None)


@pytest.mark.parametrize(
    ("files", "primary"),
    [
        ((PRUNED, FULL), 1),
        ((FULL, PRUNED), 1),
        ((PICKLE, FULL), 2),  # the format weighs more than size and precision together
        ((CONFIG, PICKLE), 3),  # weights before everything else, whatever their format
        ((VAE, TRAINING, FULL), 2),
        ((VAE, TRAINING), 5),
        ((BARE, PRUNED), 1),  # what is known to fit before what is not known
        ((PICKLE, BARE), 7),  # what is not known before what is known not to fit
        ((file(8, type="Diffusion Model"), PRUNED), 1),
        ((file(8, type="UNet", size="pruned", fp="fp16"), PRUNED), 8),  # the first of equals
        ((file(1, quant_type="Q8_0", format="GGUF"), file(2, quant_type="Q4_K_M", format="GGUF")), 2),
        ((file(1, quant_type="Q8_0", fp="fp16"), file(2, quant_type="Q4_K_M", fp="fp32")), 1),  # it weighs least
        ((file(9, type="Text Encoder"), file(8, type="Pruned Model", format="PickleTensor")), 8),
    ],
)
def test_the_primary_file_has_the_highest_score(files: tuple[File, ...], primary: int) -> None:
    found = primary_file(version(10, *files))
    assert found is not None and found.id == primary
    assert ordered_files(version(10, *files))[0].id == primary


def test_only_clean_files_are_offered() -> None:
    hidden = [file(number, state=state) for number, state in enumerate(("pending", "dangerous", "invalid", "failed"))]
    assert primary_file(version(10, *hidden)) is None
    assert ordered_files(version(10, *hidden)) == ()
    for each in hidden:
        assert choose_file(version(10, *hidden).public_files, Wish(file_id=each.id)) is None
    assert ordered_files(version(10, *hidden, FULL)) == (FULL,)


def test_the_primary_file_comes_first_and_the_others_keep_their_order() -> None:
    assert [each.id for each in ordered_files(version(10, CONFIG, VAE, PRUNED, FULL))] == [1, 4, 5, 2]


@pytest.mark.parametrize(
    ("wish", "chosen"),
    [
        ({}, 1),
        ({"size": "full"}, 2),
        ({"fp": "fp32"}, None),  # the size weighs more, and the best one then contradicts
        ({"size": "full", "fp": "fp32"}, 2),
        ({"format": "PickleTensor"}, 3),
        ({"format": "SafeTensor", "size": "pruned"}, 1),
        ({"format": "GGUF"}, None),
        ({"size": "full", "fp": "fp16"}, None),
        ({"type": "VAE"}, 5),
        ({"type": "VAE", "fp": "fp32"}, None),
        ({"type": "VAE", "size": "full"}, 5),  # nothing is known of its size, so nothing contradicts
        ({"type": "Config"}, 4),
        ({"type": "Upscaler"}, None),
        ({"file_id": 4}, 4),
        ({"file_id": 4, "type": "VAE", "format": "GGUF"}, 4),  # an exact file bypasses everything else
        ({"file_id": 99}, None),
        ({"saved": FilePreferences(size="full")}, 2),  # what somebody likes decides …
        ({"saved": FilePreferences(format="GGUF")}, 1),  # … but is never contradicted: all of them miss it alike
        ({"saved": FilePreferences(size="full"), "size": "pruned"}, 1),
    ],
)
def test_a_download_gets_the_best_file_or_none_that_contradicts_it(wish: dict[str, Any], chosen: int | None) -> None:
    found = choose_file(version(10, PRUNED, FULL, PICKLE, CONFIG, VAE).public_files, Wish(**wish))
    assert (found.id if found else None) == chosen


@pytest.mark.parametrize(
    ("model_name", "version_name", "expected"),
    [
        ("DreamShaper XL", "v2.1 Turbo (DPM++ SDE)", "dreamshaperXL_v21TurboDPMSDE.safetensors"),
        ("Dream", "v1", "dream_v1.safetensors"),
        ("Dream", "Dream v1", "dream_v1.safetensors"),  # the model's name is not said twice
        ("Dream", "DREAM V1", "dream_v1.safetensors"),
        ("Dream", "dream", "dream.safetensors"),
        ("SD XL", "v1.0 VAE fix", "sdXL_v10VAEFix.safetensors"),
        ("It's Me", "v1", "itsMe_v1.safetensors"),
        ("Pony Diffusion V6 XL", "V6 (start with this one)", "ponyDiffusionV6XL_v6StartWithThisOne.safetensors"),
        ("A very long name of a model indeed it is", "v1", "aVeryLongNameOfAModel_v1.safetensors"),
        ("Anime模型", "v1", "anime_v1.safetensors"),
        ("Twenty characters ok", "v1", "twentyCharactersOk_v1.safetensors"),
        ("模型", "v1", "file1.safetensors"),  # nothing in it that a name can be made of
        ("Dream", "第一版", "dream.safetensors"),
    ],
)
def test_a_checkpoint_is_called_after_its_model_and_version(model_name: str, version_name: str, expected: str) -> None:
    named = version(10, file(1), name=version_name)
    assert download_name(model(1, named, name=model_name), named, file(1)) == expected


@pytest.mark.parametrize(
    ("model_type", "file_changes", "words", "expected"),
    [
        ("LORA", {}, (), "up loaded.safetensors"),
        ("LoCon", {}, (), "up loaded.safetensors"),
        ("Checkpoint", {"type": "VAE"}, (), "up loaded.safetensors"),
        ("Checkpoint", {"type": "Text Encoder"}, (), "dream_v1_txt.safetensors"),
        ("Checkpoint", {"type": "Training Data", "name": "t.zip"}, (), "dream_v1_trainingData.zip"),
        ("Checkpoint", {"name": "x-INPAINTING.ckpt"}, (), "dream_v1-inpainting.ckpt"),
        ("Checkpoint", {"name": "x.instruct-pix2pix.CKPT"}, (), "dream_v1.instruct-pix2pix.ckpt"),
        ("Checkpoint", {"name": "README"}, (), "README"),
        ("TextualInversion", {}, ("kubist", "other"), "kubist.safetensors"),
        ("TextualInversion", {"type": "Negative"}, ("kubist",), "kubist-neg.safetensors"),
        ("TextualInversion", {}, (), "up loaded.safetensors"),
        ("TextualInversion", {"type": "Training Data", "name": "t.zip"}, ("kubist",), "dream_v1_trainingData.zip"),
        ("DoRA", {}, (), "dream_v1.safetensors"),
        ("VAE", {}, (), "dream_v1.safetensors"),
        ("Checkpoint", {"type": "Of another release"}, (), "up loaded.safetensors"),
        ("Checkpoint", {"override_name": "my own; name.safetensors"}, (), "my own_ name.safetensors"),
        ("LORA", {"name": "模型.safetensors"}, (), "1-10.safetensors"),
        ("LORA", {"name": "Über_Café v1.safetensors"}, (), "Uber_Cafe v1.safetensors"),
        ("TextualInversion", {"type": "VAE", "name": "own.vae.pt"}, ("kubist",), "own.vae.pt"),
        ("TextualInversion", {}, ("立体派",), "1-10.safetensors"),
        ("LORA", {"override_name": "chosen.safetensors"}, (), "chosen.safetensors"),
        ("LORA", {"name": 'a";\r\nx=1/é.safetensors'}, (), "a____x_1_e.safetensors"),
    ],
)
def test_other_files_are_called_by_their_kind(
    model_type: str, file_changes: dict[str, Any], words: tuple[str, ...], expected: str
) -> None:
    given = file(1, **({"name": "up loaded.safetensors"} | file_changes))
    of = version(10, given, trained_words=words)
    assert download_name(model(1, of, type=model_type), of, given) == expected


def test_no_two_files_of_a_version_are_called_the_same() -> None:
    files = (
        file(1, name="full.safetensors"),
        file(2, name="Pruned.safetensors"),
        file(3, name="pruned.SAFETENSORS"),
        file(4, name="dream.yaml", type="Config", format="Other"),
        file(5, name="dream_v1.yaml", type="Config", format="Other"),
        file(6, name="hidden.safetensors", state="dangerous"),
    )
    of = version(10, *files, name="v1")
    shown = model(1, of, name="Dream", type="Checkpoint")
    assert [download_name(shown, of, each) for each in files] == [
        "dream_v1.safetensors", "Pruned.safetensors", "pruned-3.SAFETENSORS", "dream_v1.yaml", "dream_v1-5.yaml",
        "dream_v1.safetensors",
    ]  # fmt: skip


@given(st.text(max_size=60), st.text(max_size=60), st.text(min_size=1, max_size=40), st.sampled_from(["LORA", "Other"]))
def test_any_names_give_a_plain_name_that_no_header_or_path_can_break_on(
    model_name: str, version_name: str, file_name: str, model_type: str
) -> None:
    given_file = file(1, name=f"{file_name}.safetensors")
    of = version(10, given_file, name=version_name, trained_words=(model_name,))
    name = download_name(model(1, of, name=model_name, type=model_type), of, given_file)
    assert name and set(name) <= set(SAFE)
    assert name not in (".", "..") and not name.startswith(".") and name == name.strip()


@pytest.mark.parametrize(
    ("scanned", "shown"),
    [
        ("safetensors", "SafeTensor"),
        ("gguf", "GGUF"),
        ("torch_zip", "PickleTensor"),
        ("torch_legacy", "PickleTensor"),
        ("pickle", "PickleTensor"),
        ("onnx", "ONNX"),
        ("zip", "Other"),
        ("unknown", "Other"),
    ],
)
def test_a_format_is_named_by_what_the_bytes_are(scanned: str, shown: str) -> None:
    assert file_format(scanned, "x.safetensors") == shown


@pytest.mark.parametrize(
    ("precision", "name", "expected"),
    [
        ("Q4_K", "dream-Q4_K_M.gguf", "Q4_K_M"),
        ("Q4_K", "dream-q4_k_s.gguf", "Q4_K_S"),
        ("Q8_0", "dream_Q4_K_M.gguf", "Q8_0"),  # a name that says something else is not believed
        ("Q8_0", "dream.gguf", "Q8_0"),
        (None, "dream.IQ2_XXS.gguf", "IQ2_XXS"),
        (None, "dream.gguf", None),
    ],
)
def test_how_a_file_is_quantised(precision: str | None, name: str, expected: str | None) -> None:
    assert quant_type(precision, name) == expected


def test_a_component_comes_from_a_linked_version_when_there_is_no_own_one() -> None:
    bare, whole = version(10, PRUNED), version(11, PRUNED, VAE)
    assert lacks_component(bare, Wish(type="VAE"))
    assert not lacks_component(whole, Wish(type="VAE"))
    assert not lacks_component(bare, Wish(type="Upscaler"))
    assert not lacks_component(bare, Wish(type="VAE", file_id=1))
    found = component_file(whole, Wish(type="VAE"))
    assert found is not None and found.id == VAE.id
    weights = component_file(version(12, CONFIG, FULL), Wish(type="VAE"))
    assert weights is not None and weights.id == FULL.id
    assert component_file(version(12, CONFIG, FULL), Wish(type="VAE", fp="fp16")) is None
    assert component_file(version(12, CONFIG), Wish(type="VAE")) is None
