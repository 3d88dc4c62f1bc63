"""How a benchmark speaks: one JSON document on stdout, a line for people on stderr, and where it was measured."""

from __future__ import annotations

import math
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A set of measurements of the same thing. Percentiles are the nearest rank: always a value that was measured."""

    count: int
    median: float
    p99: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        ordered = sorted(values)
        return cls(
            count=len(ordered),
            median=round(statistics.median(ordered), 4),
            p99=round(ordered[math.ceil(0.99 * len(ordered)) - 1], 4),
            smallest=round(ordered[0], 4),
            largest=round(ordered[-1], 4),
        )

    def __str__(self) -> str:
        return f"{self.median:.2f} (p99 {self.p99:.2f}, {self.smallest:.2f} to {self.largest:.2f}, n={self.count})"


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when it was measured. `load` is the run queue's one-minute average: others may be using the machine."""

    at: str
    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load: float

    @classmethod
    def this(cls) -> Machine:
        """This machine, now."""
        return cls(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / (1 << 30), 1),
            system=platform.platform(),
            python=platform.python_version(),
            load=round(psutil.getloadavg()[0], 2),
        )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def publish(machine: Machine, result: msgspec.Struct, lines: Sequence[str]) -> None:
    """Print the result: JSON on stdout, `lines` on stderr."""
    document = {"machine": machine, "result": result}
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode(), flush=True)
    for line in lines:
        say(line)


def say(text: str) -> None:
    """Tell a person; never mixed with the JSON."""
    print(text, file=sys.stderr, flush=True)
