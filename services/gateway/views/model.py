"""The model page: one version of a model with its pictures, files, words, licence and reviews."""

from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from services.gateway.views.card import base_model_label, creator_href, model_href, tag_href, type_label
from services.gateway.views.commands import Commands, pull_command, report_commands
from services.gateway.views.files import FileView, file_views, pick_download
from services.gateway.views.pictures import GalleryView, gallery_view
from services.gateway.views.reviews import ReviewsView, reviews_view
from services.gateway.views.text import Date, clean_html, human_count, human_date, origin_of
from services.gateway.views.wire import HubModel, Model, Previews, Reviews, Version
from shared.api.community import ReportReason

PERMISSIONS_TO_SELL = (
    ("Image", "Sell pictures made with it"),
    ("RentCivit", "Run it on this hub's paid generation"),
    ("Rent", "Run it on other paid generation services"),
    ("Sell", "Sell the model or a merge of it"),
)
"""Uses that a creator may allow, and how a person reads them."""


_REPORT_REASONS: tuple[tuple[ReportReason, str], ...] = (
    ("malware", "It may harm computers"),
    ("stolen", "It is somebody else's work"),
    ("illegal", "It is against the law"),
    ("mislabelled", "It is not what it says"),
    ("real-person", "It shows a real person"),
    ("minor-safety", "It endangers children"),
    ("spam", "It is spam"),
    ("other", "Something else"),
)


class ReasonView(NamedTuple):
    """A reason to report a model, as the API and as people call it."""

    value: ReportReason
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A link with a note beside it."""

    label: str
    href: str
    note: str = ""
    is_current: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """One thing the licence allows or refuses, in words."""

    text: str
    is_allowed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far the drawing of previews is; `refresh_href` answers with the gallery as it is then."""

    status: str
    text: str
    done: int
    total: int
    refresh_href: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviewsView:
    """The gallery of a version, and how far its drawing is."""

    gallery: GalleryView
    progress: Progress | None
    are_rendered_here: bool
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesView:
    """The files of a version; `refresh_href` is set while one of them waits for its scan."""

    files: tuple[FileView, ...]
    refresh_href: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelView:
    """Everything the model template reads."""

    id: int
    version_id: int
    name: str
    type: str
    href: str
    summary: str
    creator: Link | None
    tags: tuple[Link, ...]
    downloads: str
    likes: str
    is_taken_down: bool
    is_archived: bool
    version_name: str
    base_model: str
    base_model_label: str
    versions: tuple[Link, ...]
    previews: PreviewsView
    download: FileView | None
    trained_words: tuple[str, ...]
    files: FilesView
    about: Markup
    version_notes: Markup
    permissions: tuple[Permission, ...]
    air: str
    published: Date | None
    updated: Date | None
    pull_command: str
    report_commands: Commands
    report_reasons: tuple[ReasonView, ...]
    reviews: ReviewsView


def find_version(model: Model, version_id: int | None) -> Version | None:
    """The version asked for, or the latest where none is; None where the model has no such version."""
    if version_id is None:
        return model.model_versions[0] if model.model_versions else None
    return next((version for version in model.model_versions if version.id == version_id), None)


def trained_words(words: list[str]) -> tuple[str, ...]:
    """Trained words one a chip: trimmed, without repeats, in the creator's order."""
    cleaned = (word.strip().strip(",").strip() for word in words)
    return tuple(dict.fromkeys(word for word in cleaned if word))


def commercial_uses(value: list[str] | str) -> set[str]:
    """The commercial uses allowed; reads a list, one word, or the `{A,B}` text that older hubs send."""
    names = value.strip("{}").split(",") if isinstance(value, str) else value
    return {name.strip() for name in names} - {"", "None"}


def permissions(model: Model) -> tuple[Permission, ...]:
    """The licence in words, each allowed or not."""
    uses = commercial_uses(model.allow_commercial_use)
    return (
        Permission(text="Use it without crediting the creator", is_allowed=model.allow_no_credit),
        *(Permission(text=text, is_allowed=use in uses) for use, text in PERMISSIONS_TO_SELL),
        Permission(text="Share merges and changes of it", is_allowed=model.allow_derivatives),
        Permission(text="Give merges other permissions", is_allowed=model.allow_different_license),
    )


def preview_progress(model: Model, version: Version, previews: Previews) -> Progress | None:
    """Where the drawing stands, in words; None where there is nothing to say."""
    drawn = f"{previews.done} of {previews.total}" if previews.total else ""
    texts = {
        "queued": "Previews are in line to be drawn",
        "waiting": previews.reason or "Previews wait until a renderer is free",
        "rendering": f"Drawing previews: {drawn}" if drawn else "Drawing previews",
        "failed": f"Previews could not be drawn: {previews.reason or 'no reason was given'}",
    }
    if previews.status not in texts:
        return None
    goes_on = previews.status != "failed"
    return Progress(
        status=previews.status,
        text=texts[previews.status],
        done=previews.done,
        total=previews.total,
        refresh_href=f"/models/{model.id}/previews?versionId={version.id}" if goes_on else None,
    )


def previews_view(model: Model, version: Version, hub: HubModel | None) -> PreviewsView:
    """The gallery of a version and, while previews are being drawn, how far that is."""
    hub_version = hub.find_version(version.id) if hub else None
    previews = hub_version.previews if hub_version else Previews()
    return PreviewsView(
        gallery=gallery_view(version.images, model_name=model.name, seed=model.id),
        progress=preview_progress(model, version, previews),
        are_rendered_here=previews.done > 0,
        tone=f"tone-{model.id % 12}",
    )


def files_view(model: Model, version: Version, hub: HubModel | None) -> FilesView:
    """The files of a version; they refresh themselves while a scan is pending."""
    files = file_views(version, hub.find_version(version.id) if hub else None)
    is_pending = any(file.badge.state == "pending" for file in files)
    href = f"/models/{model.id}/files?versionId={version.id}" if is_pending else None
    return FilesView(files=files, refresh_href=href)


def _version_links(model: Model, current: Version) -> tuple[Link, ...]:
    return tuple(
        Link(
            label=version.name,
            note=version.base_model,
            href=model_href(model, version.id),
            is_current=version.id == current.id,
        )
        for version in model.model_versions
    )


def model_view(model: Model, version: Version, reviews: Reviews | None, hub: HubModel | None) -> ModelView:
    """The page of one version of a model."""
    files = files_view(model, version, hub)
    origin = origin_of(version.download_url)
    username = model.creator.username if model.creator else None
    is_withdrawn = model.mode in ("Archived", "TakenDown")
    return ModelView(
        id=model.id,
        version_id=version.id,
        name=model.name,
        type=type_label(model.type),
        href=model_href(model),
        summary=f"{type_label(model.type)}, {base_model_label(version.base_model)}",
        creator=Link(label=username, href=creator_href(username)) if username else None,
        tags=tuple(Link(label=tag, href=tag_href(tag)) for tag in model.tags),
        downloads=human_count(model.stats.download_count or 0),
        likes=human_count(model.stats.thumbs_up_count),
        is_taken_down=model.mode == "TakenDown",
        is_archived=model.mode == "Archived",
        version_name=version.name,
        base_model=version.base_model,
        base_model_label=base_model_label(version.base_model),
        versions=_version_links(model, version),
        previews=previews_view(model, version, hub),
        download=None if is_withdrawn else pick_download(files.files),
        trained_words=trained_words(version.trained_words),
        files=files,
        about=clean_html(model.description),
        version_notes=clean_html(version.description),
        permissions=permissions(model),
        air=version.air,
        published=human_date(version.published_at),
        updated=human_date(version.updated_at),
        pull_command=pull_command(model, version),
        report_commands=report_commands(model, origin),
        report_reasons=tuple(ReasonView(value, text) for value, text in _REPORT_REASONS),
        reviews=reviews_view(model, version, reviews, origin),
    )
