"""`easel scan`: judge one's own files as the hub would, on this machine alone."""

from __future__ import annotations

from typing import Annotated

import typer

Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, and folders with all that is in them.")]
Lines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line for each file, and nothing else.")]
Allowed = Annotated[
    list[str] | None,
    typer.Option("--allow-import", metavar="MODULE.NAME", help="Let pickles import this too; can be repeated."),
]


def scan(paths: Paths, *, json_lines: Lines = False, allow_import: Allowed = None) -> None:
    """Scan files and folders with the hub's own scanner, offline: nothing is sent anywhere.

    Exit code 0 if all are clean, 1 if one is dangerous, 2 if none is but one is invalid or cannot be read.
    Each line of --json has path, verdict (clean, dangerous, invalid), format, findings and hashes.
    """
    from cli.errors import UsageInvalid
    from cli.scanned import scan_paths
    from services.upload.scan.additions import parse_additions

    try:
        additions = parse_additions(allow_import or ())
    except ValueError as error:
        raise UsageInvalid(f"--allow-import: {error}.") from error
    raise typer.Exit(scan_paths(paths, json_lines=json_lines, additions=additions))
