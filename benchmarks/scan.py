"""The whole scan of a file (six hashes, full validation) against reading it once, and the memory it takes.

Baselines, in the same run and in turn with the scan: coreutils' `sha256sum`, one pass of `hashlib.sha256`, and two
other projects' scanners, which look at pickles alone and hash nothing. Files are in the page cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from benchmarks.hub import scratch_folder
from benchmarks.report import Machine, Spread, publish, say
from benchmarks.transfer import MB, sparse_safetensors

PEERS = ("picklescan==1.0.5", "modelscan==0.8.8")
ONE_PASS = """
import hashlib, sys
whole, block = hashlib.sha256(), memoryview(bytearray(1 << 20))
with open(sys.argv[1], "rb", buffering=0) as file:
    while count := file.readinto(block):
        whole.update(block[:count])
print(whole.hexdigest())
"""
TORCH_FILE = """
import sys, torch
size, path = int(sys.argv[1]), sys.argv[2]
sides = [320, 640, 1280, 2560]
state, left, number = {}, size, 0
while left > 0:
    count = min(left // 4 + 1, sides[number % 4] * 320)
    state[f"model.diffusion_model.blocks.{number}.weight"] = torch.randn(count)
    left, number = left - 4 * count, number + 1
torch.save({"state_dict": state}, path)
"""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """One way over one file. Under 1, the scan takes less time; on a busy machine the fastest runs say more."""

    way: str
    seconds: Spread
    cpu_seconds: Spread
    mb_per_second: float
    scan_to_this: float
    """Median of the scan over median of this."""
    fastest_scan_to_fastest: float


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One file by all ways."""

    file: str
    size_bytes: int
    timings: list[Timing]


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """Most memory of the command and its processes together, shared pages counted once, and of the largest of them."""

    size_bytes: int
    seconds: float
    together_mib: float
    largest_mib: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Speed and memory."""

    compared: list[Compared]
    peaks: list[Peak]

    def lines(self) -> list[str]:
        """Tables for people."""
        lines = []
        for each in self.compared:
            lines.append(f"{each.file}, {each.size_bytes / MB:.0f} MB")
            for timing in each.timings:
                lines.append(
                    f"  {timing.way:<16}{timing.seconds.median:>8.3f} s{timing.mb_per_second:>8.0f} MB/s"
                    f"{timing.cpu_seconds.median:>8.2f} s CPU   easel scan / this {timing.scan_to_this:>6.2f}"
                    f" (fastest {timing.fastest_scan_to_fastest:.2f})"
                )
        lines += [
            f"memory of {peak.size_bytes / MB:.0f} MB: {peak.together_mib:.0f} MiB together, largest process "
            f"{peak.largest_mib:.0f} MiB ({peak.seconds:.1f} s)"
            for peak in self.peaks
        ]
        return lines


def ways(path: Path, peers: Path) -> dict[str, list[str]]:
    """The commands to compare."""
    return {
        "easel scan": [sys.executable, "-m", "cli.entry", "scan", str(path), "--json"],
        "sha256sum": ["sha256sum", str(path)],
        "hashlib.sha256": [sys.executable, "-c", ONE_PASS, str(path)],
        "picklescan": [str(peers / "picklescan"), "--path", str(path)],
        "modelscan": [str(peers / "modelscan"), "--path", str(path), "--reporting-format", "json"],
    }


def run(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and processor seconds of a command with all its processes."""
    before = os.times()
    started = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    after = os.times()
    if ran.returncode not in (0, 3):  # modelscan's 3: nothing it knows to look into
        raise SystemExit(f"{command[0]} ended with {ran.returncode}: {ran.stdout[-500:]}{ran.stderr[-500:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, cpu


def compare(path: Path, peers: Path, rounds: int) -> Compared:
    """All ways in turn, `rounds` times, after one that fills the page cache."""
    commands = ways(path, peers)
    run(commands["sha256sum"])
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in commands}
    for number in range(rounds):
        for way, command in commands.items():
            found[way].append(run(command))
            say(f"{path.name}, round {number + 1}, {way}: {found[way][-1][0]:.3f} s")
    scan = Spread.of([seconds for seconds, _ in found["easel scan"]])
    size = path.stat().st_size
    timings = []
    for way, runs in found.items():
        seconds = Spread.of([taken for taken, _ in runs])
        timings.append(
            Timing(
                way=way,
                seconds=seconds,
                cpu_seconds=Spread.of([cpu for _, cpu in runs]),
                mb_per_second=round(size / MB / seconds.median, 1),
                scan_to_this=round(scan.median / seconds.median, 3),
                fastest_scan_to_fastest=round(scan.smallest / seconds.smallest, 3),
            )
        )
    return Compared(file=path.name, size_bytes=size, timings=timings)


class _Sampler(threading.Thread):
    """Samples a process tree until told to stop."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.together = self.largest = 0
        self._process = process

    def run(self) -> None:
        while not self.ended.wait(0.1):
            sizes = list(self._sizes())
            self.together = max(self.together, sum(pss for pss, _ in sizes))
            self.largest = max([self.largest, *(rss for _, rss in sizes)])

    def _sizes(self) -> Iterator[tuple[int, int]]:
        try:
            for each in (self._process, *self._process.children(recursive=True)):
                memory = each.memory_full_info()
                yield memory.pss, memory.rss
        except psutil.Error:
            return  # one of them has just ended


def peak_of(path: Path) -> Peak:
    """Scan a file and watch."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "cli.entry", "scan", str(path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        sampler = _Sampler(psutil.Process(process.pid))
        sampler.start()
        output, _ = process.communicate()
        sampler.ended.set()
        sampler.join()
    if process.returncode != 0:
        raise SystemExit(f"{path} is not clean: {output[:500]!r}")
    mib = 1 << 20
    return Peak(
        size_bytes=path.stat().st_size,
        seconds=round(time.perf_counter() - started, 2),
        together_mib=round(sampler.together / mib, 1),
        largest_mib=round(sampler.largest / mib, 1),
    )


@contextmanager
def peers_in(folder: Path) -> Iterator[Path]:
    """The other scanners in an environment of their own; the folder that holds their commands."""
    uv = Path(sys.executable).with_name("uv")
    environment = folder / "peers"
    subprocess.run([uv, "venv", "-q", environment], check=True)
    subprocess.run([uv, "pip", "install", "-q", "-p", environment / "bin" / "python", *PEERS], check=True)
    try:
        yield environment / "bin"
    finally:
        shutil.rmtree(environment)


def safetensors_file(path: Path, size_bytes: int) -> Path:
    """A valid safetensors file of that size whose bytes are on the disk, with no block like its neighbour."""
    sparse_safetensors(path, size_bytes)
    block = os.urandom(8 << 20)
    with path.open("r+b") as file:
        file.seek(1 << 10)
        for at in range(1 << 10, size_bytes, len(block)):
            file.write(block[: size_bytes - at])
    return path


def torch_file(path: Path, size_bytes: int) -> Path:
    """A checkpoint of a little more than that size, written by torch itself."""
    subprocess.run([sys.executable, "-c", TORCH_FILE, str(size_bytes), path], check=True)
    return path


def measure(folder: Path, rounds: int, peaks: Sequence[int]) -> Result:
    """Make the files, time, watch."""
    model = safetensors_file(folder / "model.safetensors", 2000 * MB)
    checkpoint = torch_file(folder / "checkpoint.pt", 500 * MB)
    with peers_in(folder) as peers:
        compared = [compare(path, peers, rounds) for path in (model, checkpoint)]
    model.unlink()
    found = []
    for size in peaks:
        path = sparse_safetensors(folder / "sparse.safetensors", size)
        found.append(peak_of(path))
        path.unlink()
    return Result(compared=compared, peaks=[*found, peak_of(checkpoint)])


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way over each file")
    parser.add_argument("--peaks", type=int, nargs="*", default=[100, 1_000, 10_000], help="sizes to watch, in MB")
    arguments = parser.parse_args()
    machine = Machine.this()
    with scratch_folder() as folder:
        result = measure(folder, arguments.rounds, [size * MB for size in arguments.peaks])
    publish(machine, result, result.lines())


if __name__ == "__main__":
    main()
