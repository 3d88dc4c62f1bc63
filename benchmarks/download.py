"""Download through the gateway's relay, against the same bytes straight from the store, in one stream and in four.

The client does as little as possible (it reads into one buffer and throws the bytes away), so that the difference
between the two ways is not hidden behind it.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from benchmarks.hub import admin_client, own_hub, scratch_folder, store_of
from benchmarks.processes import process_ids
from benchmarks.report import Machine, publish, say
from benchmarks.transfer import Comparison, Run, compared, sparse_safetensors, timed
from cli.client import HubClient
from cli.documents import HubVersion
from cli.draft import Submission
from cli.local_file import inspect_files
from cli.output import Output
from cli.publication import publish_submission
from deploy.laptop.environment import Laptop

_BUFFER_BYTES = 1 << 20
_VALID = timedelta(hours=1)
_SCAN_SECONDS = 1_800.0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One stream, as a browser does it, and four ranges at once, as download tools do it."""

    one_stream: Comparison
    four_ranges: Comparison


def publish_large(client: HubClient, path: Path) -> int:
    """Publish the file and wait for its scan; the version's id."""
    say(f"publishing {path.stat().st_size / 1e9:.1f} GB, which are scanned first …")
    submission = Submission(
        files=inspect_files([path]), base_model="Other", model_name="Download benchmark", model_type="Checkpoint",
        version_name="v1", description=None, tags=(), trained_words=(),
    )  # fmt: skip
    report = publish_submission(client, submission, Output(json_only=True), _SCAN_SECONDS)
    return msgspec.convert(report["versionId"], int)


def addresses(client: HubClient, laptop: Laptop, version_id: int) -> tuple[str, str]:
    """Where the bytes are: the relay's signed address and the store's."""
    answer = client.send("GET", f"/api/download/models/{version_id}", redirect_is_answer=True)
    sha256 = client.get(f"/api/hub/versions/{version_id}", HubVersion).files[0].sha256
    if sha256 is None:
        raise RuntimeError(f"version {version_id} is published without a SHA-256")
    store = store_of(laptop)
    return answer.headers["location"], store.sign_get(store.models, sha256.lower(), _VALID)


def read(url: str, first: int, last: int) -> None:
    """Read a range of bytes and throw them away; raises if there are more or fewer."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Range": f"bytes={first}-{last}"})
        answer = connection.getresponse()
        if answer.status not in (200, 206):  # some stores answer a range with 200 and Content-Range
            raise RuntimeError(f"{parts.netloc} answered {answer.status}: {answer.read(300)!r}")
        buffer, count = bytearray(_BUFFER_BYTES), 0
        while received := answer.readinto(buffer):
            count += received
    finally:
        connection.close()
    if count != last - first + 1:
        raise RuntimeError(f"{parts.netloc} sent {count} bytes instead of {last - first + 1}")


def read_all(url: str, size_bytes: int, at_once: int) -> None:
    """The whole file, in that many ranges at once."""
    step = -(-size_bytes // at_once)
    spans = [(start, min(start + step, size_bytes) - 1) for start in range(0, size_bytes, step)]
    with ThreadPoolExecutor(at_once) as threads:
        for future in [threads.submit(read, url, first, last) for first, last in spans]:
            future.result()


def measure(size_bytes: int, pairs: int, folder: Path) -> Result:
    """Publish once, then alternate the two ways."""
    path = sparse_safetensors(folder / "large.safetensors", size_bytes)
    with own_hub(folder / "state") as laptop, admin_client(laptop) as client:
        version_id = publish_large(client, path)
        relay, direct = addresses(client, laptop, version_id)
        gateway = process_ids(laptop)["gateway"]

        def compare(at_once: int) -> Comparison:
            runs: list[Run] = []
            for pair in range(pairs):
                order = (("relay", relay), ("direct", direct))
                for way, url in order if pair % 2 == 0 else reversed(order):

                    def transfer(url: str = url) -> None:
                        read_all(url, size_bytes, at_once)

                    runs.append(timed(way, size_bytes, gateway, transfer))
            return compared(size_bytes, at_once, runs)

        read_all(direct, size_bytes, 1)  # both ways find the file in the same state of the system's cache
        return Result(one_stream=compare(1), four_ranges=compare(4))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=2_000_000_000, help="size of the file (default: 2 GB)")
    parser.add_argument("--pairs", type=int, default=5, help="how often to run both ways (default: 5)")
    options = parser.parse_args()
    machine = Machine.this()
    with scratch_folder() as folder:
        result = measure(options.bytes, options.pairs, folder)
    publish(machine, result, [*result.one_stream.lines("download"), *result.four_ranges.lines("download")])


if __name__ == "__main__":
    main()
