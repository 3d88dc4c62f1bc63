"""Judges one pickle by two readers: our symbolic machine, which decides, and picklescan, which may only add doubt."""

from __future__ import annotations

import io
from typing import BinaryIO

from services.upload.scan.allowlist import is_allowed
from services.upload.scan.machine import walk_pickle
from services.upload.scan.pickle_stack import Walk
from services.upload.scan.pickle_values import Global
from services.upload.scan.report import Analysis, Assessment, PickleImport, printable

MAX_PICKLE_BYTES = 64 << 20
"""Most of a torch archive's pickle; a checkpoint of 20,000 tensors has one of 3 MB."""
SECOND_OPINION_BYTES = 256 << 10
"""The second reader keeps a list of all operations and is slower than the first: it gets small pickles alone."""
MAX_PICKLES_IN_A_ROW = 1_000


def analyse_pickle(
    analysis: Analysis,
    source: bytes | BinaryIO,
    member: str,
    start: int = 0,
    *,
    end: int | None = None,
    in_torch: bool = False,
) -> Walk:
    """Walk the pickle at `start` and record imports and findings; positions count from the start of the source."""
    walk = walk_pickle(source, start, end, in_torch=in_torch, additions=analysis.additions)
    known = _second_opinion(analysis, _bytes_of(source, start, walk.end), member)
    for found, position in walk.imports:
        is_known_bad = known.pop((found.module, found.name), False)
        _record(analysis, found, _place(member, position), is_known_bad=is_known_bad)
    for (module, name), is_known_bad in known.items():
        # Read by picklescan alone: one of the two readers is wrong about the stream.
        _record(analysis, Global(module, name), _place(member, start), is_known_bad=is_known_bad)
    for fault in walk.faults:
        analysis.add(fault.code, _place(member, fault.position), fault.message, is_dangerous=fault.is_dangerous)
    if not walk.is_complete and not walk.faults:
        analysis.add("pickle.malformed", member, "The pickle has no end.")
    return walk


def analyse_whole_pickle(analysis: Analysis, file: BinaryIO, size_bytes: int, member: str, start: int = 0) -> Walk:
    """The pickle from `start` on. Nothing may follow it; pickles that do are looked into all the same."""
    first = analyse_pickle(analysis, file, member, start, end=size_bytes)
    if not first.is_complete or first.end == size_bytes:
        return first
    look_into_rest(analysis, file, size_bytes, member, first)
    return first


def look_into_rest(analysis: Analysis, source: bytes | BinaryIO, end: int, member: str, first: Walk) -> None:
    """Say that bytes follow a pickle where nothing may, and what they import if they are pickles themselves."""
    analysis.add("pickle.trailing", _place(member, first.end), "There are bytes after the end of the pickle.")
    walk = first
    for _ in range(MAX_PICKLES_IN_A_ROW):
        if not walk.is_complete or walk.end >= end:
            break
        walk = walk_pickle(source, walk.end, end, additions=analysis.additions)
        for found, position in walk.imports:
            _record(analysis, found, _place(member, position), is_known_bad=False)


def _place(member: str, position: int) -> str:
    return f"{member} > {position}" if member else f"byte {position}"


def _bytes_of(source: bytes | BinaryIO, start: int, end: int) -> bytes:
    """A small pickle; nothing of a large one."""
    if end - start > SECOND_OPINION_BYTES:
        return b""
    if isinstance(source, bytes):
        return source[start:end]
    source.seek(start)
    return source.read(end - start)


def load_second_reader() -> None:
    """Load picklescan, which takes a third of the engine's start (it can scan addresses, and loads HTTP for that)."""
    import logging

    import picklescan.scanner  # noqa: F401 (for whoever imports it next)

    # It logs what we report; the scanner's log is not the place for it.
    logging.getLogger("picklescan").setLevel(logging.CRITICAL)


def _second_opinion(analysis: Analysis, data: bytes, member: str) -> dict[tuple[str, str], bool]:
    """The imports that picklescan reads in the same bytes, and whether it knows them to be dangerous.

    What it cannot read at all is a finding, never nothing.
    """
    if not data:
        return {}
    load_second_reader()
    from picklescan.scanner import SafetyLevel, scan_pickle_bytes

    try:
        result = scan_pickle_bytes(io.BytesIO(data), member, multiple_pickles=False)
    except Exception as error:  # it raises bare exceptions of many kinds on malformed input
        analysis.add("pickle.unreadable", member, f"The pickle cannot be inspected ({error}). Re-save as safetensors.")
        return {}
    return {(found.module, found.name): found.safety is SafetyLevel.Dangerous for found in result.globals}


def _record(analysis: Analysis, found: Global, location: str, *, is_known_bad: bool) -> None:
    name = (found.module, found.name)
    assessment: Assessment = "allowed" if is_allowed(name, analysis.additions) else "suspicious"
    if is_known_bad or name == ("unknown", "unknown"):
        assessment = "dangerous"
    analysis.add_import(
        PickleImport(
            module=printable(found.module, 200),
            name=printable(found.name, 200),
            assessment=assessment,
            location=location,
        )
    )
    if assessment == "allowed" and not is_allowed(name):
        analysis.note(
            "info.import-allowed", location, f"The pickle imports {found}, which this hub allows by its name."
        )
    elif assessment != "allowed":
        analysis.add(
            "pickle.import",
            location,
            f"The pickle imports {found}, which weights never need and which may run code. Re-save as safetensors.",
            is_dangerous=True,
        )
