"""Files as pages show them: scan badge, hashes, the lines that download and check them."""

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from markupsafe import Markup

from services.gateway.views.text import Date, human_date, human_size, markdown
from services.gateway.views.wire import File, FileState, Finding, HubFile, HubVersion, Version

BadgeState = Literal["clean", "pending", "dangerous", "invalid", "failed"]

_PICKLE_SUFFIXES = {".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle"}

_BADGES: dict[BadgeState, tuple[str, str]] = {
    "clean": ("Scanned, clean", "Every byte was checked and nothing harmful was found."),
    "pending": ("Scan pending", "The download opens as soon as the scan says clean."),
    "dangerous": (
        "Blocked: dangerous",
        "The scan found code that could harm your computer. It cannot be downloaded.",
    ),
    "invalid": ("Blocked: not valid", "The file is not what it claims to be, so it cannot be downloaded."),
    "failed": (
        "Scan failed",
        "The scan could not be finished and will be tried again. It cannot be downloaded yet.",
    ),
}

_STATE_OF: dict[FileState, BadgeState] = {
    "uploading": "pending",
    "pending": "pending",
    "clean": "clean",
    "dangerous": "dangerous",
    "invalid": "invalid",
    "failed": "failed",
}

_FORMATS = {"SafeTensor": "SafeTensors", "PickleTensor": "Pickle"}
_HASH_ORDER = ("SHA256", "AutoV2", "AutoV1", "AutoV3", "CRC32", "BLAKE3")
_SHOWN_FACTS = {"format", "size", "fp", "quantType"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanBadge:
    """A scan state in words; the icon has the state's name."""

    state: BadgeState
    text: str
    explanation: str
    scanned: Date | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FileView:
    """One file of a version. `download_url` is None unless the file is clean."""

    id: int
    name: str
    size: str
    traits: tuple[str, ...]
    badge: ScanBadge
    is_pickle: bool
    is_primary: bool
    findings: tuple[Finding, ...]
    messages: tuple[Markup, ...]
    hashes: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    download_url: str | None
    check_command: str | None
    download_command: str | None


def badge_state(file: File, hub_file: HubFile | None) -> BadgeState:
    """The scan state of a file: the hub's own where known, else the worse of the two v1 results."""
    if hub_file is not None:
        return _STATE_OF[hub_file.state]
    results = {file.pickle_scan_result, file.virus_scan_result}
    if "Danger" in results:
        return "dangerous"
    if "Error" in results:
        return "failed"
    # Anything but two plain successes is not clean.
    return "clean" if results == {"Success"} else "pending"


def scan_badge(state: BadgeState, scanned_at: str | None, *, is_virus_scanned: bool = True) -> ScanBadge:
    """The badge for a state and the time (ISO 8601) of its scan. Clean without an antivirus is said to be just that."""
    text, explanation = _BADGES[state]
    if state == "clean" and not is_virus_scanned:
        text, explanation = f"{text}; not virus scanned", f"{explanation} No antivirus has looked at it."
    return ScanBadge(state=state, text=text, explanation=explanation, scanned=human_date(scanned_at))


def is_pickle(file: File) -> bool:
    """Whether a file is of a format that can run code when it is loaded, by its format or its name."""
    suffix = PurePosixPath(file.name.lower()).suffix
    return file.metadata.get("format") == "PickleTensor" or suffix in _PICKLE_SUFFIXES


def _traits(file: File) -> tuple[str, ...]:
    """What tells a file from its siblings: kind, format, size class, precision."""
    facts = file.metadata
    format_name = str(facts.get("format") or "")
    traits = [file.type if file.type != "Model" else "", _FORMATS.get(format_name, format_name)]
    traits += [str(facts.get(key) or "") for key in ("size", "fp", "quantType")]
    return tuple(trait for trait in traits if trait and trait != "None")


def _facts(file: File) -> tuple[tuple[str, str], ...]:
    """What the file says about itself beyond its traits; nested values are for tools."""
    return tuple(
        (key, str(value))
        for key, value in sorted(file.metadata.items())
        if key not in _SHOWN_FACTS and value not in (None, "") and not isinstance(value, dict | list)
    )


def file_view(file: File, hub_file: HubFile | None) -> FileView:
    """A file for the page; commands are quoted for a POSIX shell, because names come from users."""
    state = badge_state(file, hub_file)
    url = file.download_url if state == "clean" else None
    sha256 = file.hashes.get("SHA256")
    check_line = shlex.quote(f"{sha256.lower()}  {file.name}") if sha256 else None
    download = None
    if url is not None:
        download = f"curl -L -C - -o {shlex.quote(file.name)} {shlex.quote(url)}"
    return FileView(
        id=file.id,
        name=file.name,
        size=human_size(file.size_kb * 1024),
        traits=_traits(file),
        badge=scan_badge(state, file.scanned_at, is_virus_scanned=file.virus_scan_result == "Success"),
        is_pickle=is_pickle(file),
        is_primary=file.primary,
        findings=tuple(hub_file.findings) if hub_file else (),
        messages=tuple(markdown(text) for text in (file.pickle_scan_message, file.virus_scan_message) if text),
        hashes=tuple((name, file.hashes[name]) for name in _HASH_ORDER if file.hashes.get(name)),
        facts=_facts(file),
        download_url=url,
        check_command=f"echo {check_line} | sha256sum --check" if check_line else None,
        download_command=download,
    )


def file_views(version: Version, hub_version: HubVersion | None) -> tuple[FileView, ...]:
    """All files of a version, the primary one first."""
    hub_files = {file.id: file for file in hub_version.files} if hub_version else {}
    ordered = sorted(version.files, key=lambda file: not file.primary)
    return tuple(file_view(file, hub_files.get(file.id)) for file in ordered)


def pick_download(files: tuple[FileView, ...]) -> FileView | None:
    """The file behind the one download button: the primary one if clean, else the first that is."""
    return next((file for file in files if file.download_url), None)
