"""`easel rescan`: published files are scanned again, with today's rules and signatures (administrators)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import UsageInvalid, WaitTimedOut
from cli.output import JsonFlag, Output, size_text

if TYPE_CHECKING:
    from cli.client import HubClient

_POLL_SECONDS = 1.0

Everything = Annotated[bool, typer.Option("--all", help="Every published file, also those that lack nothing.")]
RulesOlderThan = Annotated[
    str | None, typer.Option("--rules-older-than", metavar="VERSION", help="Those scanned by older rules.")
]
OfVersion = Annotated[int | None, typer.Option("--version", metavar="ID", min=1, help="Those of one version.")]
Sha256 = Annotated[list[str] | None, typer.Option("--sha256", metavar="HASH", help="Those with these bytes.")]
Follow = Annotated[int | None, typer.Option("--follow", metavar="ID", min=1, help="Only watch a rescan of before.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Show how far it is until it is done.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait; the hub goes on by itself.")]


def rescan(
    everything: Everything = False, rules_older_than: RulesOlderThan = None, version: OfVersion = None,
    sha256: Sha256 = None, follow: Follow = None, wait: Wait = True, timeout: Timeout = 86_400.0,
    json_only: JsonFlag = False,
) -> None:  # fmt: skip
    """Scan published files again (administrators): all whose report is out of date, unless you say which.

    They wait behind fresh uploads. A file that is not clean any more is withdrawn at once; its creator and everybody
    who has downloaded it are told. Files whose scan has failed are tried again, too.
    """
    from cli.client import HubClient

    ways = [everything, rules_older_than is not None, version is not None, bool(sha256), follow is not None]
    if sum(ways) > 1:
        raise UsageInvalid("choose one of --all, --rules-older-than, --version, --sha256 and --follow")
    body: dict[str, object] = {"all": everything, "sha256": sha256 or []}
    if rules_older_than is not None:
        body["rulesOlderThan"] = rules_older_than
    if version is not None:
        body["versionId"] = version
    out = Output(json_only=json_only)
    with HubClient.from_environment() as client:
        if follow is None:
            asked = client.create("/api/hub/moderation/rescans", body, dict)
            out.note(f"rescan {asked['id']}: {asked['files']} files, {size_text(asked['sizeBytes'])}")
        else:
            asked = client.get(f"/api/hub/moderation/rescans/{follow}", dict)
        found = _watch(client, asked, out, timeout) if wait else asked
    out.document(found)
    out.line(_summary(found))


def _watch(client: HubClient, asked: dict[str, Any], out: Output, timeout_seconds: float) -> dict[str, Any]:
    """The rescan once nothing of it is left. Raises WaitTimedOut."""
    import time

    ends_at = time.monotonic() + timeout_seconds
    found = asked
    with out.progress(f"rescan {asked['id']}", asked["sizeBytes"]) as bar:
        while found["filesLeft"]:
            if time.monotonic() > ends_at:
                raise WaitTimedOut(
                    f"after {timeout_seconds:g} s {found['filesLeft']} of {found['files']} files are left",
                    hint=f"It goes on by itself: `easel rescan --follow {asked['id']}` watches on.",
                    extra={"rescanId": asked["id"]},
                )
            time.sleep(_POLL_SECONDS)
            found = client.get(f"/api/hub/moderation/rescans/{asked['id']}", dict)
            bar.reset(found["sizeBytes"] - found["bytesLeft"])
    return found


def _summary(found: dict[str, Any]) -> str:
    done = f"rescan {found['id']}: {found['files'] - found['filesLeft']} of {found['files']} files"
    parts = [f"{found[name]} {name}" for name in ("clean", "refused", "failed") if found[name]]
    return ", ".join([done, *parts])
