"""The recipe of a picture: everything needed to draw it again, and its renderings for other programs.

The `parameters` text is the one that AUTOMATIC1111's web UI writes (`create_infotext`), with the additions that
Civitai reads: `Hashes: {...}` and `Civitai resources: [...]`.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from PIL.Image import Image

PARAMETERS_KEY = "parameters"
RECIPE_KEY = "easel"

EMBEDDING_KIND = "textual_inversion"

_RESOURCE_TYPES = {"lora": "lora", "locon": "lora", EMBEDDING_KIND: "embed"}


class RecipeBase(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint that drew; `version_id` is the hub's, None for a checkpoint of the operator."""

    name: str
    sha256: str
    family: str
    version_id: int | None = None


class RecipeAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter on top of the base. `autov3` is the SHA-256 of the file without its header (at least 12 digits)."""

    name: str
    kind: str
    sha256: str
    autov3: str | None = None
    version_id: int | None = None
    weight: float = 1.0
    token: str = ""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides the pixels. Sizes in pixels; `sampler` and `scheduler` are A1111's names.

    Noise always comes from a CPU generator. Pixels are equal bit for bit on the same `device`, `threads`, `dtype`,
    `versions` and `bucket` (pictures in one batch, fillers included), else equal within 2 of 255 levels.
    """

    prompt: str
    negative_prompt: str
    steps: int
    sampler: str
    scheduler: str
    cfg_scale: float
    seed: int
    width: int
    height: int
    clip_skip: int
    base: RecipeBase
    adapters: tuple[RecipeAdapter, ...]
    device: str
    dtype: str
    versions: dict[str, str]
    bucket: int
    threads: int | None = None

    def to_json(self) -> str:
        """Canonical JSON: keys sorted, no spaces."""
        return msgspec.json.encode(self, order="sorted").decode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, lower-case hex."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def prompt_with_adapters(recipe: Recipe) -> str:
    """The prompt as A1111 users write it, with `<lora:name:weight>` for each LoRA."""
    tags = [f"<lora:{_file_name(a.name)}:{a.weight:g}>" for a in recipe.adapters if a.kind != EMBEDDING_KIND]
    return " ".join([recipe.prompt, *tags]).strip()


def parameters_text(recipe: Recipe) -> str:
    """The A1111 text: prompt, `Negative prompt: ...` if any, then one line of `Key: value` pairs."""
    loras = [a for a in recipe.adapters if a.kind != EMBEDDING_KIND and a.autov3]
    embeddings = [a for a in recipe.adapters if a.kind == EMBEDDING_KIND]
    pairs: dict[str, str | int | None] = {
        "Steps": recipe.steps,
        "Sampler": recipe.sampler,
        "Schedule type": recipe.scheduler,
        "CFG scale": f"{recipe.cfg_scale:g}",
        "Seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        "Model hash": auto_v2(recipe.base.sha256),
        "Model": _file_name(recipe.base.name),
        "Clip skip": recipe.clip_skip if recipe.clip_skip > 1 else None,
        "RNG": "CPU",
        "Lora hashes": ", ".join(f"{_file_name(a.name)}: {(a.autov3 or '')[:12].lower()}" for a in loras) or None,
        "TI hashes": ", ".join(f"{a.token or _file_name(a.name)}: {a.sha256[:12].lower()}" for a in embeddings) or None,
        "Version": _version(recipe),
    }
    line = ", ".join(f"{key}: {_quoted(str(value))}" for key, value in pairs.items() if value is not None)
    line += f", Hashes: {json.dumps(_hashes(recipe))}"
    if resources := _civitai_resources(recipe):
        line += f", Civitai resources: {json.dumps(resources)}"
    negative = f"\nNegative prompt: {recipe.negative_prompt}" if recipe.negative_prompt else ""
    return f"{prompt_with_adapters(recipe)}{negative}\n{line}"


def meta(recipe: Recipe) -> dict[str, object]:
    """The free-form generation data that the Civitai API serves as an image's `meta`."""
    resources: list[dict[str, object]] = [
        {"type": "model", "name": recipe.base.name, "hash": auto_v2(recipe.base.sha256)}
    ]
    resources += [
        {"type": _RESOURCE_TYPES.get(a.kind, a.kind), "name": a.name, "weight": a.weight, "hash": auto_v2(a.sha256)}
        for a in recipe.adapters
    ]
    values: dict[str, object] = {
        "prompt": prompt_with_adapters(recipe),
        "negativePrompt": recipe.negative_prompt,
        "cfgScale": recipe.cfg_scale,
        "steps": recipe.steps,
        "sampler": recipe.sampler,
        "Schedule type": recipe.scheduler,
        "seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        "Model": recipe.base.name,
        "Model hash": auto_v2(recipe.base.sha256),
        "Version": _version(recipe),
        "hashes": _hashes(recipe),
        "resources": resources,
    }
    if recipe.clip_skip > 1:
        values["clipSkip"] = recipe.clip_skip
    if civitai := _civitai_resources(recipe):
        values["civitaiResources"] = civitai
    return values


def png_with_recipe(image: Image, recipe: Recipe) -> bytes:
    """Encode a picture as PNG with the A1111 text (`parameters`) and the full recipe (`easel`, iTXt) inside."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(PARAMETERS_KEY, parameters_text(recipe))  # tEXt; Pillow turns to iTXt beyond Latin-1
    info.add_itxt(RECIPE_KEY, recipe.to_json())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def recipe_of_png(png: bytes) -> Recipe:
    """Read the recipe back; `ValueError` when the picture holds none."""
    from PIL import Image as PillowImage

    with PillowImage.open(io.BytesIO(png)) as image:
        image.load()
        text = image.info.get(RECIPE_KEY)
    if not isinstance(text, str):
        raise ValueError(
            f"the picture holds no {RECIPE_KEY!r} text: it was not drawn by Easel, or was saved again since"
        )
    return msgspec.json.decode(str(text).encode(), type=Recipe)


def auto_v2(sha256: str) -> str:
    """The first ten digits of a file's SHA-256, by which programs look models up."""
    return sha256[:10].lower()


def _version(recipe: Recipe) -> str:
    return f"Easel {recipe.versions.get('easel', '')}".strip()


def _hashes(recipe: Recipe) -> dict[str, str]:
    hashes = {"model": auto_v2(recipe.base.sha256)}
    for adapter in recipe.adapters:
        prefix = "embed" if adapter.kind == EMBEDDING_KIND else "lora"
        name = adapter.token if adapter.kind == EMBEDDING_KIND and adapter.token else _file_name(adapter.name)
        hashes[f"{prefix}:{name}"] = auto_v2(adapter.sha256)
    return hashes


def _civitai_resources(recipe: Recipe) -> list[dict[str, object]]:
    resources: list[dict[str, object]] = []
    if recipe.base.version_id is not None:
        resources.append({"type": "checkpoint", "modelVersionId": recipe.base.version_id})
    resources += [
        {"type": _RESOURCE_TYPES.get(a.kind, a.kind), "weight": a.weight, "modelVersionId": a.version_id}
        for a in recipe.adapters
        if a.version_id is not None
    ]
    return resources


def _file_name(name: str) -> str:
    """A name that cannot break the `<lora:name:weight>` and `name: hash` syntaxes."""
    return re.sub(r"[,:<>\"\s]+", "_", name.removesuffix(".safetensors"))


def _quoted(value: str) -> str:
    """A1111's rule (`infotext_utils.quote`): JSON quotes where the value holds a comma, colon or line break."""
    if any(mark in value for mark in (",", "\n", ":")):
        return json.dumps(value, ensure_ascii=False)
    return value
