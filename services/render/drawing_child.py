"""The process that draws: started by `drawer.py`, one per device, and the only one that holds torch.

A crash of a driver or a kill for memory ends this process alone. It obeys its pipe: a `Draw` message starts a job,
`Stop` ends it at the next step, and end of file (the parent is gone) ends the process.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from services.render.drawing import DrawJob, DrawnImage, Progress
from services.render.errors import CannotDraw

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ChildSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the process draws; see `DrawerSettings`."""

    parent_pid: int
    families_dir: str
    device: str
    threads: int
    nice: int
    keep_pipelines: int


class Draw(msgspec.Struct, frozen=True, tag="draw"):
    """Parent to child: draw this."""

    job: DrawJob


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Parent to child: the running job is no longer wanted."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Child to parent: libraries are loaded."""

    device: str
    device_name: str
    versions: dict[str, str]
    import_seconds: float


class Step(msgspec.Struct, frozen=True, tag="step"):
    """Child to parent: where the job stands."""

    progress: Progress


class Drawn(msgspec.Struct, frozen=True, tag="drawn"):
    """Child to parent: a picture."""

    image: DrawnImage


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """Child to parent: the job is over, done or stopped."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Child to parent: the job cannot be drawn."""

    reason: str


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """Child to parent: an error nobody foresaw; the child ends itself after this, as its state is uncertain."""

    error: str
    traceback: str


FromParent = Draw | Stop
FromChild = Ready | Step | Drawn | Finished | Refused | Broken

encode = msgspec.msgpack.Encoder().encode
decode_from_parent = msgspec.msgpack.Decoder(FromParent).decode
decode_from_child = msgspec.msgpack.Decoder(FromChild).decode


def run(connection: Connection, settings: ChildSettings) -> None:
    """The process's main function. Returns at end of file; exits with 1 after `Broken`."""
    _tie_to_parent(settings.parent_pid)
    os.nice(settings.nice)
    os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when the libraries are imported
    os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"
    try:
        _serve(connection, settings)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent closed the pipe or is gone: that is the request to end
    except Exception as error:
        connection.send_bytes(encode(Broken(f"{type(error).__name__}: {error}", traceback.format_exc())))
        sys.exit(1)


def _serve(connection: Connection, settings: ChildSettings) -> None:
    started = time.perf_counter()
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, left behind by a kill

    from services.render.pipelines import Painter, Stopped

    painter = Painter(
        families_dir=Path(settings.families_dir),
        device=settings.device,
        threads=settings.threads,
        keep=settings.keep_pipelines,
    )
    seconds = time.perf_counter() - started
    connection.send_bytes(encode(Ready(painter.device, painter.device_name, painter.versions, seconds)))
    while True:
        message = decode_from_parent(connection.recv_bytes())
        if isinstance(message, Stop):
            continue  # it crossed with the end of its job
        try:
            for image in painter.draw(
                message.job,
                on_progress=lambda progress: connection.send_bytes(encode(Step(progress))),
                is_wanted=lambda: not _stop_waits(connection),
            ):
                connection.send_bytes(encode(Drawn(image)))
        except CannotDraw as refusal:
            connection.send_bytes(encode(Refused(refusal.reason)))
        except Stopped:
            connection.send_bytes(encode(Finished()))
        else:
            connection.send_bytes(encode(Finished()))
        _return_free_memory()


def _stop_waits(connection: Connection) -> bool:
    """Whether a `Stop` has come. End of file raises `EOFError`."""
    return connection.poll() and isinstance(decode_from_parent(connection.recv_bytes()), Stop)


def _tie_to_parent(parent_pid: int) -> None:
    """Die with the parent, and leave the terminal's and the supervisor's group signals to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # it died before the line above
            sys.exit(1)


def _return_free_memory() -> None:
    """Hand freed heap pages back to the system, so that an idle process is small (glibc only)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
