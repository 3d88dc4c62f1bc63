"""The Civitai-compatible read API, version 1: shapes and enumerations.

Frozen: a field is never renamed, retyped or removed. `UNSET` fields are absent from the JSON, which is not the same as
null to the programs that read it.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

ORIGIN: Final = "http://origin.easel.invalid"
"""Stands for the hub's public origin in documents made inside; the gateway puts the real one in its place."""

MODEL_TYPES: Final = (
    "Checkpoint", "TextualInversion", "Hypernetwork", "AestheticGradient", "LORA", "LoCon", "DoRA", "Controlnet",
    "Upscaler", "MotionModule", "VAE", "TextEncoder", "UNet", "CLIPVision", "Poses", "Wildcards", "Workflows",
    "ComfyWorkflows", "Detection", "VisionLanguage", "CLIP", "LLM", "Other",
)  # fmt: skip
FILE_TYPES: Final = (
    "Model", "Text Encoder", "Vision Encoder", "Pruned Model", "Negative", "Training Data", "VAE", "Config", "Archive",
    "UNet", "Diffusion Model", "CLIPVision", "ControlNet", "Workflow", "Upscaler", "Enhancement LoRA", "Other",
)  # fmt: skip
FILE_FORMATS: Final = ("SafeTensor", "PickleTensor", "GGUF", "Diffusers", "Core ML", "ONNX", "Other")
COMMERCIAL_USES: Final = ("None", "Image", "RentCivit", "Rent", "Sell")
MODEL_SORTS: Final = (
    "Highest Rated", "Most Downloaded", "Most Liked", "Most Discussed", "Most Collected", "Most Images", "Newest",
    "Oldest",
)  # fmt: skip
PERIODS: Final = ("Day", "Week", "Month", "Year", "AllTime")

LEVEL_PG: Final = 1
LEVEL_MATURE_MASK: Final = 4 | 8 | 16 | 32
LEVEL_ALL: Final = 31

ScanResult = Literal["Pending", "Success", "Danger", "Error"]


class V1(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the shapes: camel-case names on the wire."""


class Stats(V1, frozen=True, kw_only=True):
    """Counters of a model."""

    download_count: int
    thumbs_up_count: int
    thumbs_down_count: int
    comment_count: int
    tipped_amount_count: int = 0


class VersionStats(V1, frozen=True, kw_only=True):
    """Counters of a version."""

    download_count: int
    thumbs_up_count: int
    thumbs_down_count: int


class Creator(V1, frozen=True, kw_only=True):
    """Who published a model."""

    username: str
    image: str | None = None


class FileMetadata(V1, frozen=True, kw_only=True):
    """What a file is; unknown facts are absent, since a null breaks a client."""

    format: str | UnsetType = UNSET
    size: str | UnsetType = UNSET
    fp: str | UnsetType = UNSET


class File(V1, frozen=True, kw_only=True):
    """A file of a version. `size_kb` is bytes / 1024, never rounded; `hashes` hold upper-case hexadecimal."""

    id: int
    size_kb: float = msgspec.field(name="sizeKB")
    name: str
    override_name: str | None = None
    type: str
    metadata: FileMetadata
    pickle_scan_result: ScanResult
    pickle_scan_message: str | None
    virus_scan_result: ScanResult
    virus_scan_message: str | None
    scanned_at: str | None
    hashes: dict[str, str]
    download_url: str
    primary: bool


class Image(V1, frozen=True, kw_only=True):
    """A picture of a version. `hash` is a BlurHash; `nsfw_level` one bit of 1, 2, 4, 8, 16."""

    id: int | UnsetType = UNSET
    url: str
    nsfw_level: int
    width: int
    height: int
    hash: str
    type: Literal["image", "video", "audio"] = "image"
    minor: bool = False
    poi: bool = False
    has_meta: bool
    has_positive_prompt: bool
    on_site: bool = False
    remix_of_id: int | None = None
    metadata: dict[str, Any] | UnsetType = UNSET
    meta: dict[str, Any] | UnsetType | None = UNSET
    availability: str | UnsetType = UNSET


class Version(V1, frozen=True, kw_only=True):
    """A version inside a model."""

    id: int
    index: int
    name: str
    base_model: str
    base_model_type: str | None = "Standard"
    created_at: str | UnsetType = UNSET
    published_at: str
    status: str | UnsetType = UNSET
    availability: str = "Public"
    nsfw_level: int
    description: str | None
    trained_words: list[str]
    vae_id: int | None = None
    flags: int = 0
    paid_access: None = None
    stats: VersionStats
    supports_generation: bool | UnsetType = UNSET
    covered: bool | UnsetType = UNSET
    files: list[File]
    images: list[Image]
    download_url: str


class Model(V1, frozen=True, kw_only=True):
    """A model as lists and `/models/{id}` show it."""

    id: int
    name: str
    description: str
    allow_no_credit: bool
    allow_commercial_use: list[str]
    allow_derivatives: bool
    allow_different_license: bool
    type: str
    minor: bool
    sfw_only: bool = False
    poi: bool
    nsfw: bool
    nsfw_level: int
    availability: str = "Public"
    user_id: int
    base_models: list[str]
    cosmetic: None = None
    supports_generation: bool = False
    stats: Stats
    creator: Creator
    tags: list[str]
    model_versions: list[Version]


class Metadata(V1, frozen=True, kw_only=True):
    """Paging of a list. On the last page `nextCursor` and `nextPage` are absent."""

    total_items: int | UnsetType = UNSET
    current_page: int | UnsetType = UNSET
    page_size: int | UnsetType = UNSET
    total_pages: int | UnsetType = UNSET
    next_cursor: str | UnsetType = UNSET
    next_page: str | UnsetType = UNSET


class ModelPage(V1, frozen=True, kw_only=True):
    """Answer of `GET /api/v1/models`."""

    items: list[Model]
    metadata: Metadata


class VersionModel(V1, frozen=True, kw_only=True):
    """What a version tells of its model."""

    name: str
    type: str
    nsfw: bool
    poi: bool


class VersionDetailStats(V1, frozen=True, kw_only=True):
    """Counters of `/model-versions/{id}`."""

    download_count: int
    thumbs_up_count: int
    thumbs_down_count: int = 0


class VersionDetail(V1, frozen=True, kw_only=True):
    """Answer of `/model-versions/{id}` and `/model-versions/by-hash/{hash}`."""

    id: int
    model_id: int
    name: str
    nsfw_level: int
    created_at: str
    updated_at: str
    status: str = "Published"
    published_at: str
    trained_words: list[str]
    training_status: None = None
    training_details: None = None
    base_model: str
    base_model_type: str | None = "Standard"
    description: str | None
    upload_type: str = "Created"
    usage_control: str = "Download"
    licensing_fee: None = None
    paid_access: None = None
    availability: str = "Public"
    early_access_config: dict[str, Any] = {}
    early_access_ends_at: str | None = None
    air: str
    stats: VersionDetailStats
    model: VersionModel
    files: list[File]
    images: list[Image]
    download_url: str


class ErrorBody(V1, frozen=True, kw_only=True):
    """How this API tells of errors."""

    error: str
