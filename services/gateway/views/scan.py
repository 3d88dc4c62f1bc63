"""The page of a scan report."""

from __future__ import annotations

from dataclasses import dataclass

from services.gateway.rendering import Frame, render
from services.gateway.views.files import ScanBadge, scan_badge
from services.gateway.views.text import Date, human_date, human_size
from shared.api import scans
from shared.api.inside import FilePlace

_STEPS = {"content": "Content", "imports": "Imports of pickles", "antivirus": "Antivirus"}
_STEP_ICONS = {
    "clean": "scan-clean", "none": "scan-clean", "dangerous": "scan-dangerous", "invalid": "scan-invalid",
    "failed": "scan-failed", "not-scanned": "scan-pending",
}  # fmt: skip
_STEP_WORDS = {
    "clean": "clean", "none": "nothing to check", "dangerous": "dangerous", "invalid": "not valid",
    "failed": "failed", "not-scanned": "not virus scanned",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class StepView:
    """One step with its verdict in words."""

    title: str
    word: str
    icon: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanView:
    """What the page shows. `can_appeal`, `can_decide`: which form it has."""

    file_id: int
    name: str
    model_href: str
    model_name: str
    version_name: str
    size: str
    badge: ScanBadge
    is_waiting: bool
    steps: tuple[StepView, ...]
    findings: tuple[scans.ScanFinding, ...]
    imports: tuple[scans.ScanImport, ...]
    hashes: tuple[tuple[str, str], ...]
    made_by: tuple[tuple[str, str], ...]
    scanned: Date | None
    override: scans.ScanOverride | None
    trouble: str | None
    appeal: scans.Appeal | None
    can_appeal: bool
    can_decide: bool


def _made_by(report: scans.FileScan) -> tuple[tuple[str, str], ...]:
    antivirus = report.antivirus
    rows = [
        ("Scanner", report.scanner_version),
        ("Rules", report.rules_version),
        ("Antivirus", antivirus.engine if antivirus else None),
        ("Signatures", antivirus.signatures if antivirus else None),
        ("Same bytes as file", str(report.same_bytes_as) if report.same_bytes_as else None),
    ]
    return tuple((name, value) for name, value in rows if value)


def scan_page_view(place: FilePlace, report: scans.FileScan, *, may_decide: bool) -> ScanView:
    """A report as the page of this visitor shows it."""
    is_refused = report.state in ("dangerous", "invalid", "failed")
    is_open = report.appeal is not None and report.appeal.status == "open"
    virus_scanned = report.antivirus is not None and report.antivirus.status == "clean"
    state = "pending" if report.state == "uploading" else report.state
    return ScanView(
        file_id=report.file_id,
        name=report.name,
        model_href=f"/models/{place.model_id}?modelVersionId={place.version_id}",
        model_name=place.model_name,
        version_name=place.version_name,
        size=human_size(report.size_bytes),
        badge=scan_badge(state, report.scanned_at, is_virus_scanned=virus_scanned),
        is_waiting=report.is_waiting,
        steps=tuple(
            StepView(
                title=_STEPS[step.name], word=_STEP_WORDS[step.verdict], icon=_STEP_ICONS[step.verdict], text=step.text
            )
            for step in report.steps
        ),
        findings=tuple(report.findings),
        imports=tuple(report.imports),
        hashes=tuple(report.hashes.items()),
        made_by=_made_by(report),
        scanned=human_date(report.scanned_at),
        override=report.override,
        trouble=report.trouble,
        appeal=report.appeal,
        can_appeal=place.is_own and is_refused and not is_open and not report.is_waiting,
        can_decide=may_decide and is_refused and not report.is_waiting,
    )


def render_scan(
    frame: Frame, place: FilePlace, report: scans.FileScan, *, may_decide: bool, notice: str | None = None
) -> str:
    """The page of one file's scan."""
    view = scan_page_view(place, report, may_decide=may_decide)
    return render("scan.html.jinja", frame, view=view, notice=notice)
