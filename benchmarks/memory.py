"""Memory of each process of an idle hub: resident and proportional.

The baseline is a bare interpreter that has imported the libraries which every service uses, and nothing of ours.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.hub import own_hub, scratch_folder
from benchmarks.processes import Memory, process_ids
from benchmarks.report import Machine, publish, say

LIBRARIES = ("uvicorn", "litestar", "faststream.kafka", "motor.motor_asyncio", "pydantic_settings", "structlog")
LIGHT = ("gateway", "catalog", "upload", "search", "reviews", "planner", "moderation")
"""Those that neither read files nor draw."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One process, in MiB; `ratio` is its resident memory over the baseline's."""

    name: str
    rss: float
    pss: float
    ratio: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All processes, engines included; `total_pss` counts shared pages once."""

    idle_seconds: float
    baseline_libraries: tuple[str, ...]
    baseline: Memory
    largest_light_rss: float
    total_pss: float
    processes: list[Row]

    def lines(self) -> list[str]:
        """A table for people."""
        rows = [f"  {row.name:<12}{row.rss:>8.1f}{row.pss:>8.1f}{row.ratio:>7.2f}" for row in self.processes]
        return [
            f"MiB after {self.idle_seconds:.0f} s without work; baseline {self.baseline.rss:.1f} (libraries alone)",
            f"  {'process':<12}{'RSS':>8}{'PSS':>8}{'ratio':>7}",
            *rows,
            f"largest light service {self.largest_light_rss:.1f} RSS; all together {self.total_pss:.1f} PSS",
        ]


def bare_libraries() -> Memory:
    """The memory of an interpreter that has imported the libraries."""
    program = f"import {', '.join(LIBRARIES)}, sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        memory = Memory.of(process.pid)
        process.communicate()
    return memory


def measure(idle_seconds: float, folder: Path) -> Result:
    """Start a hub, leave it alone, look."""
    baseline = bare_libraries()
    with own_hub(folder / "state") as laptop:
        say(f"leaving it alone for {idle_seconds:.0f} s …")
        time.sleep(idle_seconds)
        found = {name: Memory.of(pid) for name, pid in process_ids(laptop).items()}
    rows = [
        Row(name=name, rss=memory.rss, pss=memory.pss, ratio=round(memory.rss / baseline.rss, 2))
        for name, memory in sorted(found.items())
    ]
    return Result(
        idle_seconds=idle_seconds,
        baseline_libraries=LIBRARIES,
        baseline=baseline,
        largest_light_rss=max(row.rss for row in rows if row.name in LIGHT),
        total_pss=round(sum(row.pss for row in rows), 1),
        processes=rows,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=float, default=30, help="seconds to leave the hub alone (default: 30)")
    idle = parser.parse_args().idle
    machine = Machine.this()
    with scratch_folder() as folder:
        result = measure(idle, folder)
    publish(machine, result, result.lines())


if __name__ == "__main__":
    main()
