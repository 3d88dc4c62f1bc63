"""The hub's scan of an object in its store, against reading the object and doing nothing with it.

The scanner's own code: one GET, each block handed to a confined child as it comes, which hashes it meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from minio import Minio

from benchmarks.hub import own_hub, scratch_folder, store_of
from benchmarks.report import Machine, Spread, publish, say
from benchmarks.scan import safetensors_file, torch_file
from benchmarks.transfer import MB
from deploy.laptop.environment import Laptop
from services.upload.scan.child import scan_isolated
from shared.engines.s3 import Store

TIMEOUT_SECONDS = 600


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One object. `ratio` is of the medians; 1 would be a scan that costs nothing beside the reading."""

    file: str
    size_bytes: int
    scan_seconds: Spread
    scan_mb_per_second: float
    read_seconds: Spread
    ratio: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All objects."""

    objects: list[Stored]

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{each.file}, {each.size_bytes / MB:.0f} MB: scan {each.scan_seconds} s "
            f"({each.scan_mb_per_second:.0f} MB/s), read alone {each.read_seconds} s, ratio {each.ratio:.2f}"
            for each in self.objects
        ]


def put(laptop: Laptop, store: Store, path: Path) -> None:
    """Store a file under its name, where uploads arrive."""
    environment = laptop.environment()
    client = Minio(
        urlsplit(environment["EASEL_S3_ENDPOINT"]).netloc,
        access_key=environment["EASEL_S3_ACCESS_KEY"],
        secret_key=environment["EASEL_S3_SECRET_KEY"],
        secure=False,
    )
    client.fput_object(store.incoming, path.name, str(path), part_size=64 << 20)


async def compare(store: Store, path: Path, size: int, spool: Path, rounds: int) -> Stored:
    """Read and scan in turn."""
    scans, reads = [], []
    for number in range(rounds):
        started = time.perf_counter()
        async for _ in store.read(store.incoming, path.name):
            pass
        reads.append(time.perf_counter() - started)
        started = time.perf_counter()
        chunks = store.read(store.incoming, path.name)
        report = await scan_isolated(chunks, size, path.name, "Model", spool_dir=spool, timeout_seconds=TIMEOUT_SECONDS)
        scans.append(time.perf_counter() - started)
        if report.verdict != "clean":
            raise SystemExit(f"{path.name} is {report.verdict}: {report.findings}")
        say(f"{path.name}, round {number + 1}: read {reads[-1]:.2f} s, scan {scans[-1]:.2f} s")
    scan, read = Spread.of(scans), Spread.of(reads)
    return Stored(
        file=path.name,
        size_bytes=size,
        scan_seconds=scan,
        scan_mb_per_second=round(size / MB / scan.median, 1),
        read_seconds=read,
        ratio=round(scan.median / read.median, 3),
    )


def measure(folder: Path, rounds: int) -> Result:
    """Both kinds of file on one hub."""
    paths = [safetensors_file(folder / "model.safetensors", 2000 * MB), torch_file(folder / "checkpoint.pt", 500 * MB)]
    spool = folder / "spool"
    spool.mkdir()
    with own_hub(folder / "state") as laptop:
        store = store_of(laptop)
        for path in paths:
            put(laptop, store, path)
        return Result(objects=[asyncio.run(compare(store, path, path.stat().st_size, spool, rounds)) for path in paths])


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often to read and to scan each object")
    arguments = parser.parse_args()
    machine = Machine.this()
    with scratch_folder() as folder:
        result = measure(folder, arguments.rounds)
    publish(machine, result, result.lines())


if __name__ == "__main__":
    main()
