"""How long `easel up` takes until every service is ready and the page is there; with no state, and with state.

The baseline is one interpreter that imports one service (the catalog) and ends: what a single process costs at least.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import msgspec

from benchmarks.hub import benchmark_port, scratch_folder
from benchmarks.report import Machine, Spread, publish, say
from deploy.laptop.environment import Laptop, LaptopSettings
from deploy.laptop.hub import not_ready
from shared.processes import SERVICES

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 600.0


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the command to each event, and from Ctrl-C to its end."""

    page: float
    all_ready: float
    ready: dict[str, float]
    stop: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `page` is the first 200 of `/`, `ready` that of the last service's `/health/ready`."""

    without_state_ready: Spread
    without_state_page: Spread
    with_state_ready: Spread
    with_state_page: Spread
    stop: Spread
    one_import: Spread
    ratio_to_one_import: float
    """Median of `without_state_ready` over the median of `one_import`."""
    starts: dict[str, list[Start]]

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"easel up without state: ready {self.without_state_ready} s, page {self.without_state_page} s",
            f"easel up with state:    ready {self.with_state_ready} s, page {self.with_state_page} s",
            f"stop: {self.stop} s; one import {self.one_import} s, ratio {self.ratio_to_one_import:.1f}",
        ]


def has_page(laptop: Laptop) -> bool:
    """Whether the front page is there."""
    try:
        with urlopen(laptop.url("gateway"), timeout=4) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def time_start(state: Path) -> Start:
    """Run `easel up` until everything is there, then Ctrl-C."""
    laptop = Laptop(LaptopSettings(port=benchmark_port(), state=state))
    keep = {name: value for name, value in os.environ.items() if not name.startswith("EASEL_")}
    environment = keep | {"EASEL_PORT": str(laptop.settings.port), "EASEL_STATE": str(state)}
    command = [str(Path(sys.executable).with_name("easel")), "up"]
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    seen: dict[str, float] = {}
    waiting = {"page": has_page} | {
        each.name: lambda hub, name=each.name: not_ready(hub, name) is None for each in SERVICES
    }
    try:
        while waiting:
            for name in [name for name, look in waiting.items() if look(laptop)]:
                seen[name] = round(time.monotonic() - started, 2)
                del waiting[name]
            if process.poll() is not None or time.monotonic() - started > _PATIENCE_SECONDS:
                raise RuntimeError(f"easel up did not become ready: {', '.join(waiting)} missing; see {state}/logs")
            time.sleep(_POLL_SECONDS)
        # It looks for itself, too; until it has said so, Ctrl-C would interrupt a start.
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("The hub is at"))
    finally:
        process.send_signal(signal.SIGINT)
        stopping = time.monotonic()
        process.wait(120)
    ready = {each.name: seen[each.name] for each in SERVICES}
    start = Start(
        page=seen["page"], all_ready=max(ready.values()), ready=ready, stop=round(time.monotonic() - stopping, 2)
    )
    say(f"  ready {start.all_ready:.1f} s, page {start.page:.1f} s, stop {start.stop:.1f} s")
    return start


def time_import() -> float:
    """Seconds of one interpreter that imports one service."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import uvicorn, services.catalog.app"], check=True)
    return time.monotonic() - started


def measure(runs: int, folder: Path) -> Result:
    """Alternate: a start without state, then one with the state that it left."""
    starts: dict[str, list[Start]] = {"without_state": [], "with_state": []}
    imports = []
    for run in range(runs):
        imports.append(time_import())
        state = folder / f"state-{run}"
        for kind, found in starts.items():
            say(f"run {run + 1} of {runs}, {kind.replace('_', ' ')} …")
            found.append(time_start(state))
    without_state, with_state = starts["without_state"], starts["with_state"]
    ready, one_import = Spread.of([start.all_ready for start in without_state]), Spread.of(imports)
    return Result(
        without_state_ready=ready,
        without_state_page=Spread.of([start.page for start in without_state]),
        with_state_ready=Spread.of([start.all_ready for start in with_state]),
        with_state_page=Spread.of([start.page for start in with_state]),
        stop=Spread.of([start.stop for found in starts.values() for start in found]),
        one_import=one_import,
        ratio_to_one_import=round(ready.median / one_import.median, 1),
        starts=starts,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="starts of each kind (default: 3)")
    runs = parser.parse_args().runs
    machine = Machine.this()
    with scratch_folder() as folder:
        result = measure(runs, folder)
    publish(machine, result, result.lines())


if __name__ == "__main__":
    main()
