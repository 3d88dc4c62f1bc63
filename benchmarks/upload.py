"""Upload through the gateway's relay, against the same parts put straight to the store.

Both ways run the code of `easel publish` (calls to the hub, threads, part size, parts in flight) and end at the same
signed addresses of the store. They differ in one thing: the bytes take the way through the gateway, or they do not.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.hub import admin_client, own_hub, scratch_folder
from benchmarks.processes import process_ids
from benchmarks.report import Machine, publish
from benchmarks.transfer import Comparison, Run, compared, sparse_safetensors, timed
from cli.client import HubClient
from cli.documents import HubModel, HubVersion, PartUrls, Upload
from cli.local_file import LocalFile, inspect_files
from cli.output import SilentProgress
from cli.upload import PARTS_IN_FLIGHT, Transfer, open_upload
from deploy.laptop.environment import Laptop
from services.gateway.relay_token import Grants, PartGrant

T = TypeVar("T")
_VALID = timedelta(hours=1)


class StoreClient(HubClient):
    """The command line's client, but for where parts go: past the relay, to the store address inside its token."""

    def __init__(self, laptop: Laptop) -> None:
        super().__init__(laptop.url("gateway"), laptop.admin_key_file.read_text().strip())
        self._grants = Grants(laptop.environment()["EASEL_SECRET"])

    def post(self, path: str, body: Mapping[str, object], kind: type[T]) -> T:
        """Ask the hub, as the command line does, and unwrap the addresses it answers with."""
        answer = super().post(path, body, PartUrls)
        urls = [msgspec.structs.replace(part, url=self._inner(part.url)) for part in answer.urls]
        return msgspec.convert(PartUrls(urls=tuple(urls)), kind)

    def _inner(self, url: str) -> str:
        return self._grants.read(url.rpartition("/")[2], PartGrant, _VALID).url


def draft_version(client: HubClient) -> HubVersion:
    """A draft to upload to."""
    model = client.create("/api/hub/models", {"name": "Upload benchmark", "type": "Checkpoint"}, HubModel)
    return client.create(f"/api/hub/models/{model.id}/versions", {"name": "v1", "baseModel": "Other"}, HubVersion)


def send(client: HubClient, upload: Upload, file: LocalFile) -> None:
    """All parts, with the command line's own transfer; not hashed beside, which would measure the client."""
    Transfer(client, upload, file, SilentProgress()).run(with_hash=False)


def measure(size_bytes: int, pairs: int, folder: Path) -> Comparison:
    """Alternate the two ways on one hub; the parts of each run are given back before the next."""
    path = sparse_safetensors(folder / "large.safetensors", size_bytes)
    (file,) = inspect_files([path])
    runs: list[Run] = []
    with own_hub(folder / "state") as laptop, admin_client(laptop) as client:
        gateway = process_ids(laptop)["gateway"]

        def relay(upload: Upload) -> None:
            runs.append(timed("relay", size_bytes, gateway, lambda: send(client, upload, file)))

        def direct(upload: Upload) -> None:
            with StoreClient(laptop) as past_the_relay:
                runs.append(timed("direct", size_bytes, gateway, lambda: send(past_the_relay, upload, file)))

        for pair in range(pairs):
            for way in (relay, direct) if pair % 2 == 0 else (direct, relay):
                upload = open_upload(client, draft_version(client).id, file)
                way(upload)
                client.delete(f"/api/hub/uploads/{upload.id}")
    return compared(size_bytes, PARTS_IN_FLIGHT, runs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=2_000_000_000, help="size of the file (default: 2 GB)")
    parser.add_argument("--pairs", type=int, default=5, help="how often to run both ways (default: 5)")
    options = parser.parse_args()
    machine = Machine.this()
    with scratch_folder() as folder:
        result = measure(options.bytes, options.pairs, folder)
    publish(machine, result, result.lines("upload"))


if __name__ == "__main__":
    main()
