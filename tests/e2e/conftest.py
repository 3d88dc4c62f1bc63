"""The demo's checkpoint and one of its LoRAs, published once on the session's hub and shared by the stories."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub_driver import HubDriver, Json


class Shared:
    """A published demo model: what `easel publish --json` said of it, and the file it was made from."""

    def __init__(self, name: str, path: Path, report: Json) -> None:
        self.name = name
        self.path = path
        self.report = report
        self.model_id: int = report["modelId"]
        self.version_id: int = report["versionId"]


@pytest.fixture(scope="session")
def shapes(hub: HubDriver, demo_models: Path) -> Shared:
    """The checkpoint that the demo's adapters are drawn on."""
    path = demo_models / "tiny-shapes.safetensors"
    report = hub.publish(path, "Quayside Shapes", "Checkpoint", "--tag", "quayside", "--description", "Drawn *scenes*.")
    return Shared("Quayside Shapes", path, report)


@pytest.fixture(scope="session")
def sketch(hub: HubDriver, demo_models: Path, shapes: Shared) -> Shared:
    """A LoRA for `shapes`."""
    path = demo_models / "tiny-sketch.safetensors"
    report = hub.publish(path, "Quayside Sketch", "LORA", "--trained-word", "pencil sketch")
    return Shared("Quayside Sketch", path, report)


@pytest.fixture(scope="session", autouse=True)
def _drawn_meanwhile(shapes: Shared) -> None:
    """The first pictures take longest; they are drawn beside the first stories instead of before a later one."""
