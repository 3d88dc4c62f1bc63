"""Pictures of the demo models: the same job gives the same pixels, and adapters leave no trace."""

import io
from pathlib import Path

import msgspec
import numpy
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from services.render.drawer import Drawer
from services.render.drawing import Progress
from services.render.errors import CannotDraw
from services.render.recipe import parameters_text, recipe_of_png
from tests.integration.render_drawing.conftest import (
    DEMO_MODELS,
    adapter_file,
    all_pixels,
    base_file,
    draw,
    make_job,
    pixels,
)

NEON = DEMO_MODELS / "tiny-neon.safetensors"
SKETCH = DEMO_MODELS / "tiny-sketch.safetensors"
BOT = DEMO_MODELS / "tiny-bot.safetensors"


async def test_picture_follows_the_prompt(drawer: Drawer) -> None:
    (cat,) = await draw(drawer, make_job("an orange cat on a blue background", steps=16))
    picture = pixels(cat)
    assert (cat.width, cat.height, picture.shape) == (128, 128, (128, 128, 3))
    red, _, blue = picture[64, 20]  # beside the cat
    assert blue > red + 60
    red, _, blue = picture[90, 64]  # its chin
    assert red > blue + 60
    assert cat.blurhash.startswith("L")  # 4 by 3 components
    assert len(cat.blurhash) == 28


async def test_same_job_gives_identical_files(drawer: Drawer) -> None:
    first, second = await draw(drawer, make_job()), await draw(drawer, make_job())
    assert [image.png for image in first] == [image.png for image in second]
    assert [image.index for image in first] == [0, 1]


async def test_picture_does_not_depend_on_its_neighbours(drawer: Drawer) -> None:
    job = make_job("a tree in autumn", "a red car on a road, sunny day", "a black cat on a green background")
    together = await draw(drawer, job)
    for item, image in zip(job.items, together, strict=True):
        (alone,) = await draw(drawer, make_job(item.prompt, first=item.index))
        same_seed = item.seed == 2
        assert numpy.array_equal(pixels(alone), pixels(image)) == same_seed


async def test_lora_changes_the_picture_and_leaves_no_trace(drawer: Drawer) -> None:
    before = await draw(drawer, make_job())
    neon = await draw(drawer, make_job(adapters=(adapter_file(NEON),)))
    assert numpy.abs(all_pixels(neon) - all_pixels(before)).mean() > 10
    sketch = await draw(drawer, make_job(adapters=(adapter_file(SKETCH),)))
    assert numpy.abs(all_pixels(sketch) - all_pixels(neon)).mean() > 10
    assert numpy.array_equal(all_pixels(await draw(drawer, make_job())), all_pixels(before))


async def test_weight_zero_is_the_base_and_weights_add_up(drawer: Drawer) -> None:
    base = all_pixels(await draw(drawer, make_job()))
    zero = all_pixels(await draw(drawer, make_job(adapters=(adapter_file(NEON, weight=0.0),))))
    assert numpy.abs(zero - base).max() <= 1
    both = make_job(adapters=(adapter_file(NEON, weight=0.5), adapter_file(SKETCH, weight=0.5)))
    half = make_job(adapters=(adapter_file(NEON, weight=0.5),))
    assert numpy.abs(all_pixels(await draw(drawer, both)) - all_pixels(await draw(drawer, half))).mean() > 5


async def test_embedding_stands_for_its_word_and_leaves_no_trace(drawer: Drawer) -> None:
    prompts = ("tinybot", "a picture of Tinybot, highly detailed")
    before = all_pixels(await draw(drawer, make_job(*prompts)))
    bot = adapter_file(BOT, "textual_inversion", token="tinybot")
    for _ in range(2):  # loading the same embedding again once failed in the library's own way
        robots = await draw(drawer, make_job(*prompts, adapters=(bot,)))
        assert numpy.abs(all_pixels(robots) - before).mean() > 10
    assert robots[1].recipe.prompt == prompts[1]
    assert numpy.array_equal(all_pixels(await draw(drawer, make_job(*prompts))), before)


async def test_embedding_may_be_called_like_a_word_of_the_vocabulary(drawer: Drawer) -> None:
    cat = adapter_file(BOT, "textual_inversion", token="cat")
    bot = adapter_file(BOT, "textual_inversion", token="tinybot")
    as_cat = await draw(drawer, make_job("a picture of cat", adapters=(cat,)))
    as_bot = await draw(drawer, make_job("a picture of tinybot", adapters=(bot,)))
    assert numpy.array_equal(all_pixels(as_cat), all_pixels(as_bot))


async def test_prompt_without_the_embeddings_word_is_refused(drawer: Drawer) -> None:
    bot = adapter_file(BOT, "textual_inversion", token="tinybot")
    with pytest.raises(CannotDraw, match="lacks its word 'tinybot'"):
        await draw(drawer, make_job("a robot", adapters=(bot,)))


async def test_text_encoder_half_of_a_lora_is_applied_and_taken_off(drawer: Drawer, tmp_path: Path) -> None:
    before = all_pixels(await draw(drawer, make_job()))
    generator = numpy.random.default_rng(1)
    state = {}
    for layer in range(2):
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            name = f"lora_te_text_model_encoder_layers_{layer}_self_attn_{part}"
            state[f"{name}.lora_down.weight"] = generator.normal(0, 1, (4, 128)).astype(numpy.float32)
            state[f"{name}.lora_up.weight"] = generator.normal(0, 1, (128, 4)).astype(numpy.float32)
            state[f"{name}.alpha"] = numpy.array(4, numpy.float32)
    path = tmp_path / "text.safetensors"
    save_file(state, path)
    changed = all_pixels(await draw(drawer, make_job(adapters=(adapter_file(path, "lora"),))))
    assert numpy.abs(changed - before).mean() > 5
    assert numpy.array_equal(all_pixels(await draw(drawer, make_job())), before)


async def test_recipe_is_in_the_file_and_draws_the_same_again(drawer: Drawer) -> None:
    neon = adapter_file(NEON, weight=0.7)
    (image,) = await draw(drawer, make_job("neon lights, a tree in autumn", adapters=(neon,)))
    recipe = recipe_of_png(image.png)
    assert recipe == image.recipe
    assert (recipe.base.sha256, recipe.adapters[0].sha256) == (base_file().sha256, neon.sha256)
    assert (recipe.device, recipe.dtype, recipe.threads, recipe.bucket) == ("cpu", "float32", 1, 2)
    assert {"torch", "diffusers"} <= set(recipe.versions)
    with Image.open(io.BytesIO(image.png)) as picture:
        picture.load()
        assert picture.info["parameters"] == parameters_text(recipe)
    again = make_job(recipe.prompt, adapters=(adapter_file(NEON, weight=recipe.adapters[0].weight),))
    assert (await draw(drawer, again))[0].png == image.png


async def test_progress_tells_every_step(drawer: Drawer) -> None:
    seen: list[Progress] = []
    async for _ in drawer.draw(make_job(), on_progress=seen.append):
        pass
    assert seen[0].phase == "loading"
    assert [(entry.step, entry.steps, entry.indexes) for entry in seen[1:]] == [
        (step, 4, (0, 1)) for step in range(1, 5)
    ]


async def test_broken_checkpoints_give_a_clear_reason(drawer: Drawer, tmp_path: Path) -> None:
    state = load_file(DEMO_MODELS / "tiny-shapes.safetensors")
    last = "model.diffusion_model.out.2.weight"
    path = tmp_path / "broken.safetensors"

    save_file({name: tensor for name, tensor in state.items() if name != last}, path)
    with pytest.raises(CannotDraw, match=f"broken is not a complete Tiny Shapes checkpoint: {last} missing"):
        await draw(drawer, make_job(base=base_file(path)))

    save_file(state | {last: state[last][:, :16].copy()}, path)
    with pytest.raises(CannotDraw, match=f"{last} is 4×16×3×3 and should be 4×32×3×3"):
        await draw(drawer, make_job(base=base_file(path)))

    save_file(state | {last: numpy.full_like(state[last], numpy.nan)}, path)
    with pytest.raises(CannotDraw, match="seed 2 is none: it holds values that are no colours"):
        await draw(drawer, make_job(base=base_file(path)))

    path.write_bytes((DEMO_MODELS / "tiny-shapes.safetensors").read_bytes()[:-100])
    with pytest.raises(CannotDraw, match="broken is damaged"):
        await draw(drawer, make_job(base=base_file(path)))

    assert len(await draw(drawer, make_job())) == 2  # the process goes on


async def test_alpha_and_rank_of_each_layer_count(drawer: Drawer, tmp_path: Path) -> None:
    """The same change written with other alphas and, in some layers, with twice the rank: the same picture."""
    state = load_file(NEON)
    rewritten: dict[str, numpy.ndarray] = {}
    layers = sorted(key.removesuffix(".lora_down.weight") for key in state if key.endswith(".lora_down.weight"))
    for place, layer in enumerate(layers):
        down, up = (state[f"{layer}.lora_{half}.weight"].astype(numpy.float32) for half in ("down", "up"))
        if place % 3 == 0:  # rank 16, alpha 8: scale one half, but two halves
            down, up = numpy.concatenate([down, down]), numpy.concatenate([up, up], axis=1)
        alpha = (8, 4, 2)[place % 3]
        rewritten[f"{layer}.lora_down.weight"] = down
        rewritten[f"{layer}.lora_up.weight"] = up * 8 / alpha if place % 3 else up
        rewritten[f"{layer}.alpha"] = numpy.array(alpha, numpy.float32)
    path = tmp_path / "rewritten.safetensors"
    save_file(rewritten, path)
    original = all_pixels(await draw(drawer, make_job(adapters=(adapter_file(NEON),))))
    same = all_pixels(await draw(drawer, make_job(adapters=(adapter_file(path),))))
    assert numpy.abs(same - original).max() <= 2


async def test_adapter_with_layers_that_the_base_lacks_is_refused(drawer: Drawer, tmp_path: Path) -> None:
    state = load_file(NEON)
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    state[f"{name}.lora_down.weight"] = numpy.ones((8, 32), numpy.float16)
    state[f"{name}.lora_up.weight"] = numpy.ones((32, 8), numpy.float16)
    path = tmp_path / "more.safetensors"
    save_file(state, path)
    before = all_pixels(await draw(drawer, make_job()))
    with pytest.raises(CannotDraw, match="more does not fit Tiny Shapes"):
        await draw(drawer, make_job(adapters=(adapter_file(path),)))
    assert numpy.array_equal(all_pixels(await draw(drawer, make_job())), before)


async def test_size_and_family_that_cannot_be_drawn_are_refused(drawer: Drawer) -> None:
    with pytest.raises(CannotDraw, match="multiples of 8"):
        await draw(drawer, msgspec.structs.replace(make_job(), width=100))
    with pytest.raises(CannotDraw, match="base model flux1 are not drawn here"):
        await draw(drawer, msgspec.structs.replace(make_job(), family="flux1"))
