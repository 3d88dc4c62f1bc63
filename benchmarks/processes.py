"""What the hub's processes use: processor time, resident memory, proportional memory."""

from __future__ import annotations

import threading
from types import TracebackType

import msgspec
import psutil

from deploy.laptop.environment import Laptop
from deploy.laptop.hub import process_states

MIB = 1 << 20
_SAMPLE_SECONDS = 0.05


def process_ids(laptop: Laptop) -> dict[str, int]:
    """Each running process of the hub with its id, by name."""
    return {row["name"]: int(row["pid"]) for row in process_states(laptop) if row["pid"]}


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Memory of one process with its children, in MiB. `pss` counts a shared page in parts, so that sums are right."""

    rss: float
    pss: float

    @classmethod
    def of(cls, pid: int) -> Memory:
        """The memory of that process now."""
        process = psutil.Process(pid)
        infos = [each.memory_full_info() for each in (process, *process.children(recursive=True))]
        return cls(
            rss=round(sum(info.rss for info in infos) / MIB, 1),
            pss=round(sum(getattr(info, "pss", info.uss) for info in infos) / MIB, 1),
        )


def busy_seconds() -> tuple[float, float]:
    """Processor seconds so far of the whole machine, and of this process with all it has started."""
    machine = psutil.cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    ours = psutil.Process()
    times = [each.cpu_times() for each in (ours, *ours.children(recursive=True))]
    return sum(machine[:8]) - idle, sum(each.user + each.system for each in times)


class Usage:
    """What one process used between the start and the end of the block: `cpu_seconds` and `peak_rss_mib`."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.cpu_seconds = 0.0
        self.peak_rss_mib = 0.0

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _sample(self) -> None:
        # Sampled, since the kernel's own high-water mark covers the whole life of the process.
        while True:
            self.peak_rss_mib = max(self.peak_rss_mib, round(self._process.memory_info().rss / MIB, 1))
            if self._ended.wait(_SAMPLE_SECONDS):
                return

    def __enter__(self) -> Usage:
        self._started = self._cpu()
        self._sampler.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cpu_seconds = round(self._cpu() - self._started, 3)
        self._ended.set()
        self._sampler.join()
