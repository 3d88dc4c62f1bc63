"""How far behind search falls when everything is published at once.

Models are prepared first, each with a file that is scanned already; then all are published by several clients, as fast
as the hub takes them. Findable means that the search service answers with the model's id. Three clocks are read, all on
one machine: when the request went out, when the hub says the version was published (`publishedAt`, the time of its
event), and when the answer came.
"""

from __future__ import annotations

import argparse
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from benchmarks.hub import admin_client, own_hub, scratch_folder
from benchmarks.publish_to_findable import upload_draft, write_model
from benchmarks.report import Machine, Spread, publish, say
from cli.client import HubClient
from cli.documents import HubVersion
from deploy.laptop.environment import SERVICE_NAMES, Laptop, load_secrets

_PREPARING = 4
_POLL_SECONDS = 0.02
_PAGE = 100
_PATIENCE_SECONDS = 120.0
_SCAN_PATIENCE_SECONDS = 900.0
# Drawing previews would compete for the processor; nothing of it is on the way to a search.
_SERVICES = tuple(name for name in SERVICE_NAMES if name != "renderer")


class Publication(msgspec.Struct, frozen=True):
    """Times of `time.time` of one model."""

    model_id: int
    asked: float
    published: float
    answered: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    models: int
    clients: int
    burst: float
    """From the first request to the last answer."""
    publishes_per_second: float
    request: Spread
    event_to_findable: Spread
    """From `publishedAt`."""
    answer_to_findable: Spread
    """From the answer; 0 where search was faster."""
    looks: int
    """How often search was asked meanwhile: a latency is known to the pause between two looks."""

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{self.models} models by {self.clients} clients: {self.burst:.1f} s, {self.publishes_per_second:.0f}/s",
            f"publish request to its answer: {self.request} s",
            f"publishedAt to findable:       {self.event_to_findable} s ({self.looks} looks)",
            f"answer to findable:            {self.answer_to_findable} s",
        ]


class Watch:
    """Asks search, again and again, for those models that it did not find yet."""

    def __init__(self, laptop: Laptop, model_ids: Iterable[int]) -> None:
        token = load_secrets(laptop.state).internal_token
        self._http = httpx.Client(base_url=laptop.url("search"), headers={"authorization": f"Bearer {token}"})
        self._missing = set(model_ids)
        self.found: dict[int, float] = {}
        self.looks = 0

    def run(self) -> None:
        """Look until all are found; raises when nothing new is found for two minutes."""
        last = time.time()
        while self._missing:
            if self._look():
                last = time.time()
            elif time.time() - last > _PATIENCE_SECONDS:
                raise RuntimeError(f"{len(self._missing)} models are not found")
            else:
                time.sleep(_POLL_SECONDS)
        self._http.close()

    def _look(self) -> bool:
        within = ",".join(map(str, sorted(self._missing)))
        answer = self._http.get("/search", params={"within": within, "limit": _PAGE})
        answer.raise_for_status()
        ids: list[int] = answer.json()["ids"]
        self.looks += 1
        self.found |= dict.fromkeys(ids, time.time())
        self._missing.difference_update(ids)
        return bool(ids)


def prepare(client: HubClient, count: int, folder: Path) -> list[HubVersion]:
    """Drafts whose file is scanned and clean."""

    def draft(number: int) -> HubVersion:
        path = write_model(folder / f"model-{number}.safetensors")
        version = upload_draft(client, path, f"burst {secrets.token_hex(6)}", "LORA")
        path.unlink()
        if (number + 1) % 100 == 0:
            say(f"  {number + 1} of {count} drafts")
        return version

    with ThreadPoolExecutor(_PREPARING) as pool:
        drafts = list(pool.map(draft, range(count)))
    say("  waiting for the scans")
    for version in drafts:
        _scanned(client, version)
    return drafts


@retry(
    retry=retry_if_result(lambda done: not done), wait=wait_fixed(0.5), stop=stop_after_delay(_SCAN_PATIENCE_SECONDS)
)
def _scanned(client: HubClient, version: HubVersion) -> bool:
    stated: dict[str, Any] = client.get(f"/api/hub/versions/{version.id}", dict)
    return all(file["state"] == "clean" for file in stated["files"])


def publish_all(new_client: Callable[[], HubClient], drafts: list[HubVersion], clients: int) -> list[Publication]:
    """Publish as fast as the hub answers, `clients` at a time, each with its own connection."""
    own = threading.local()

    def one(version: HubVersion) -> Publication:
        if not hasattr(own, "client"):
            own.client = new_client()
        asked = time.time()
        stated: dict[str, Any] = own.client.post(f"/api/hub/versions/{version.id}/publish", {}, dict)
        answered = time.time()
        published = datetime.fromisoformat(stated["publishedAt"]).timestamp()
        return Publication(version.model_id, asked, published, answered)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(one, drafts))


def measure(laptop: Laptop, count: int, clients: int, folder: Path) -> Result:
    """One burst."""
    with admin_client(laptop) as client:
        drafts = prepare(client, count, folder)
    watch = Watch(laptop, [version.model_id for version in drafts])
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch.run)
        done = publish_all(lambda: admin_client(laptop), drafts, clients)
        watching.result()
    burst = max(each.answered for each in done) - min(each.asked for each in done)
    return Result(
        models=count,
        clients=clients,
        burst=round(burst, 2),
        publishes_per_second=round(count / burst, 1),
        request=Spread.of([each.answered - each.asked for each in done]),
        event_to_findable=Spread.of([watch.found[each.model_id] - each.published for each in done]),
        answer_to_findable=Spread.of([max(0.0, watch.found[each.model_id] - each.answered) for each in done]),
        looks=watch.looks,
    )


def main() -> None:
    """Measure a hub of its own and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1_000, help="how many are published (default: 1000)")
    parser.add_argument("--clients", type=int, default=8, help="how many at a time (default: 8)")
    given = parser.parse_args()
    machine = Machine.this()
    with scratch_folder() as folder, own_hub(folder / "state", _SERVICES, EASEL_RATE_LIMIT_KEY="off") as laptop:
        result = measure(laptop, given.models, given.clients, folder)
    publish(machine, result, result.lines())


if __name__ == "__main__":
    main()
