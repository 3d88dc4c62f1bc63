"""Models, versions and files."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from shared.api.v1.foundation import V1, Metadata

ScanResult = Literal["Pending", "Success", "Danger", "Error"]


class Stats(V1, frozen=True, kw_only=True):
    """Counters of a model. The last three are read by old tools; `rating` is 0 to 5, the share of thumbs up."""

    download_count: int
    thumbs_up_count: int
    thumbs_down_count: int
    comment_count: int
    tipped_amount_count: int = 0
    favorite_count: int = 0
    rating_count: int = 0
    rating: float = 0.0


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
    quant_type: str | UnsetType = UNSET
    is_required: bool | UnsetType = UNSET


class PaidAccess(V1, frozen=True, kw_only=True):
    """That a version is in early access, and until when."""

    permanent: bool
    ends_at: str | None


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
    early_access_deadline: str | UnsetType = UNSET
    paid_access: PaidAccess | None = None
    stats: VersionStats
    supports_generation: bool | UnsetType = UNSET
    covered: bool | UnsetType = UNSET
    files: list[File]
    images: list[Image]
    download_url: str | UnsetType = UNSET


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
    mode: Literal["Archived", "TakenDown"] | UnsetType = UNSET
    supports_generation: bool = False
    stats: Stats
    creator: Creator
    tags: list[str]
    model_versions: list[Version]


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
    mode: Literal["Archived", "TakenDown"] | UnsetType = UNSET


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
    paid_access: PaidAccess | None = None
    availability: str = "Public"
    early_access_config: dict[str, Any] = {}
    early_access_ends_at: str | None = None
    air: str
    stats: VersionDetailStats
    model: VersionModel
    files: list[File]
    images: list[Image]
    download_url: str | UnsetType = UNSET


class VersionOfHash(V1, frozen=True, kw_only=True):
    """One match of `POST /model-versions/by-hash/ids`; `hash` in upper case."""

    model_version_id: int
    model_id: int
    hash: str


class MiniVersion(V1, frozen=True, kw_only=True):
    """Answer of `/model-versions/mini/{id}`: what a program needs to load a file. `size` is in KiB."""

    air: str
    version_name: str
    model_name: str
    base_model: str
    user_id: int
    availability: str
    published_at: str | None
    size: float
    file_type: str
    file_name: str
    hashes: dict[str, str]
    download_urls: list[str]
    format: str | UnsetType = UNSET
    can_generate: bool = False
    is_featured: bool = False
    require_auth: bool = False
    check_permission: bool = False
    early_access_ends_at: str | UnsetType = UNSET
    minor: bool
    sfw_only: bool = False
    payout_enabled: bool = False
    additional_resource_charge: bool = False
    fees: list[dict[str, Any]] = []


class Tensor(V1, frozen=True, kw_only=True):
    """One entry of a file's header. `dtype` is the name that the format has for it."""

    name: str
    shape: list[int]
    dtype: str
    size_bytes: int


class DtypeCount(V1, frozen=True, kw_only=True):
    """How many tensors are of one kind of number, and their bytes."""

    dtype: str
    count: int
    bytes: int


class TensorMetadata(V1, frozen=True, kw_only=True):
    """Answer of `/model-files/{id}/tensor-metadata`; `tensors` is absent with `summaryOnly`."""

    format: Literal["SafeTensor", "GGUF"]
    tensor_count: int
    total_tensor_bytes: int
    dtype_counts: list[DtypeCount]
    detected_model_type: str | None = None
    largest_tensor: Tensor | None
    vram_estimate: None = None
    tensors: list[Tensor] | UnsetType = UNSET
