import io
import json

import msgspec
import pytest
from PIL import Image

from services.render.recipe import (
    Recipe,
    RecipeAdapter,
    RecipeBase,
    meta,
    parameters_text,
    png_with_recipe,
    recipe_of_png,
)

BASE = RecipeBase(name="tiny-shapes", sha256="AB" * 32, version_id=11, family="tiny-shapes-v1")
LORA = RecipeAdapter(
    name="tiny-neon", kind="locon", sha256="cd" * 32, autov3="0123456789abcdef", version_id=12, weight=0.8
)
EMBEDDING = RecipeAdapter(name="bot", kind="textual_inversion", sha256="ef" * 32, token="tinybot")


def recipe(**changes: object) -> Recipe:
    values: dict[str, object] = {
        "prompt": "neon lights, a cat",
        "negative_prompt": "blurry, text",
        "steps": 16,
        "sampler": "DPM++ 2M",
        "scheduler": "SGM Uniform",
        "cfg_scale": 7.0,
        "seed": 42,
        "width": 128,
        "height": 192,
        "clip_skip": 1,
        "base": BASE,
        "adapters": (),
        "device": "cpu",
        "dtype": "float32",
        "versions": {"easel": "0.1.0", "torch": "2.13.0"},
        "bucket": 2,
    }
    return msgspec.convert(values | changes, Recipe, from_attributes=True)


def test_parameters_text_is_the_one_a1111_writes() -> None:
    assert parameters_text(recipe(adapters=(LORA,))) == (
        "neon lights, a cat <lora:tiny-neon:0.8>\n"
        "Negative prompt: blurry, text\n"
        "Steps: 16, Sampler: DPM++ 2M, Schedule type: SGM Uniform, CFG scale: 7, Seed: 42, Size: 128x192, "
        "Model hash: ababababab, Model: tiny-shapes, RNG: CPU, "
        'Lora hashes: "tiny-neon: 0123456789ab", Version: Easel 0.1.0, '
        'Hashes: {"model": "ababababab", "lora:tiny-neon": "cdcdcdcdcd"}, '
        'Civitai resources: [{"type": "checkpoint", "modelVersionId": 11}, '
        '{"type": "lora", "weight": 0.8, "modelVersionId": 12}]'
    )


def test_parameters_text_leaves_out_what_is_not_there() -> None:
    bare = recipe(negative_prompt="", base=RecipeBase(name="own", sha256="ab" * 32, family="sd1"))
    text = parameters_text(bare)
    for absent in ("Negative prompt", "Lora hashes", "TI hashes", "Civitai resources", "Clip skip"):
        assert absent not in text


def test_parameters_text_names_embeddings_by_their_word() -> None:
    text = parameters_text(recipe(prompt="a tinybot", adapters=(EMBEDDING,), clip_skip=2))
    assert text.startswith("a tinybot\n")
    assert 'TI hashes: "tinybot: efefefefefef"' in text
    assert '"embed:tinybot": "efefefefef"' in text
    assert "Clip skip: 2" in text


def test_a_name_with_marks_cannot_break_the_text() -> None:
    name = "evil>, Steps: 1:9"
    text = parameters_text(recipe(adapters=(msgspec.structs.replace(LORA, name=name),)))
    assert "<lora:evil_Steps_1_9:0.8>" in text
    assert text.count("Steps: ") == 1


def test_meta_has_the_keys_that_clients_read() -> None:
    values = meta(recipe(adapters=(LORA,), clip_skip=2))
    assert values["prompt"] == "neon lights, a cat <lora:tiny-neon:0.8>"
    assert values["negativePrompt"] == "blurry, text"
    assert (values["cfgScale"], values["steps"], values["seed"], values["clipSkip"]) == (7.0, 16, 42, 2)
    assert (values["Size"], values["Model hash"]) == ("128x192", "ababababab")
    assert values["resources"] == [
        {"type": "model", "name": "tiny-shapes", "hash": "ababababab"},
        {"type": "lora", "name": "tiny-neon", "weight": 0.8, "hash": "cdcdcdcdcd"},
    ]
    assert values["civitaiResources"] == [
        {"type": "checkpoint", "modelVersionId": 11},
        {"type": "lora", "weight": 0.8, "modelVersionId": 12},
    ]
    json.dumps(values)  # it is served as JSON


def test_digest_depends_on_every_field_and_not_on_key_order() -> None:
    first = recipe(versions={"torch": "2", "easel": "1"})
    assert first.digest() == recipe(versions={"easel": "1", "torch": "2"}).digest()
    others: dict[str, object] = {
        "prompt": "x", "seed": 1, "steps": 2, "bucket": 4, "dtype": "float16", "adapters": (LORA,), "threads": 2,
    }  # fmt: skip
    digests = {recipe(**{field: value}).digest() for field, value in others.items()}
    assert len(digests | {first.digest()}) == len(others) + 1


@pytest.mark.parametrize("prompt", ["a cat", "ein Schloß, 夜", "a\ttab"])
def test_recipe_reads_back_from_the_picture(prompt: str) -> None:
    drawn = recipe(prompt=prompt, adapters=(LORA, EMBEDDING))
    png = png_with_recipe(Image.new("RGB", (8, 8), "red"), drawn)
    assert recipe_of_png(png) == drawn
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert image.info["parameters"] == parameters_text(drawn)


def test_parameters_are_plain_text_chunks_where_latin_1_suffices() -> None:
    png = png_with_recipe(Image.new("RGB", (8, 8)), recipe())
    assert b"tEXtparameters\0" in png
    assert b"iTXteasel\0" in png


def test_a_picture_without_recipe_says_so() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format="PNG")
    with pytest.raises(ValueError, match="holds no 'easel' text"):
        recipe_of_png(buffer.getvalue())
