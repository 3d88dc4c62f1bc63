"""Upload through the gateway's relay, against the same parts put straight to the store.

Both ways run the code of `easel publish` (threads, part size, parts in flight); they differ in nothing but the
addresses. The direct way asks the store's client for them, so nothing but bytes is saved.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.hub import admin_client, own_hub, scratch_folder, store_of
from benchmarks.processes import process_ids
from benchmarks.report import Machine, publish
from benchmarks.transfer import Comparison, Run, compared, sparse_safetensors, timed
from cli.client import HubClient
from cli.documents import HubModel, HubVersion, Upload
from cli.local_file import LocalFile, inspect_files
from cli.output import SilentProgress
from cli.upload import PARTS_IN_FLIGHT, Transfer, open_upload
from shared.engines.s3 import Store

T = TypeVar("T")
_VALID = timedelta(hours=1)


class StoreClient(HubClient):
    """The command line's client, but for part addresses, which come from the store instead of the hub."""

    def __init__(self, hub: str, store: Store) -> None:
        super().__init__(hub, None)
        self._store = store
        self.key = f"benchmark-{secrets.token_hex(8)}"
        self.upload_id = asyncio.run(store.open_multipart(store.incoming, self.key))

    def post(self, path: str, body: Mapping[str, object], kind: type[T]) -> T:
        """Sign the parts that `body` asks for."""
        numbers = msgspec.convert(body["parts"], list[int])
        urls = [
            {
                "number": number,
                "url": self._store.sign_part(self._store.incoming, self.key, self.upload_id, number, _VALID),
            }
            for number in numbers
        ]
        return msgspec.convert({"urls": urls}, kind)

    def abort(self) -> None:
        """Give the parts back."""
        asyncio.run(self._store.abort_multipart(self._store.incoming, self.key, self.upload_id))


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
        store, gateway = store_of(laptop), process_ids(laptop)["gateway"]

        def relay(upload: Upload) -> None:
            runs.append(timed("relay", size_bytes, gateway, lambda: send(client, upload, file)))

        def direct(upload: Upload) -> None:
            with StoreClient(client.url, store) as past_the_hub:
                runs.append(timed("direct", size_bytes, gateway, lambda: send(past_the_hub, upload, file)))
                past_the_hub.abort()

        for pair in range(pairs):
            for way in (relay, direct) if pair % 2 == 0 else (direct, relay):
                upload = open_upload(client, draft_version(client).id, file)  # the direct way has its part plan from it
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
