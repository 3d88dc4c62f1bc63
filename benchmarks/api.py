"""The public API under load, against a bare Litestar handler that answers with the same bytes, as the catalog grows.

Both are served in the same way, by one process each, and take turns. Requests look like those of strangers from
elsewhere (they are counted by the rate limiter, whose limit is far away), and ask for models all over the catalog.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families
from tenacity import retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from benchmarks.bare import Prepared
from benchmarks.catalogue import Made, fill
from benchmarks.hub import own_hub, scratch_folder
from benchmarks.load import Address, Load, put_under_load, request
from benchmarks.report import Machine, publish, say
from deploy.laptop.environment import Laptop

_BARE_PORT_OFFSET = 7
_BARE_ANSWERS = 300
_FROM_ELSEWHERE = {"x_forwarded_for": "203.0.113.7"}
_QUIET_SECONDS = 5
_READERS = ("search", "reviews")
_FILL_AHEAD = 500
_LIMIT_FAR_AWAY = "100000000/minute"
_KEPT = ("content-type", "location")


class Target(msgspec.Struct, frozen=True):
    """One kind of request."""

    name: str
    paths: list[str]
    status: int = 200
    headers: dict[str, str] = {}


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The hub against the bare handler: medians of the ratios of neighbouring runs (1 is as good, more is better)."""

    target: str
    models: int
    connections: int
    answer_bytes: int
    requests_per_second_ratio: float
    p50_ratio: float
    p99_ratio: float
    hub: list[Load]
    bare: list[Load]

    def line(self) -> str:
        """For people."""
        hub = statistics.median(run.requests_per_second for run in self.hub)
        bare = statistics.median(run.requests_per_second for run in self.bare)
        p50, p99 = (
            statistics.median(getattr(run.milliseconds, name) for run in self.hub) for name in ("median", "p99")
        )
        return (
            f"{self.models:>7} models, {self.connections:>3} connections, {self.target:<18} "
            f"{hub:6.0f}/s of {bare:6.0f}/s: "
            f"ratio {self.requests_per_second_ratio:.2f}; p50 {p50:.2f} ms (bare is {self.p50_ratio:.2f} of it), "
            f"p99 {p99:.2f} ms ({self.p99_ratio:.2f})"
        )


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Every target at every size."""

    rounds: list[Compared]


def targets(made: Made, key: str, with_search: bool) -> list[Target]:
    """What is asked for."""
    keyed = {"authorization": f"Bearer {key}"}
    pages = [f"/api/v1/models?limit=20&sort=Newest&types={kind}" for kind in ("Checkpoint", "LORA", "LoCon")]
    found = [
        Target("model", [f"/api/v1/models/{model_id}" for model_id in made.models]),
        Target("model, with a key", [f"/api/v1/models/{model_id}" for model_id in made.models], headers=keyed),
        Target("version", [f"/api/v1/model-versions/{version_id}" for version_id in made.versions]),
        Target("by hash", [f"/api/v1/model-versions/by-hash/{value}" for value in made.hashes]),
        Target("download redirect", [f"/api/download/models/{version_id}" for version_id in made.versions], status=307),
    ]
    return found + ([Target("page of 20", pages)] if with_search else [])


@contextmanager
def bare_server(answers: dict[str, Prepared], port: int) -> Iterator[Address]:
    """The baseline with these answers, in a process of its own."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(msgspec.msgpack.encode(answers))
        server = subprocess.Popen([sys.executable, "-m", "benchmarks.bare", file.name, str(port)])
        try:

            @retry(retry=retry_if_exception_type(httpx.TransportError), wait=wait_fixed(0.1), stop=stop_after_delay(30))
            def wait() -> None:
                httpx.get(f"http://127.0.0.1:{port}/0")

            wait()
            yield Address("127.0.0.1", port)
        finally:
            server.terminate()
            server.wait(20)


def prepare(laptop: Laptop, target: Target) -> dict[str, Prepared]:
    """What the hub answers to some of the target's requests."""
    answers: dict[str, Prepared] = {}
    with httpx.Client(base_url=laptop.url("gateway"), headers=target.headers) as client:
        for number, path in enumerate(random.sample(target.paths, min(_BARE_ANSWERS, len(target.paths)))):
            answer = client.get(path)
            kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            answers[str(number)] = Prepared(answer.status_code, kept, answer.content)
    return answers


def compare(laptop: Laptop, target: Target, models: int, connections: int, rounds: int, seconds: float) -> Compared:
    """Take turns: hub, bare, bare, hub …"""
    answers = prepare(laptop, target)
    hub = Address("127.0.0.1", laptop.port("gateway"), target.status)
    port = laptop.port("gateway") + _BARE_PORT_OFFSET
    with bare_server(answers, port) as address:
        bare = msgspec.structs.replace(address, status=target.status)
        headers = _FROM_ELSEWHERE | target.headers
        asked = [request(path, hub, **headers) for path in target.paths]
        baseline = [request(f"/{number}", bare, **headers) for number in answers]

        def run_hub() -> Load:
            return put_under_load(hub, asked, connections, seconds)

        def run_bare() -> Load:
            return put_under_load(bare, baseline, connections, seconds)

        run_hub(), run_bare()  # so that everything is imported, connected and in memory
        pairs: list[tuple[Load, Load]] = []
        for number in range(rounds):
            order: Sequence[Callable[[], Load]] = (run_hub, run_bare) if number % 2 == 0 else (run_bare, run_hub)
            first, second = (run() for run in order)
            pairs.append((first, second) if number % 2 == 0 else (second, first))

    def ratio(of: Callable[[Load, Load], float]) -> float:
        return round(statistics.median(of(*pair) for pair in pairs), 3)

    return Compared(
        target=target.name, models=models, connections=connections,
        answer_bytes=round(statistics.median(len(answer.body) for answer in answers.values())),
        requests_per_second_ratio=ratio(lambda hub, bare: hub.requests_per_second / bare.requests_per_second),
        p50_ratio=ratio(lambda hub, bare: bare.milliseconds.median / hub.milliseconds.median),
        p99_ratio=ratio(lambda hub, bare: bare.milliseconds.p99 / hub.milliseconds.p99),
        hub=[hub for hub, _ in pairs], bare=[bare for _, bare in pairs],
    )  # fmt: skip


def total(laptop: Laptop, process: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels, as the process tells it now."""
    page = text_string_to_metric_families(httpx.get(f"{laptop.url(process)}/metrics", timeout=60).text)
    samples = (sample for family in page for sample in family.samples if sample.name == name)
    return sum(each.value for each in samples if labels.items() <= each.labels.items())


def unread(laptop: Laptop, writer: str, reader: str, topic: str) -> float:
    """How many events of a topic have been written since the processes began and are not yet read."""
    told = total(laptop, writer, "easel_events_produced_total", topic=topic) + total(
        laptop, writer, "easel_outbox_depth"
    )
    skipped = total(laptop, reader, "easel_events_skipped_total", topic=topic)
    return told - skipped - total(laptop, reader, "easel_events_consumed_total", topic=topic)


def wait_for_reader(laptop: Laptop, writer: str, reader: str, topic: str, most: int) -> None:
    """Wait until no more than so many events wait for a reader."""
    ask = retry(retry=retry_if_result(lambda events: events > most), wait=wait_fixed(1), stop=stop_after_delay(3600))
    ask(unread)(laptop, writer, reader, topic)


def wait_for_counters(laptop: Laptop) -> None:
    """Downloads are counted after they are answered: wait, so that this work falls into no other measurement."""
    wait_for_reader(laptop, "gateway", "catalog", "easel.usage", 0)


def wait_until_quiet(laptop: Laptop, services: Sequence[str]) -> None:
    """Wait until what was filled has reached everybody: the outbox is empty, and no reader has anything more to do."""

    def at_work() -> tuple[float, float]:
        consumed = sum(total(laptop, process, "easel_events_consumed_total") for process in services)
        return total(laptop, "catalog", "easel_outbox_depth"), consumed

    def is_busy() -> bool:
        before = at_work()
        time.sleep(_QUIET_SECONDS)
        return before[0] > 0 or before != at_work()

    say("waiting until the hub has nothing more to do …")
    retry(retry=retry_if_result(bool), stop=stop_after_delay(3600))(is_busy)()


def measure(folder: Path, options: argparse.Namespace) -> Result:
    """Fill, measure, fill more, measure again."""
    found: list[Compared] = []
    # Both readers of whole models: the embedded broker keeps what one of them has not read, and slows down with it.
    services = ("gateway", "catalog", *(_READERS if options.with_search else ()))
    limits = {"EASEL_RATE_LIMIT_ANONYMOUS": _LIMIT_FAR_AWAY, "EASEL_RATE_LIMIT_KEY": _LIMIT_FAR_AWAY}
    with own_hub(folder, services=services, **limits) as laptop:
        for count in options.models:

            def readers_come_along() -> None:
                for reader in _READERS if options.with_search else ():
                    wait_for_reader(laptop, "catalog", reader, "easel.models.state", _FILL_AHEAD)

            made = fill(laptop.environment()["EASEL_MONGO_URL"], count, readers_come_along)
            wait_until_quiet(laptop, services[1:])
            wanted = targets(made, laptop.admin_key_file.read_text().strip(), options.with_search)
            for target in wanted:
                if options.only and target.name not in options.only:
                    continue
                for connections in options.connections:
                    compared = compare(laptop, target, count, connections, options.rounds, options.seconds)
                    say(compared.line())
                    found.append(compared)
                    wait_for_counters(laptop)
    return Result(rounds=found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="sizes of the catalog")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 32], help="requests at the same time")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs (default: 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a run (default: 2)")
    parser.add_argument("--only", nargs="+", help="targets by name")
    parser.add_argument(
        "--with-search", action=argparse.BooleanOptionalAction, default=True, help="with search, or not"
    )
    parser.add_argument("--state", type=Path, help="keep the hub's state in this folder, and go on from what it holds")
    options = parser.parse_args()
    machine = Machine.this()
    if options.state is not None:
        options.state.mkdir(parents=True, exist_ok=True)
        result = measure(options.state, options)
    else:
        with scratch_folder() as folder:
            result = measure(folder, options)
    publish(machine, result, [compared.line() for compared in result.rounds])


if __name__ == "__main__":
    main()
