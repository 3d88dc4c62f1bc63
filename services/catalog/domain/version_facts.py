"""What is said of a version besides what its publisher said: who may see it, its AIR, where its VAE is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from services.catalog.domain import base_models
from services.catalog.domain.files import primary_file
from services.catalog.domain.model import Model, Version

_AIR_TYPES = {
    "Checkpoint": "checkpoint", "LORA": "lora", "LoCon": "lycoris", "DoRA": "dora", "TextualInversion": "embedding",
    "Hypernetwork": "hypernet", "AestheticGradient": "ag", "Controlnet": "controlnet", "Upscaler": "upscaler",
    "MotionModule": "motion", "VAE": "vae", "TextEncoder": "text_encoders", "UNet": "unet",
    "CLIPVision": "clipvision", "VisionLanguage": "visionlanguage", "CLIP": "clip",
}  # fmt: skip
_AIR = re.compile(r"(urn:)?air:", re.IGNORECASE)


def availability_of(model: Model, version: Version) -> str:
    """Who may see a version: the narrower word of its own and its model's; `EarlyAccess` while it has an end."""
    if not version.is_published or not model.is_visible or version.availability == "Private":
        return "Private"
    if "Unsearchable" in (model.availability, version.availability):
        return "Unsearchable"
    return "Public" if version.early_access_until is None else "EarlyAccess"


def vae_of(version: Version) -> int | None:
    """The version that it takes its VAE from."""
    return next((component.version_id for component in version.components if component.type == "VAE"), None)


def was_made_on_site(meta: Mapping[str, Any]) -> bool:
    """Whether generation data is that of the public site's own generator."""
    return (
        "civitaiResources" in meta and "Version" not in meta and _AIR.match(str(meta.get("Model", "air:"))) is not None
    )


def air(model: Model, version: Version) -> str:
    """The version's AIR: `urn:air:{ecosystem}:{type}:{source}:{id}@{version}`."""
    primary = primary_file(version)
    kind = _AIR_TYPES.get(model.type, "unknown")
    if primary is not None and primary.type in ("Diffusion Model", "UNet"):
        kind = {"Diffusion Model": "diffusionmodel", "UNet": "unet"}[primary.type]
    return f"urn:air:{base_models.ecosystem(version.base_model)}:{kind}:civitai:{model.id}@{version.id}"
