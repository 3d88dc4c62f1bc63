"""`easel doctor`: what of the hub runs, what is missing, and how to mend it."""

from __future__ import annotations

import os

import typer

from cli.errors import ExitCode
from cli.output import JsonFlag, Output


def doctor(json_only: JsonFlag = False) -> None:
    """Examine the hub: every process and engine on this machine, or only the gateway of a remote hub.

    Exit code 0 if all is well, 1 if something is down or missing.
    """
    import msgspec

    from cli.checkup import examine
    from cli.client import hub_url

    url = hub_url()
    checks = examine(url, os.environ)
    is_well = all(check.is_ok for check in checks)
    out = Output(json_only=json_only)
    out.document({"ok": is_well, "url": url, "checks": msgspec.to_builtins(checks)})
    out.table(
        ("", "what", "where", "state"),
        [("ok" if check.is_ok else "!!", check.name, check.where, check.detail) for check in checks],
    )
    names_by_fix: dict[str, list[str]] = {}
    for check in checks:
        if check.fix:
            names_by_fix.setdefault(check.fix, []).append(check.name)
    for fix, names in names_by_fix.items():
        out.line(f"{', '.join(names)}: {fix}")
    if not is_well:
        raise typer.Exit(ExitCode.FAILED)
