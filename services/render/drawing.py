"""What is to be drawn and what came out: the values that the planner, the drawer and its child process share."""

from __future__ import annotations

from typing import Literal

import msgspec

from services.render.recipe import Recipe

DrawKind = Literal["checkpoint", "adapter", "embedding"]


class DrawItem(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a job; `seed` starts its own noise generator, so no item depends on its neighbours."""

    index: int
    prompt: str
    seed: int
    negative_prompt: str = ""


class BaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint that draws. `path` is a local `.safetensors` file whose bytes have this `sha256`."""

    path: str
    sha256: str
    name: str
    version_id: int | None = None


class AdapterFile(msgspec.Struct, frozen=True, kw_only=True):
    """A LoRA, LoCon or embedding on top of the base.

    `kind` is the scanner's name ("lora", "locon", "textual_inversion"); `autov3` is the hash without the header;
    `token` is the word in the prompts that stands for an embedding, and empty for the other kinds.
    """

    path: str
    kind: str
    sha256: str
    name: str
    autov3: str | None = None
    version_id: int | None = None
    weight: float = 1.0
    token: str = ""


class DrawJob(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures of one version. `items` holds only what is still to be drawn; width and height are in pixels."""

    job_id: str
    kind: DrawKind
    family: str
    base: BaseFile
    items: tuple[DrawItem, ...]
    width: int
    height: int
    steps: int
    cfg_scale: float
    adapters: tuple[AdapterFile, ...] = ()


class DrawnImage(msgspec.Struct, frozen=True, kw_only=True):
    """One finished picture. `png` carries the recipe; `seconds` is this picture's share of its batch."""

    job_id: str
    index: int
    png: bytes
    width: int
    height: int
    blurhash: str
    recipe: Recipe
    seconds: float


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job stands: `phase` "loading" (base and adapters) or "drawing" step `step` of `steps` of `indexes`."""

    job_id: str
    phase: Literal["loading", "drawing"]
    indexes: tuple[int, ...] = ()
    step: int = 0
    steps: int = 0
