"""Settings of the planner and the renderer."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from shared.settings import Settings

GPU_CLASSES = ("small", "medium", "large")


class RenderSettings(Settings):
    """How many previews, where models are kept, which classes of work this renderer takes."""

    preview_count: int = Field(default=4, ge=1, le=16)
    """Pictures drawn for each published version."""
    render_classes: str = "small"
    """Comma-separated classes of GPU memory that this renderer draws for: small (16-24 GB), medium (48), large (80)."""
    render_attempts: int = Field(default=3, ge=1)
    """A job that has been started so often without an end is given up."""
    cache_dir: Path = Path("/tmp/easel-cache")  # noqa: S108 (files are verified by hash before each use)
    cache_bytes: int = Field(default=50 << 30, ge=1 << 20)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")

    @field_validator("render_classes")
    @classmethod
    def _known_classes(cls, value: str) -> str:
        chosen = [name.strip() for name in value.split(",") if name.strip()]
        strange = sorted(set(chosen) - set(GPU_CLASSES))
        if strange or not chosen:
            raise ValueError(f"EASEL_RENDER_CLASSES takes {', '.join(GPU_CLASSES)}, comma-separated, not {value!r}")
        return ",".join(chosen)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes as a tuple."""
        return tuple(self.render_classes.split(","))
