"""Easel's own API beside the compatible one: publish, review, report, moderate. Requests refuse unknown fields."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

Id = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""An id as it may come in a path or a body: positive, 32 bits. A larger one is refused here, not by a driver."""
ONE_LINE = r"^[^\S\x00-\x1f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?!\n)"
"""One line that is not blank and has no control characters; for both Python's and JavaScript's expressions."""
NO_NUL = r"^[^\x00]*$"
OPEN_OR_CLOSED = "^(open|closed)$"
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
Text = Annotated[str, Meta(max_length=100_000, pattern=NO_NUL)]
Word = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
Tag = Annotated[str, Meta(min_length=1, max_length=60, pattern=ONE_LINE)]
UploadId = UUID

Availability = Literal["Public", "Unsearchable", "Private"]
"""`Unsearchable` is for those who have its address, `Private` for its owner (and the moderators)."""
CheckpointType = Literal["Trained", "Merge"]
BaseModelType = Literal["Standard", "Inpainting", "Refiner", "Pix2Pix"]
UsageControl = Literal["Download", "Generation", "InternalGeneration", "ExternalGeneration"]
"""Anything but `Download` closes the files of a version."""
Level = Literal[1, 2, 4, 8, 16, 32]
"""How mature something is: PG, PG-13, R, X, XXX; 32 is blocked, which nobody sees."""
CommercialUse = Literal["None", "Image", "RentCivit", "Rent", "Sell"]

VersionStatus = Literal["Draft", "Scanning", "Published", "Refused", "TakenDown", "Unpublished"]
FileState = Literal["uploading", "pending", "clean", "dangerous", "invalid", "failed"]
UploadStatus = Literal["open", "complete", "aborted", "expired"]
PreviewStatus = Literal["none", "queued", "rendering", "done", "failed", "waiting"]


class Ask(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of request bodies."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of answers."""


class NewModel(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/models`. `description` is Markdown."""

    name: Name
    type: str
    description: Text = ""
    tags: Annotated[list[Tag], Meta(max_length=50)] = []
    nsfw: bool = False
    poi: bool = False
    minor: bool = False
    sfw_only: bool = False
    checkpoint_type: CheckpointType | None = None
    availability: Availability = "Public"
    allow_no_credit: bool = True
    allow_commercial_use: Annotated[list[str], Meta(max_length=50)] = msgspec.field(
        default_factory=lambda: ["Image", "RentCivit", "Rent", "Sell"]
    )
    allow_derivatives: bool = True
    allow_different_license: bool = True


class ModelChange(Ask, frozen=True, kw_only=True):
    """Body of `PATCH /api/hub/models/{id}`: what is absent stays as it is."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    tags: Annotated[list[Tag], Meta(max_length=50)] | UnsetType = UNSET
    nsfw: bool | UnsetType = UNSET
    poi: bool | UnsetType = UNSET
    minor: bool | UnsetType = UNSET
    sfw_only: bool | UnsetType = UNSET
    checkpoint_type: CheckpointType | UnsetType | None = UNSET
    availability: Availability | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    """Archived: shown where archived models are asked for, and no longer downloadable by anybody."""
    allow_no_credit: bool | UnsetType = UNSET
    allow_commercial_use: list[CommercialUse] | UnsetType = UNSET
    allow_derivatives: bool | UnsetType = UNSET
    allow_different_license: bool | UnsetType = UNSET


class NewVersion(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/models/{id}/versions`. `base_version_id`: the version an adapter is to be drawn on."""

    name: Name
    base_model: str
    description: Text = ""
    trained_words: Annotated[list[Word], Meta(max_length=100)] = []
    base_version_id: Id | None = None


class ComponentLink(Ask, frozen=True, kw_only=True):
    """A published version whose file is used along: as a VAE, a text encoder, … (`type` is a type of file)."""

    type: Literal["VAE", "Text Encoder", "UNet", "Diffusion Model", "CLIPVision", "ControlNet", "Config"]
    version_id: Id


class VersionChange(Ask, frozen=True, kw_only=True):
    """Body of `PATCH /api/hub/versions/{id}`: what is absent stays as it is. Files of a published version are final."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    trained_words: Annotated[list[Word], Meta(max_length=100)] | UnsetType = UNSET
    base_model_type: BaseModelType | UnsetType = UNSET
    usage_control: UsageControl | UnsetType = UNSET
    require_login: bool | UnsetType = UNSET
    """Whether only people with an account may download it."""
    availability: Availability | UnsetType = UNSET
    early_access_until: str | UnsetType | None = UNSET
    """ISO 8601 with its zone. Until then nobody downloads it but its owner and those of `early_access_for`."""
    early_access_for: Annotated[list[Word], Meta(max_length=1000)] | UnsetType = UNSET
    """Usernames."""
    components: Annotated[list[ComponentLink], Meta(max_length=20)] | UnsetType = UNSET


class FileFacts(Ask, frozen=True, kw_only=True):
    """What the publisher says of a file."""

    format: str | None = None
    size: Literal["full", "pruned"] | None = None
    fp: Annotated[str, Meta(max_length=64)] | None = None
    quant_type: Annotated[str, Meta(max_length=64)] | None = None
    override_name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """The name to download the file under, instead of the one that the hub makes."""
    is_required: bool | None = None


class FilePreferences(Ask, frozen=True, kw_only=True):
    """Body of `PUT /api/hub/me/file-preferences`: which of a version's files a download means when it names none."""

    format: str | None = None
    size: Literal["full", "pruned"] | None = None
    fp: Annotated[str, Meta(max_length=64)] | None = None
    quant_type: Annotated[str, Meta(max_length=64)] | None = None


class NewUpload(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/versions/{id}/uploads`."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    size_bytes: int
    type: str = "Model"
    metadata: FileFacts = FileFacts()


class PartNumbers(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/uploads/{id}/urls`."""

    parts: Annotated[list[Annotated[int, Meta(ge=1, le=10_000)]], Meta(min_length=1, max_length=1_000)]


class PartTag(Ask, frozen=True, kw_only=True):
    """A part that was sent: its number and the ETag the store answered with."""

    number: Annotated[int, Meta(ge=1, le=10_000)]
    etag: Annotated[str, Meta(min_length=1, max_length=200)]


class CompleteUpload(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/uploads/{id}/complete`."""

    parts: Annotated[list[PartTag], Meta(min_length=1, max_length=10_000)]


class UploadPart(Answer, frozen=True, kw_only=True):
    """A part the store has."""

    number: int
    etag: str
    size_bytes: int


class Upload(Answer, frozen=True, kw_only=True):
    """One file on its way: send the missing parts, then complete."""

    id: str
    file_id: int
    version_id: int
    name: str
    size_bytes: int
    part_size_bytes: int
    part_count: int
    status: UploadStatus
    expires_at: str
    parts: list[UploadPart]


class UploadPage(Answer, frozen=True, kw_only=True):
    """The caller's open uploads."""

    items: list[Upload]


class PartUrl(Answer, frozen=True, kw_only=True):
    """Where to PUT one part; no other credential is needed."""

    number: int
    url: str
    size_bytes: int
    """Exactly so many bytes belong into this part."""


class PartUrls(Answer, frozen=True, kw_only=True):
    """Signed addresses; ask again for the rest when they have expired."""

    urls: list[PartUrl]
    expires_at: str


class Finding(Answer, frozen=True, kw_only=True):
    """One thing the scanner found in a file."""

    code: str
    location: str
    message: str


class HubFile(Answer, frozen=True, kw_only=True):
    """A file as its publisher sees it."""

    id: int
    name: str
    size_bytes: int
    type: str
    state: FileState
    sha256: str | None
    hashes: dict[str, str]
    findings: list[Finding]
    override: str | None = None
    """Why a moderator lets the file pass in spite of its findings."""


class Previews(Answer, frozen=True, kw_only=True):
    """How far the hub's renderers are with a version."""

    status: PreviewStatus = "none"
    done: int = 0
    total: int = 0
    reason: str | None = None


class HubVersion(Answer, frozen=True, kw_only=True):
    """A version as its publisher sees it."""

    id: int
    model_id: int
    name: str
    base_model: str
    status: VersionStatus
    status_reason: str | None
    published_at: str | None
    url: str
    availability: Availability = "Public"
    usage_control: UsageControl = "Download"
    require_login: bool = False
    early_access_until: str | None = None
    files: list[HubFile]
    previews: Previews = Previews()


class HubModel(Answer, frozen=True, kw_only=True):
    """A model as its publisher sees it."""

    id: int
    name: str
    type: str
    description: str
    tags: list[str]
    status: VersionStatus
    url: str
    owner: str
    availability: Availability = "Public"
    archived: bool = False
    nsfw: bool = False
    checkpoint_type: CheckpointType | None = None
    versions: list[HubVersion]
