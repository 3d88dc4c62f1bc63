"""`easel search-index`: the index that searches ask, made again (administrators)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import WaitTimedOut
from cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from cli.client import HubClient

_PATH = "/api/hub/search/rebuild"
_POLL_SECONDS = 0.5

search_index = typer.Typer(help="The search index (administrators).", no_args_is_help=True)

Follow = Annotated[bool, typer.Option("--follow", help="Only watch the rebuild that was asked for last.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Show how far it is until it is done.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait; the hub goes on by itself.")]


@search_index.command("rebuild")
def rebuild(follow: Follow = False, wait: Wait = True, timeout: Timeout = 3_600.0, json_only: JsonFlag = False) -> None:
    """Make the search index again from what search knows; the old one answers until the new one is complete."""
    from cli.client import HubClient

    out = Output(json_only=json_only)
    with HubClient.from_environment() as client:
        asked = client.get(_PATH, dict) if follow else client.post(_PATH, {}, dict)
        found = _watch(client, asked, out, timeout) if wait else asked
    out.document(found)
    state = "made again" if found["endedAt"] else "being made again"
    out.line(f"search index {state}: {found['done']} of {found['total']} models")


def _watch(client: HubClient, asked: dict[str, Any], out: Output, timeout_seconds: float) -> dict[str, Any]:
    """The rebuild once it has ended. Raises WaitTimedOut."""
    import time

    ends_at = time.monotonic() + timeout_seconds
    found = asked
    with out.counting("search index") as bar:
        while not found["endedAt"]:
            if time.monotonic() > ends_at:
                raise WaitTimedOut(
                    f"after {timeout_seconds:g} s {found['done']} of {found['total']} models are in the new index",
                    hint="It goes on by itself: `easel search-index rebuild --follow` watches on.",
                )
            time.sleep(_POLL_SECONDS)
            found = client.get(_PATH, dict)
            bar.show(found["done"], found["total"])
    return found
