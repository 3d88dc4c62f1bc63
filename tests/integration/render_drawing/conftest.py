"""Jobs on the demo models, and one drawing process for all tests that do not break it."""

import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy
import pytest
from PIL import Image

from services.render.drawer import Drawer, DrawerSettings
from services.render.drawing import AdapterFile, BaseFile, DrawItem, DrawJob, DrawnImage

DEMO_MODELS = Path(__file__).parents[3] / "demo" / "models"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def base_file(path: Path = DEMO_MODELS / "tiny-shapes.safetensors") -> BaseFile:
    return BaseFile(path=str(path), sha256=sha256(path), name=path.stem, version_id=1)


def adapter_file(path: Path, kind: str = "locon", *, token: str = "", weight: float = 1.0) -> AdapterFile:
    return AdapterFile(path=str(path), kind=kind, sha256=sha256(path), name=path.stem, token=token, weight=weight)


def make_job(
    *prompts: str, base: BaseFile | None = None, adapters: tuple[AdapterFile, ...] = (), steps: int = 4, first: int = 0
) -> DrawJob:
    """A small job. Few steps give rough pictures, which tells as much as good ones and takes a quarter of the time."""
    prompts = prompts or ("an orange cat on a blue background", "a white house with a red roof, sunny day")
    return DrawJob(
        job_id="job",
        kind="adapter" if adapters else "checkpoint",
        family="tiny-shapes-v1",
        base=base or base_file(),
        adapters=adapters,
        items=tuple(
            DrawItem(index=first + place, prompt=prompt, seed=2 + place) for place, prompt in enumerate(prompts)
        ),
        width=128,
        height=128,
        steps=steps,
        cfg_scale=7.0,
    )


async def draw(drawer: Drawer, job: DrawJob) -> list[DrawnImage]:
    return [image async for image in drawer.draw(job)]


def pixels(image: DrawnImage) -> numpy.ndarray:
    return numpy.asarray(Image.open(io.BytesIO(image.png)).convert("RGB")).astype(int)


def all_pixels(images: list[DrawnImage]) -> numpy.ndarray:
    return numpy.stack([pixels(image) for image in images])


@pytest.fixture(scope="session")
async def drawer() -> AsyncIterator[Drawer]:
    async with Drawer(DrawerSettings(device="cpu", threads=1)) as session_drawer:
        yield session_drawer
