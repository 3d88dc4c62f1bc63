"""`easel demo`: a hub with something in it, in the foreground, until Ctrl-C."""

from __future__ import annotations

from cli.up import running_hub, say, wait_until_stopped


def demo() -> None:
    """Run the hub with demo models until Ctrl-C: publish them, offer a dangerous file, draw previews, show a table."""
    from cli.demonstration import show_demo

    with running_hub() as hub:
        show_demo(hub)
        say(f"\nThe hub is at {hub.hub.url('gateway')}  (Ctrl-C stops it; the same command starts it with its data)")
        wait_until_stopped(hub)
