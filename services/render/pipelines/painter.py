"""One device that draws jobs: base, adapters, batches of one fixed size, pictures with their recipes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import blurhash
import diffusers
import numpy
import torch
import transformers
from PIL import Image

from services.render.checks import picture_fault
from services.render.drawing import DrawItem, DrawJob, DrawnImage, Progress
from services.render.errors import CannotDraw
from services.render.families import Family, load_family
from services.render.pipelines.adapters import applied, check_words, with_tokens
from services.render.pipelines.loading import WarmPipelines, device_type, dtype_name
from services.render.recipe import Recipe, RecipeAdapter, RecipeBase, png_with_recipe

_BLURHASH_PIXELS = 32
_BLURHASH_COMPONENTS = (4, 3)


class Stopped(Exception):
    """The job is no longer wanted."""


class Painter:
    """Draws on one device. Not thread-safe: one job at a time.

    `device` is "auto", "cpu" or "cuda:N"; `threads` is for the CPU; `keep` is the number of base models kept warm.
    """

    def __init__(self, *, families_dir: Path, device: str = "auto", threads: int = 1, keep: int = 2) -> None:
        if device == "auto":
            device = "cuda:0" if torch.cuda.is_available() else "cpu"
        self.device = device
        self.device_name = torch.cuda.get_device_name(device) if device_type(device) == "cuda" else "cpu"
        torch.set_num_threads(threads)
        torch.backends.cudnn.deterministic = True
        self._families_dir = families_dir
        self._pipelines = WarmPipelines(device, keep)
        self._largest_bucket: dict[tuple[str, int, int], int] = {}
        self.versions = _versions()

    def draw(
        self, job: DrawJob, *, on_progress: Callable[[Progress], None], is_wanted: Callable[[], bool]
    ) -> Iterator[DrawnImage]:
        """Draw a job's items. Raises `CannotDraw`, or `Stopped` at the first step after `is_wanted()` is false."""
        try:
            family = load_family(job.family, self._families_dir)
        except KeyError as error:
            raise CannotDraw(f"Previews for the base model {job.family} are not drawn here.") from error
        if job.width % 8 or job.height % 8:
            raise CannotDraw(f"{job.width}×{job.height} cannot be drawn: both sides must be multiples of 8.")
        check_words([item.prompt for item in job.items], job.adapters)
        on_progress(Progress(job_id=job.job_id, phase="loading"))
        with torch.inference_mode():
            pipe = self._pipelines.get(job.base, family)
            with applied(pipe, job.adapters, family) as tokens:
                yield from self._batches(_Session(pipe, job, family, tokens, on_progress, is_wanted))
        self._pipelines.free_unused()

    def _batches(self, session: _Session) -> Iterator[DrawnImage]:
        """Draw in buckets. When memory runs out the bucket is halved, and remembered for this family and size."""
        job, family = session.job, session.family
        size = (family.name, job.width, job.height)
        bucket = self._largest_bucket.get(size, family.buckets[device_type(self.device)])
        pending = list(job.items)
        while pending:
            batch = pending[:bucket]
            started = time.perf_counter()
            try:
                pictures = session.draw_batch(batch, bucket)
            except torch.OutOfMemoryError as error:
                if bucket == 1:
                    raise CannotDraw(
                        f"One picture of {job.width}×{job.height} needs more memory than {self.device_name} has."
                    ) from error
                bucket //= 2
                self._largest_bucket[size] = bucket
                self._pipelines.free_unused()
                continue
            seconds = (time.perf_counter() - started) / len(batch)
            for item, pixels in zip(batch, pictures, strict=False):  # the rest are fillers
                yield _drawn_image(pixels, self._recipe(job, family, item, bucket), job, item, seconds)
            pending = pending[len(batch) :]

    def _recipe(self, job: DrawJob, family: Family, item: DrawItem, bucket: int) -> Recipe:
        return Recipe(
            prompt=item.prompt,
            negative_prompt=item.negative_prompt,
            steps=job.steps,
            sampler=family.sampler,
            scheduler=family.schedule_type,
            cfg_scale=job.cfg_scale,
            seed=item.seed,
            width=job.width,
            height=job.height,
            clip_skip=family.clip_skip,
            base=RecipeBase(
                name=job.base.name, sha256=job.base.sha256, version_id=job.base.version_id, family=family.name
            ),
            adapters=tuple(
                RecipeAdapter(
                    name=adapter.name,
                    kind=adapter.kind,
                    sha256=adapter.sha256,
                    autov3=adapter.autov3,
                    version_id=adapter.version_id,
                    weight=adapter.weight,
                    token=adapter.token,
                )
                for adapter in job.adapters
            ),
            device=self.device_name,
            dtype=dtype_name(family, self.device),
            threads=torch.get_num_threads() if self.device == "cpu" else None,
            versions=self.versions,
            bucket=bucket,
        )


@dataclass(frozen=True)
class _Session:
    """A job with its pipeline ready and its adapters applied."""

    pipe: Any
    job: DrawJob
    family: Family
    tokens: dict[str, str]
    on_progress: Callable[[Progress], None]
    is_wanted: Callable[[], bool]

    def draw_batch(self, batch: Sequence[DrawItem], bucket: int) -> Any:
        """Pixels (bucket, height, width, 3), floats 0 to 1. The last item is repeated, so that the shape is fixed."""
        job, clip_skip = self.job, self.family.clip_skip
        indexes = tuple(item.index for item in batch)

        def after_step(_pipe: Any, step: int, _timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
            if not self.is_wanted():
                raise Stopped(job.job_id)
            self.on_progress(
                Progress(job_id=job.job_id, phase="drawing", indexes=indexes, step=step + 1, steps=job.steps)
            )
            return values

        filled = [*batch, *[batch[-1]] * (bucket - len(batch))]
        return self.pipe(
            prompt=[with_tokens(item.prompt, self.tokens) for item in filled],
            negative_prompt=[with_tokens(item.negative_prompt, self.tokens) for item in filled],
            # One CPU generator each: a picture depends on neither its neighbours nor the device's generator.
            generator=[torch.Generator("cpu").manual_seed(item.seed) for item in filled],
            num_inference_steps=job.steps,
            guidance_scale=job.cfg_scale,
            width=job.width,
            height=job.height,
            clip_skip=clip_skip - 1 if clip_skip > 1 else None,  # diffusers counts the layers left out
            output_type="np",
            callback_on_step_end=after_step,
        ).images


def _drawn_image(pixels: Any, recipe: Recipe, job: DrawJob, item: DrawItem, seconds: float) -> DrawnImage:
    if fault := picture_fault(pixels):
        raise CannotDraw(
            f"The picture for {item.prompt!r} with seed {item.seed} is none: {fault}. "
            "The weights are probably damaged, or overflow in half precision."
        )
    image = Image.fromarray((pixels * 255).round().astype(numpy.uint8))
    return DrawnImage(
        job_id=job.job_id,
        index=item.index,
        png=png_with_recipe(image, recipe),
        width=image.width,
        height=image.height,
        blurhash=blurhash_of(image),
        recipe=recipe,
        seconds=seconds,
    )


def blurhash_of(image: Image.Image) -> str:
    """The BlurHash (4 by 3 components) of a picture, from a copy of at most 32 pixels a side."""
    small = image.convert("RGB")
    small.thumbnail((_BLURHASH_PIXELS, _BLURHASH_PIXELS))
    return str(blurhash.encode(small, *_BLURHASH_COMPONENTS))


def _versions() -> dict[str, str]:
    versions = {
        "torch": str(torch.__version__),
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
    }
    with suppress(metadata.PackageNotFoundError):  # in a source tree that is not installed there is none to state
        versions["easel"] = metadata.version("easel")
    return versions
