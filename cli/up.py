"""`easel up`: a whole hub on this machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

from cli.errors import CommandFailed

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.laptop.hub import RunningHub

_WATCH_SECONDS = 1.0


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived."""


def up() -> None:
    """Run the hub on this machine until Ctrl-C: engines, services, and what they keep under EASEL_STATE (.easel)."""
    with running_hub() as hub:
        say(f"\nThe hub is at {hub.hub.url('gateway')}  (Ctrl-C stops it)")
        wait_until_stopped(hub)


def say(text: str) -> None:
    """Tell a person; standard output, at once."""
    print(text, flush=True)


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    # One signal is enough; while everything is being stopped, more of them change nothing.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


@contextmanager
def running_hub() -> Iterator[RunningHub]:
    """A hub that is ready; stopped, with everything it started, when the block ends or a signal arrives."""
    from deploy.laptop.environment import Laptop
    from deploy.laptop.hub import AlreadyRunning, HubNotReady, RunningHub

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_signal)
    _pass_on_interrupts_of_make()
    laptop = Laptop()
    is_first_start = not laptop.admin_key_file.exists()
    started = time.monotonic()
    hub = RunningHub(laptop)
    is_ready = False
    try:
        say(f"Starting the hub (state in {laptop.state}) …")
        hub.start()
        hub.wait_ready()
        say(f"Ready after {time.monotonic() - started:.1f} s.")
        if is_first_start:
            key = laptop.admin_key_file.read_text().strip()
            say(f"Administrator's API key: {key}\n  kept in {laptop.admin_key_file}; use it as EASEL_TOKEN")
        is_ready = True
        yield hub
    except Stopped:
        say("\nStopping …")
    except (AlreadyRunning, HubNotReady, RuntimeError) as error:
        raise CommandFailed(str(error), hint=f"Logs are in {laptop.state}/logs; `easel doctor` says more.") from error
    finally:
        hub.stop()
    say("Stopped.")
    if not is_ready:
        raise typer.Exit  # stopped while it started: there is no hub for the block


def wait_until_stopped(hub: RunningHub) -> None:
    """Return never, but for a signal; raises if the process manager ends by itself."""
    while hub.poll() is None:
        time.sleep(_WATCH_SECONDS)
    raise RuntimeError("the process manager ended by itself")


def _pass_on_interrupts_of_make() -> None:
    """Notice a SIGINT that reached only `make`.

    At a terminal Ctrl-C reaches the whole foreground group. Sent to make alone (by a script, say) it is not passed on:
    make (4.3, `fatal_error_signal`) resets its handler and waits for us for ever. The reset shows in its signal mask.
    """
    import os
    from pathlib import Path

    parent = os.getppid()
    status = Path(f"/proc/{parent}/status")
    if sys.platform != "linux" or not _is_make(parent) or not _catches_interrupts(status):
        return

    def watch() -> None:
        while _catches_interrupts(status):
            time.sleep(_WATCH_SECONDS / 2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True, name="watch make").start()


def _is_make(pid: int) -> bool:
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() in ("make", "gmake")
    except OSError:
        return False


def _catches_interrupts(status: Path) -> bool:
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return False  # the parent is gone: nobody is left to stop us
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) & (1 << (signal.SIGINT - 1)))
