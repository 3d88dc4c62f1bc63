from typing import Any

import pytest

from services.render.kinds import Drawable, NotDrawn, how_to_draw

FAMILIES = {"sd1", "sdxl"}


@pytest.mark.parametrize(
    ("file_kind", "kind"),
    [
        ("checkpoint", "checkpoint"),
        ("lora", "adapter"),
        ("locon", "adapter"),
        ("textual_inversion", "embedding"),
    ],
)
def test_drawn_kinds(file_kind: str, kind: str) -> None:
    decision = how_to_draw(file_kind=file_kind, family="sd1", families=FAMILIES)
    assert decision == Drawable(kind=kind, family="sd1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file_kind", "family", "words"),
    [
        ("vae", "sd1", "Previews of a VAE are not drawn"),
        ("controlnet", "sd1", "ControlNet"),
        ("upscaler", None, "upscaler"),
        ("dora", "sd1", "DoRA"),
        ("lokr", "sdxl", "LoKr"),
        ("something_new", "sd1", "something_new"),
        (None, None, "no kind that Easel knows"),
        ("unknown", "sd1", "no kind that Easel knows"),
        ("lora", None, "base model could not be told"),
        ("lora", "flux1", "base model flux1 are not drawn here: this hub draws sd1, sdxl"),
    ],
)
def test_what_is_not_drawn_says_why(file_kind: str | None, family: str | None, words: str) -> None:
    decision = how_to_draw(file_kind=file_kind, family=family, families=FAMILIES)
    assert isinstance(decision, NotDrawn)
    assert words in decision.reason
    assert decision.reason.endswith(".")


def test_pickles_are_never_drawn() -> None:
    decision = how_to_draw(file_kind="checkpoint", family="sd1", families=FAMILIES, is_safetensors=False)
    assert isinstance(decision, NotDrawn)
    assert "safetensors" in decision.reason


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"variant": "inpainting"}, "needs a picture and a mask"),
        ({"variant": "refiner"}, "refiner"),
        ({"prediction_type": "v"}, "v prediction"),
        ({"components": ("unet",)}, "has no VAE and no text encoder"),
        ({"components": ("unet", "vae")}, "has no text encoder"),
    ],
)
def test_checkpoints_that_are_not_drawn(facts: dict[str, Any], words: str) -> None:
    decision = how_to_draw(file_kind="checkpoint", family="sdxl", families=FAMILIES, **facts)
    assert isinstance(decision, NotDrawn)
    assert words in decision.reason


def test_complete_epsilon_checkpoint_is_drawn() -> None:
    decision = how_to_draw(
        file_kind="checkpoint",
        family="sdxl",
        families=FAMILIES,
        components=("unet", "vae", "text_encoder"),
        prediction_type="epsilon",
    )
    assert decision == Drawable(kind="checkpoint", family="sdxl")
