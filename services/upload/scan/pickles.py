"""Judges one pickle by two readers: our symbolic machine, which decides, and picklescan, which may only add doubt."""

from __future__ import annotations

import io
import logging

from picklescan.scanner import SafetyLevel, scan_pickle_bytes

from services.upload.scan.allowlist import is_allowed
from services.upload.scan.machine import walk_pickle
from services.upload.scan.pickle_stack import Walk
from services.upload.scan.pickle_values import Global
from services.upload.scan.report import Analysis, Assessment, PickleImport, printable

MAX_PICKLE_BYTES = 64 << 20
"""A checkpoint of 20,000 tensors has a pickle of 3 MB."""

# picklescan logs what we report; the scanner's log is not the place for it.
logging.getLogger("picklescan").setLevel(logging.CRITICAL)


def analyse_pickle(analysis: Analysis, data: bytes, member: str, start: int = 0, *, in_torch: bool = False) -> Walk:
    """Walk the pickle at `start` and record imports and findings; positions count from the start of the member."""
    walk = walk_pickle(data, start, in_torch=in_torch)
    known = _second_opinion(analysis, data[start : walk.end], member)
    for found, position in walk.imports:
        safety = known.pop((found.module, found.name), None)
        _record(analysis, found, f"{member} > {position}", safety)
    for (module, name), safety in known.items():
        # Read by picklescan alone: one of the two readers is wrong about the stream.
        _record(analysis, Global(module, name), member, safety)
    for fault in walk.faults:
        analysis.add(fault.code, f"{member} > {fault.position}", fault.message, is_dangerous=fault.is_dangerous)
    if not walk.is_complete and not walk.faults:
        analysis.add("pickle.malformed", member, "The pickle has no end.")
    return walk


def _second_opinion(analysis: Analysis, data: bytes, member: str) -> dict[tuple[str, str], SafetyLevel]:
    """The imports that picklescan reads in the same bytes. What it cannot read at all is a finding, never nothing."""
    try:
        result = scan_pickle_bytes(io.BytesIO(data), member, multiple_pickles=False)
    except Exception as error:  # it raises bare exceptions of many kinds on malformed input
        analysis.add("pickle.unreadable", member, f"The pickle cannot be inspected ({error}). Re-save as safetensors.")
        return {}
    return {(found.module, found.name): found.safety for found in result.globals}


def _record(analysis: Analysis, found: Global, location: str, safety: SafetyLevel | None) -> None:
    assessment: Assessment = "allowed" if is_allowed((found.module, found.name)) else "suspicious"
    if safety is SafetyLevel.Dangerous or (found.module, found.name) == ("unknown", "unknown"):
        assessment = "dangerous"
    analysis.add_import(
        PickleImport(
            module=printable(found.module, 200),
            name=printable(found.name, 200),
            assessment=assessment,
            location=location,
        )
    )
    if assessment != "allowed":
        analysis.add(
            "pickle.import",
            location,
            f"The pickle imports {found}, which weights never need and which may run code. Re-save as safetensors.",
            is_dangerous=True,
        )
