"""What the upload and the download benchmark share: a large file, one timed run, the comparison of two ways."""

from __future__ import annotations

import json
import os
import statistics
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.processes import Usage, busy_seconds
from benchmarks.report import Spread, say

MB = 1_000_000
_QUIET_CORES = 0.25


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer. The gateway's figures are of the time of the transfer alone."""

    way: str
    seconds: float
    mb_per_second: float
    gateway_cpu_seconds: float
    gateway_peak_rss_mib: float
    others_cores: float
    """Processors that everything else on the machine kept busy meanwhile, on average."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The relay against the store's own addresses, in the same process, one after the other, alternating."""

    size_bytes: int
    at_once: int
    ratio: float
    """Median of the relay's throughput over the direct throughput, of each pair of neighbouring runs. 1 is no loss."""
    ratio_smallest: float
    ratio_largest: float
    undisturbed_ratio: float | None
    """Median over median of the runs during which the rest of the machine kept under a quarter of a processor busy."""
    undisturbed_runs: tuple[int, int]
    """How many those are, relayed and direct."""
    relay_mb_per_second: Spread
    direct_mb_per_second: Spread
    gateway_cpu_seconds: Spread
    gateway_peak_rss_mib: float
    runs: list[Run]

    def lines(self, what: str) -> list[str]:
        """For people."""
        return [
            f"{what}, {self.at_once} at once: relay {self.relay_mb_per_second} MB/s, "
            f"direct {self.direct_mb_per_second} MB/s",
            f"{what}, {self.at_once} at once: ratio relay/direct {self.ratio:.3f} "
            f"({self.ratio_smallest:.3f} to {self.ratio_largest:.3f}); undisturbed {self.undisturbed_ratio} "
            f"(runs: {self.undisturbed_runs[0]} and {self.undisturbed_runs[1]})",
            f"{what}, {self.at_once} at once: gateway {self.gateway_cpu_seconds.median:.2f} s CPU, "
            f"peak RSS {self.gateway_peak_rss_mib:.0f} MiB",
        ]


def sparse_safetensors(path: Path, size_bytes: int) -> Path:
    """A valid safetensors file of exactly that size, all zeros, that takes no room on this side."""
    shape = size_bytes
    for _ in range(3):  # the header's own length depends on the number of digits in it
        header = json.dumps({"weight": {"dtype": "U8", "shape": [shape], "data_offsets": [0, shape]}}).encode()
        shape = size_bytes - 8 - len(header)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(size_bytes)
    return path


def timed(way: str, size_bytes: int, gateway: int, transfer: Callable[[], None]) -> Run:
    """Run one transfer with nothing left to write from the one before."""
    os.sync()
    machine, ours = busy_seconds()
    with Usage(gateway) as usage:
        started = time.perf_counter()
        transfer()
        seconds = time.perf_counter() - started
    machine_after, ours_after = busy_seconds()
    others = (machine_after - machine) - (ours_after - ours)
    run = Run(
        way=way,
        seconds=round(seconds, 3),
        mb_per_second=round(size_bytes / MB / seconds, 1),
        gateway_cpu_seconds=usage.cpu_seconds,
        gateway_peak_rss_mib=usage.peak_rss_mib,
        others_cores=round(max(0.0, others) / seconds, 2),
    )
    say(
        f"  {way:<7}{run.seconds:>8.2f} s {run.mb_per_second:>8.1f} MB/s   "
        f"gateway {run.gateway_cpu_seconds:.2f} s CPU, others {run.others_cores:.2f} cores"
    )
    return run


def compared(size_bytes: int, at_once: int, runs: Sequence[Run]) -> Comparison:
    """Pair each relay run with the direct one beside it."""
    relay = [run for run in runs if run.way == "relay"]
    direct = [run for run in runs if run.way == "direct"]
    ratios = [one.mb_per_second / other.mb_per_second for one, other in zip(relay, direct, strict=True)]
    quiet = [[run.mb_per_second for run in way if run.others_cores < _QUIET_CORES] for way in (relay, direct)]
    undisturbed = statistics.median(quiet[0]) / statistics.median(quiet[1]) if all(quiet) else None
    return Comparison(
        size_bytes=size_bytes,
        at_once=at_once,
        ratio=round(statistics.median(ratios), 3),
        ratio_smallest=round(min(ratios), 3),
        ratio_largest=round(max(ratios), 3),
        undisturbed_ratio=round(undisturbed, 3) if undisturbed else None,
        undisturbed_runs=(len(quiet[0]), len(quiet[1])),
        relay_mb_per_second=Spread.of([run.mb_per_second for run in relay]),
        direct_mb_per_second=Spread.of([run.mb_per_second for run in direct]),
        gateway_cpu_seconds=Spread.of([run.gateway_cpu_seconds for run in relay]),
        gateway_peak_rss_mib=max(run.gateway_peak_rss_mib for run in relay),
        runs=list(runs),
    )
