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


class NewReview(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/versions/{id}/reviews`."""

    recommended: bool
    text: Annotated[str, Meta(max_length=10_000, pattern=NO_NUL)] = ""


class Review(Answer, frozen=True, kw_only=True):
    """What somebody says of a version."""

    id: int
    model_id: int
    version_id: int
    username: str
    recommended: bool
    text: str
    created_at: str


class ReviewPage(Answer, frozen=True, kw_only=True):
    """Reviews, newest first."""

    items: list[Review]
    next_cursor: str | UnsetType = UNSET


ReportReason = Literal["malware", "stolen", "illegal", "mislabelled", "real-person", "minor-safety", "spam", "other"]


class NewReport(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/reports`."""

    subject_type: Literal["model"]
    subject_id: Id
    reason: ReportReason
    details: Annotated[str, Meta(max_length=5_000, pattern=NO_NUL)] = ""


class Report(Answer, frozen=True, kw_only=True):
    """A report in the moderators' queue."""

    id: int
    subject_type: str
    subject_id: int
    reason: str
    details: str
    status: Literal["open", "closed"]
    reporter: str
    created_at: str
    decision: str | None = None


class ReportPage(Answer, frozen=True, kw_only=True):
    """Reports, oldest open first."""

    items: list[Report]


class NewTakedown(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/takedowns`."""

    model_id: Id
    reason: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=NO_NUL)]


class NewRating(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/ratings`: how mature a picture, or a model as a whole, is."""

    subject_type: Literal["model", "image"]
    subject_id: Id
    level: Level
    reason: Annotated[str, Meta(max_length=2_000)] = ""


class ProposedRating(Ask, frozen=True, kw_only=True):
    """Body of `PUT /api/hub/images/{id}/rating`: what the publisher says; a moderator's word counts more."""

    level: Literal[1, 2, 4, 8, 16]


class HubImage(Answer, frozen=True, kw_only=True):
    """A picture with its ratings: a moderator's, its publisher's (0: none), and what it counts as."""

    id: int
    model_id: int
    version_id: int
    level: int
    proposed_level: int
    shown_level: int


class Decision(Answer, frozen=True, kw_only=True):
    """A moderator's decision, as the audit log keeps it; `subject_id` and `level` are a rating's."""

    id: int
    action: Literal["takedown", "restore", "rate", "override", "reject-appeal"]
    model_id: int | None
    """Not of decisions on files."""
    subject_type: Literal["model", "image"] = "model"
    subject_id: int | None = None
    level: int | None = None
    reason: str
    moderator: str
    created_at: str
    file_id: int | None = None
    """Of a decision about a file."""


class DecisionPage(Answer, frozen=True, kw_only=True):
    """The audit log, newest first."""

    items: list[Decision]


class ScanStep(Answer, frozen=True, kw_only=True):
    """One step of a scan: the content against its format, the imports of pickles, the antivirus."""

    name: Literal["content", "imports", "antivirus"]
    verdict: Literal["clean", "dangerous", "invalid", "failed", "not-scanned", "none"]
    """"none": there is nothing for this step to look at; "not-scanned": it did not look."""
    text: str


class ScanFinding(Finding, frozen=True, kw_only=True):
    """One thing the scanner found, and what to do about it."""

    advice: str


class ScanImport(Answer, frozen=True, kw_only=True):
    """What a pickle in the file imports when it is loaded."""

    name: str
    assessment: Literal["allowed", "suspicious", "dangerous"]
    location: str


class ScanAntivirus(Answer, frozen=True, kw_only=True):
    """What the antivirus said. `windows`: in how many overlapping pieces it saw the file."""

    status: Literal["clean", "infected", "not-scanned"]
    engine: str
    signatures: str
    windows: int
    found: str | None
    message: str | None


class ScanOverride(Answer, frozen=True, kw_only=True):
    """A moderator's word that lets a file pass in spite of its findings."""

    reason: str
    moderator: str
    at: str


class Appeal(Answer, frozen=True, kw_only=True):
    """The uploader of a refused file asks the moderators to look at it; `reason` is their answer."""

    id: int
    file_id: int
    version_id: int
    file_name: str
    verdict: str
    findings: list[str]
    text: str
    status: Literal["open", "accepted", "rejected", "closed"]
    username: str
    created_at: str
    reason: str | None = None


class FileScan(Answer, frozen=True, kw_only=True):
    """The report of the last scan of a file."""

    file_id: int
    version_id: int
    model_id: int | UnsetType = UNSET
    name: str
    type: str
    size_bytes: int
    format: str | None
    state: FileState
    """The verdict in force; what a moderator lets pass is clean in spite of its findings."""
    is_waiting: bool
    """Whether it is in line to be scanned, or scanned again."""
    sha256: str | None
    hashes: dict[str, str]
    steps: list[ScanStep]
    findings: list[ScanFinding]
    imports: list[ScanImport]
    antivirus: ScanAntivirus | None
    """None: this hub has no antivirus."""
    scanner_version: str | None
    rules_version: str | None
    scanned_at: str | None
    same_bytes_as: int | None
    """The file of the same bytes whose scan this is."""
    override: ScanOverride | None
    trouble: str | None
    """Why the last rescan has no result; the one before stands."""
    appeal: Appeal | None = None


class NewAppeal(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/files/{id}/appeals`."""

    text: Annotated[str, Meta(min_length=1, max_length=5_000, pattern=r"\S")]


class AppealAnswer(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/appeals/{id}/accept` and `/reject`."""

    reason: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"\S")]


class NewOverride(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/overrides`: a refused file that is to pass without an appeal."""

    file_id: Id
    reason: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"\S")]


class AppealPage(Answer, frozen=True, kw_only=True):
    """Appeals, oldest first."""

    items: list[Appeal]


class Notification(Answer, frozen=True, kw_only=True):
    """Something that concerns an account. `path` is the page about it."""

    id: str
    kind: str
    title: str
    text: str
    path: str
    created_at: str
    read: bool


class NotificationPage(Answer, frozen=True, kw_only=True):
    """One's notifications, newest first; `unread` counts all that are not read."""

    items: list[Notification]
    unread: int
    next_cursor: str | UnsetType = UNSET


class ReadNotifications(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/notifications/read`: some, or all up to now."""

    ids: Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(max_length=1_000)] | None = None


class NewRescan(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/rescans`: one way to say which files, else all whose report is out of date."""

    all: bool = False
    rules_older_than: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    version_id: Id | None = None
    sha256: Annotated[list[Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{64}$")]], Meta(max_length=1_000)] = []


class Rescan(Answer, frozen=True, kw_only=True):
    """Files that are scanned again, and what has come of it: clean, refused (those withdrawn), or without a result."""

    id: int
    asked_by: str
    created_at: str
    files: int
    files_left: int
    size_bytes: int
    bytes_left: int
    clean: int
    refused: int
    failed: int


class RescanPage(Answer, frozen=True, kw_only=True):
    """Rescans, newest first."""

    items: list[Rescan]
