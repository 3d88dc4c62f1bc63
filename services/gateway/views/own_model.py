"""A model that nobody sees but its owner and the moderators: draft, refused, withdrawn or taken down."""

from __future__ import annotations

from dataclasses import dataclass

from services.gateway.rendering import Frame, render
from services.gateway.views.card import type_label
from services.gateway.views.files import ScanBadge, scan_badge
from services.gateway.views.text import human_size
from shared.api import hub


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnFileView:
    """One file with its state; it has a report once all of its bytes have arrived."""

    id: int
    name: str
    size: str
    badge: ScanBadge
    has_report: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnVersionView:
    """One version and why it is as it is."""

    id: int
    name: str
    status: str
    reason: str | None
    files: tuple[OwnFileView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnModelView:
    """The whole model."""

    name: str
    type: str
    status: str
    owner: str
    versions: tuple[OwnVersionView, ...]


def own_model_view(model: hub.HubModel) -> OwnModelView:
    """The model, newest version first."""
    return OwnModelView(
        name=model.name,
        type=type_label(model.type),
        status=model.status,
        owner=model.owner,
        versions=tuple(_version(version) for version in reversed(model.versions)),
    )


def _version(version: hub.HubVersion) -> OwnVersionView:
    return OwnVersionView(
        id=version.id,
        name=version.name,
        status=version.status,
        reason=version.status_reason,
        files=tuple(
            OwnFileView(
                id=file.id,
                name=file.name,
                size=human_size(file.size_bytes),
                badge=scan_badge("pending" if file.state == "uploading" else file.state, None),
                has_report=file.state != "uploading",
            )
            for file in version.files
        ),
    )


def render_own_model(frame: Frame, model: hub.HubModel) -> str:
    """Its page."""
    return render("own_model.html.jinja", frame, view=own_model_view(model))
