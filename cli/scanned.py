"""What `easel scan` does. It loads neither the command line's library nor the engine, since it should start at once."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cli.found_files import FoundFile, find_files
from cli.local_scan import scan_all

if TYPE_CHECKING:
    from services.upload.scan.report import ScanReport

DANGEROUS, INVALID = 1, 2
_COLOURS = {"clean": 32, "dangerous": 31, "invalid": 33}


def scan_paths(paths: Sequence[str], *, json_lines: bool, additions: frozenset[tuple[str, str]] = frozenset()) -> int:
    """Scan all that the paths name and print a line for each file; the exit code."""
    files = list(find_files(paths))
    verdicts: Counter[str] = Counter()
    with _progress(files, json_lines) as advance:
        for file, report in scan_all(files, advance, additions):
            line = as_line(file.path, report)
            verdicts[line["verdict"]] += 1
            # ASCII, so that names with undecodable bytes (half characters in Python and JSON alike) come through.
            print(json.dumps(line) if json_lines else _for_people(line), flush=True)
    if not json_lines:
        counts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
        print(f"{_count(len(files))}: {counts or 'none'}", file=sys.stderr, flush=True)
    return DANGEROUS if verdicts["dangerous"] else INVALID if verdicts["invalid"] else 0


@contextmanager
def _progress(files: Sequence[FoundFile], json_lines: bool) -> Iterator[Callable[[int], None]]:
    if json_lines:
        yield lambda _: None
        return
    from cli.output import Output

    total_bytes = sum(file.size_bytes for file in files)
    with Output(json_only=False).progress(f"Scanning {_count(len(files))}", total_bytes) as progress:
        yield progress.advance


def as_line(path: str, report: ScanReport) -> dict[str, Any]:
    """What `--json` prints of a file. A scan that could not be finished is no scan: invalid."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(report)
    verdict = "invalid" if report.verdict == "failed" else report.verdict
    return {"path": path, **found, "verdict": verdict}


def _for_people(line: dict[str, Any]) -> str:
    from cli.output import size_text

    word = f"{line['verdict']:<9}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        word = f"\x1b[1;{_COLOURS[line['verdict']]}m{word}\x1b[0m"
    texts = [f"{word}  {_printable(line['path'])}  ({line['format']}, {size_text(line['sizeBytes'])})"]
    for finding in line["findings"]:
        place = f" [{finding['location']}]" if finding["location"] else ""
        texts.append(f"{'':<11}{finding['message']}{place}")
    return "\n".join(texts)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"
