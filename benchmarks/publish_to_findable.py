"""How long a creator waits: from the publish request until a search finds the model, and until its first preview.

Models are published one after another. The baseline is the round trip of one search request by the same client: nothing
can be seen to be findable in less.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import struct
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.hub import admin_client, own_hub, scratch_folder
from benchmarks.report import Machine, Spread, publish, say
from cli.client import HubClient
from cli.documents import HubModel, HubVersion
from cli.local_file import inspect_files
from cli.output import SilentProgress
from cli.upload import open_upload, send_file

CHECKPOINT = Path(__file__).resolve().parents[1] / "demo" / "models" / "tiny-shapes.safetensors"
_WEIGHT_BYTES = 64 << 10
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 600.0
_ROUND_TRIPS = 20


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `from_request` includes the scan; `from_published` starts at the version's own `publishedAt`."""

    models: int
    from_request: Spread
    from_published: Spread
    search_round_trip: Spread
    ratio_to_round_trip: float
    """Median of `from_request` over the median round trip."""
    first_preview_of_a_checkpoint: float

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"publish request to findable: {self.from_request} s",
            f"publishedAt to findable:     {self.from_published} s",
            f"one search:                  {self.search_round_trip} s; ratio {self.ratio_to_round_trip:.1f}",
            f"publish request of a checkpoint to its first preview: {self.first_preview_of_a_checkpoint:.1f} s",
        ]


def write_model(path: Path) -> Path:
    """A small safetensors file of random weights, so that no two have the same hash."""
    shape = _WEIGHT_BYTES
    header = json.dumps({"weight": {"dtype": "U8", "shape": [shape], "data_offsets": [0, shape]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + secrets.token_bytes(shape))
    return path


def upload_draft(client: HubClient, path: Path, name: str, model_type: str) -> HubVersion:
    """A draft that has its file; nothing is published yet."""
    model = client.create("/api/hub/models", {"name": name, "type": model_type}, HubModel)
    body = {"name": "v1", "baseModel": "Other"}
    version = client.create(f"/api/hub/models/{model.id}/versions", body, HubVersion)
    (file,) = inspect_files([path])
    send_file(client, open_upload(client, version.id, file), file, SilentProgress())
    return version


def seconds_until(look: Callable[[], bool], since: float, what: str) -> float:
    """Seconds from `since` (a time of `time.time`) until `look` is true; raises if that takes ten minutes."""
    while not look():
        if time.time() - since > _PATIENCE_SECONDS:
            raise RuntimeError(f"{what} did not happen within {_PATIENCE_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    return time.time() - since


def is_found(client: HubClient, name: str, model_id: int) -> bool:
    """Whether a search by name brings that model."""
    page: dict[str, Any] = client.get("/api/v1/models", dict, [("query", name), ("limit", 20)])
    return any(item["id"] == model_id for item in page["items"])


def time_one(client: HubClient, folder: Path) -> tuple[float, float]:
    """Publish one model: seconds from the request, and from the moment that the hub states as that of publication."""
    name = f"benchmark {secrets.token_hex(6)}"
    path = write_model(folder / "model.safetensors")
    version = upload_draft(client, path, name, "LORA")
    asked = time.time()
    client.post(f"/api/hub/versions/{version.id}/publish", {}, HubVersion)
    waited = seconds_until(lambda: is_found(client, name, version.model_id), asked, f"{name} is findable")
    stated: dict[str, Any] = client.get(f"/api/hub/versions/{version.id}", dict)
    published = datetime.fromisoformat(stated["publishedAt"]).timestamp()
    return waited, asked + waited - published


def time_first_preview(client: HubClient) -> float:
    """Publish the demo's checkpoint: seconds from the request to its first preview."""
    version = upload_draft(client, CHECKPOINT, "benchmark checkpoint", "Checkpoint")
    asked = time.time()
    client.post(f"/api/hub/versions/{version.id}/publish", {}, HubVersion)

    def has_preview() -> bool:
        stated: dict[str, Any] = client.get(f"/api/hub/versions/{version.id}", dict)
        if stated["previews"]["status"] == "failed":
            raise RuntimeError(f"the previews failed: {stated['previews']['reason']}")
        return bool(stated["previews"]["done"])

    return seconds_until(has_preview, asked, "the first preview")


def measure(client: HubClient, count: int, folder: Path) -> Result:
    """Publish `count` small models and one checkpoint."""
    round_trips = []
    for _ in range(_ROUND_TRIPS):
        started = time.perf_counter()
        is_found(client, secrets.token_hex(6), 0)
        round_trips.append(time.perf_counter() - started)
    times = []
    for number in range(count):
        times.append(time_one(client, folder))
        say(f"  {number + 1:>3} of {count}: {times[-1][0]:.2f} s, {times[-1][1]:.2f} s after publishedAt")
    from_request, round_trip = Spread.of([each[0] for each in times]), Spread.of(round_trips)
    return Result(
        models=count,
        from_request=from_request,
        from_published=Spread.of([each[1] for each in times]),
        search_round_trip=round_trip,
        ratio_to_round_trip=round(from_request.median / round_trip.median, 1),
        first_preview_of_a_checkpoint=round(time_first_preview(client), 2),
    )


def main() -> None:
    """Measure and print; on the hub at EASEL_URL (with EASEL_TOKEN) if that is set, else on one of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=30, help="how many models to publish (default: 30)")
    count = parser.parse_args().models
    machine = Machine.this()
    with scratch_folder() as folder:
        if os.environ.get("EASEL_URL"):
            with HubClient.from_environment() as client:
                result = measure(client, count, folder)
        else:
            with own_hub(folder / "state") as laptop, admin_client(laptop) as client:
                result = measure(client, count, folder)
    publish(machine, result, result.lines())


if __name__ == "__main__":
    main()
