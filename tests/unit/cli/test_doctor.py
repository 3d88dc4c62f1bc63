"""`easel doctor` on a machine where some of a hub runs."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.checkup import ENGINE_SETTINGS, examine, judge_libraries
from shared.processes import ENGINES, PORT_STRIDE, SERVICES, port_of
from tests.unit.cli.conftest import Easel

READY = (200, {"status": "ready", "missing": {}})


@contextmanager
def answering(port: int, status: int, body: Any) -> Iterator[None]:
    """Something on a port that answers every GET."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def gateway_port() -> int:
    """A port such that it and all the others counted from it are free."""
    slots = [process.slot for process in SERVICES + ENGINES]
    for port in range(20011, 60000, 997):
        if all(is_free(port + PORT_STRIDE * slot) for slot in slots):
            return port
    raise AssertionError("no free range of ports")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def environment(port: int, state: Path) -> dict[str, str]:
    """A hub whose engines are elsewhere, so that only its processes are looked for here."""
    engines = dict.fromkeys(ENGINE_SETTINGS.values(), "elsewhere.example:1")
    return engines | {"EASEL_PORT": str(port), "EASEL_STATE": str(state)}


def test_each_process_is_judged_by_its_own_answer(gateway_port: int, tmp_path: Path) -> None:
    missing = {"kafka": "NodeNotReadyError: no broker"}
    url = f"http://127.0.0.1:{gateway_port}"
    with (
        answering(port_of("supervisor", gateway_port), 401, b""),
        answering(gateway_port, *READY),
        answering(port_of("catalog", gateway_port), 503, {"status": "waiting", "missing": missing}),
        answering(port_of("search", gateway_port), 404, b"<html>some other program</html>"),
    ):
        checks = {check.name: check for check in examine(url, environment(gateway_port, tmp_path))}
    assert checks["gateway"].is_ok and checks["gateway"].detail == "ready"
    assert not checks["catalog"].is_ok and checks["catalog"].missing == missing
    assert "EASEL_KAFKA_BOOTSTRAP" in (checks["catalog"].fix or "")
    assert "not a process of a hub" in checks["search"].detail
    assert checks["reviews"].detail == "not running"
    assert f"{tmp_path}/logs/reviews.log" in (checks["reviews"].fix or "")
    wanted = {process.name for process in SERVICES + ENGINES} - {"opensearch"}  # a laptop's index needs no server
    assert wanted <= checks.keys()
    assert "opensearch" not in checks


def test_an_engine_that_should_be_here_is_looked_for(gateway_port: int, tmp_path: Path) -> None:
    settings = environment(gateway_port, tmp_path)
    del settings["EASEL_S3_ENDPOINT"], settings["EASEL_KAFKA_BOOTSTRAP"]
    with answering(port_of("s3", gateway_port), 403, b""):
        checks = {check.name: check for check in examine(f"http://127.0.0.1:{gateway_port}", settings)}
    assert checks["s3"].is_ok
    assert not checks["kafka"].is_ok and "not running" in checks["kafka"].detail
    assert checks["mongo"].is_ok and "EASEL_MONGO_URL" in checks["mongo"].detail


def test_a_hub_that_something_else_keeps_needs_no_supervisor(gateway_port: int, tmp_path: Path) -> None:
    with ExitStack() as running:
        for process in SERVICES:
            running.enter_context(answering(port_of(process.name, gateway_port), *READY))
        checks = examine(f"http://127.0.0.1:{gateway_port}", environment(gateway_port, tmp_path))
    assert all(check.is_ok for check in checks)


def test_what_a_process_would_rather_have_is_shown_without_alarm(gateway_port: int, tmp_path: Path) -> None:
    ready = {"status": "ready", "missing": {}, "notes": {"confinement": "no Landlock"}}
    with answering(port_of("scanner", gateway_port), 200, ready):
        checks = {
            check.name: check
            for check in examine(f"http://127.0.0.1:{gateway_port}", environment(gateway_port, tmp_path))
        }
    assert checks["scanner"].is_ok and checks["scanner"].detail == "ready; confinement: no Landlock"


def test_the_kernels_means_to_confine_scans_are_tried(gateway_port: int, tmp_path: Path) -> None:
    checks = {
        check.name: check for check in examine(f"http://127.0.0.1:{gateway_port}", environment(gateway_port, tmp_path))
    }
    assert checks["scan"].is_ok and "confined" in checks["scan"].detail


def test_when_nothing_runs_there_is_one_thing_to_do(gateway_port: int, tmp_path: Path) -> None:
    checks = examine(f"http://127.0.0.1:{gateway_port}", environment(gateway_port, tmp_path))
    assert {check.fix for check in checks if not check.is_ok} == {"Start the hub with `easel up`."}


def test_of_a_remote_hub_only_the_gateway_is_asked() -> None:
    checks = examine("http://hub.invalid", {})
    assert [(check.name, check.is_ok) for check in checks] == [("gateway", False)]
    assert "operator" in (checks[0].fix or "")


def test_the_command_ends_with_1_if_anything_is_down(
    easel: Easel, gateway_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(gateway_port, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("EASEL_URL", raising=False)
    ran = easel("doctor", "--json")
    assert ran.code == 1
    assert not ran.json["ok"] and {check["name"] for check in ran.json["checks"]} >= {"gateway", "disk"}
    assert "easel up" in easel("doctor").out


class TestLibrariesOfMongod:
    FOUND = "\tlibssl.so.3 => /lib/x86_64-linux-gnu/libssl.so.3 (0x00007f)\n"

    def test_lacking_ones_give_the_apt_line(self) -> None:
        output = self.FOUND + "\tlibcurl.so.4 => not found\n"
        check = judge_libraries(Path("/x/mongod"), output)
        assert not check.is_ok and check.fix == "apt-get install libcurl4"

    def test_a_lacking_openssl_3_names_the_systems_that_have_it(self) -> None:
        output = "\tlibcrypto.so.3 => not found\n\tlibssl.so.3 => not found\n"
        assert "apt-get install libssl3" in (judge_libraries(Path("/x/mongod"), output).fix or "")

    def test_all_there_is_well(self) -> None:
        assert judge_libraries(Path("/x/mongod"), self.FOUND).is_ok
