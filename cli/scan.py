"""`easel scan`: judge one's own files as the hub would, on this machine alone."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Output, size_text

if TYPE_CHECKING:
    from services.upload.scan.report import ScanReport

DANGEROUS, INVALID = 1, 2

Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, and folders with all that is in them.")]
Lines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line for each file, and nothing else.")]


def scan(paths: Paths, *, json_lines: Lines = False) -> None:
    """Scan files and folders with the hub's own scanner, offline: nothing is sent anywhere.

    Exit code 0 if all are clean, 1 if one is dangerous, 2 if none is but one is invalid or cannot be read.
    Each line of --json has path, verdict (clean, dangerous, invalid), format, findings and hashes.
    """
    from cli.found_files import find_files
    from cli.local_scan import scan_all

    out = Output(json_only=json_lines)
    files = list(find_files(paths))
    verdicts: Counter[str] = Counter()
    with out.progress(f"Scanning {_count(len(files), 'file')}", sum(file.size_bytes for file in files)) as progress:
        for file, report in scan_all(files, progress.advance):
            line = as_line(file.path, report)
            verdicts[line["verdict"]] += 1
            # ASCII, so that names with undecodable bytes (half characters in Python and JSON alike) come through.
            print(json.dumps(line) if json_lines else _for_people(line), flush=True)
    out.note(f"{_count(len(files), 'file')}: " + (", ".join(f"{verdicts[v]} {v}" for v in sorted(verdicts)) or "none"))
    if verdicts["dangerous"]:
        raise typer.Exit(DANGEROUS)
    if verdicts["invalid"]:
        raise typer.Exit(INVALID)


def as_line(path: str, report: ScanReport) -> dict[str, Any]:
    """What `--json` prints of a file. A scan that could not be finished is no scan: invalid."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(report)
    verdict = "invalid" if report.verdict == "failed" else report.verdict
    return {"path": path, **found, "verdict": verdict}


def _for_people(line: dict[str, Any]) -> str:
    colour = {"clean": typer.colors.GREEN, "dangerous": typer.colors.RED}.get(line["verdict"], typer.colors.YELLOW)
    word = f"{line['verdict']:<9}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        word = typer.style(word, fg=colour, bold=True)
    texts = [f"{word}  {_printable(line['path'])}  ({line['format']}, {size_text(line['sizeBytes'])})"]
    for finding in line["findings"]:
        place = f" [{finding['location']}]" if finding["location"] else ""
        texts.append(f"{'':<11}{finding['message']}{place}")
    return "\n".join(texts)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
