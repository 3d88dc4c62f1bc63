"""Start a hub under supervisor, wait until it is ready, ask how it is, stop it."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any
from xmlrpc.client import ServerProxy

import jinja2
import msgspec
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from deploy.laptop import HOST
from deploy.laptop.environment import SERVICE_NAMES, Laptop, load_secrets

CHECKOUT = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 60


class HubNotReady(Exception):
    """The hub did not become ready in time; the message names what is missing."""


class AlreadyRunning(Exception):
    """A hub runs on that port or in that folder already."""


class Program(msgspec.Struct, frozen=True):
    """One program of the process manager."""

    name: str
    module: str
    priority: int
    stop_seconds: int = 15
    once: bool = False


class Group(msgspec.Struct, frozen=True):
    """Programs that start and stop together."""

    name: str
    priority: int
    programs: list[str]


def _launched(name: str, priority: int, stop_seconds: int = 15) -> Program:
    return Program(name, f"deploy.laptop.launch {name}", priority, stop_seconds)


def write_config(hub: Laptop, services: tuple[str, ...] = SERVICE_NAMES) -> Path:
    """Write supervisor's configuration into the state folder, readable by its owner alone (it holds a password)."""
    stores = ["s3", "mongo"]
    if hub.environment()["EASEL_SEARCH_ENGINE"] == "opensearch" and "EASEL_OPENSEARCH_URL" not in os.environ:
        stores.append("opensearch")
    programs = [
        *(_launched(name, 10) for name in stores),
        _launched("kafka", 20),
        Program("migrate", "shared.migrate", 25, once=True),
        *(_launched(name, 30, stop_seconds=40 if name in ("renderer", "scanner") else 15) for name in services),
    ]
    groups = [
        Group("stores", 10, stores),
        Group("events", 20, ["kafka"]),
        Group("setup", 25, ["migrate"]),
        Group("services", 30, list(services)),
    ]
    template = jinja2.Environment(  # noqa: S701 (an ini file, not HTML)
        loader=jinja2.FileSystemLoader(Path(__file__).parent), undefined=jinja2.StrictUndefined, trim_blocks=True
    ).get_template("supervisord.conf.jinja")
    text = template.render(
        user=getpass.getuser(), checkout=CHECKOUT, state=hub.state, host=HOST, port=hub.port("supervisor"),
        password=load_secrets(hub.state).supervisor_password, python=sys.executable,
        programs=programs, groups=[group for group in groups if group.programs],
    )  # fmt: skip
    (hub.state / "logs").mkdir(parents=True, exist_ok=True)
    path = hub.state / "supervisord.conf"
    path.touch(mode=0o600)
    path.write_text(text.replace("%", "%%"))
    return path


class RunningHub:
    """A hub started by this process. `with RunningHub(...) as hub:` stops it at the end, whatever happens."""

    def __init__(self, hub: Laptop, services: tuple[str, ...] = SERVICE_NAMES) -> None:
        self.hub = hub
        self._services = services
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start supervisor, which starts everything. Raises AlreadyRunning before touching anything."""
        self._refuse_a_second()
        config = write_config(self.hub, self._services)
        for folder in ("spool", "cache"):
            (self.hub.state / folder).mkdir(exist_ok=True)
        self._supervisor = subprocess.Popen(  # noqa: S603 (our own interpreter and configuration)
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(config)],
            env=self.hub.environment(),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C reaches us alone; we pass it on once
        )

    def _refuse_a_second(self) -> None:
        for name in ("supervisor", "gateway"):
            try:
                socket.create_connection((HOST, self.hub.port(name)), timeout=1).close()
            except ConnectionRefusedError:
                continue
            except TimeoutError:
                pass  # something is there, too busy to answer
            raise AlreadyRunning(
                f"something already answers on port {self.hub.port(name)}. "
                "Stop it, or choose another EASEL_PORT and EASEL_STATE for a second hub."
            )

    def poll(self) -> int | None:
        """Supervisor's exit status, or None while it runs."""
        return self._supervisor.poll() if self._supervisor else 0

    def wait_ready(self, timeout_seconds: float = 180.0) -> None:
        """Return when every service is ready; HubNotReady names what is missing after that time."""

        @retry(
            retry=retry_if_exception_type(HubNotReady), wait=wait_fixed(0.2), stop=stop_after_delay(timeout_seconds),
            reraise=True,
        )  # fmt: skip
        def ask() -> None:
            if self.poll() is not None:
                raise RuntimeError(f"supervisor ended; see {self.hub.state}/logs/supervisord.log")
            missing = {name: answer for name in self._services if (answer := not_ready(self.hub, name))}
            if missing:
                raise HubNotReady("; ".join(f"{name}: {reason}" for name, reason in missing.items()))

        ask()

    def stop(self) -> None:
        """Stop everything in order; kill what does not stop."""
        process = self._supervisor
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)

    def __enter__(self) -> RunningHub:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def not_ready(hub: Laptop, name: str) -> str | None:
    """Why a process is not ready, or None when it is."""
    # The plain client: asked five times a second, a client that loads certificates takes a core from those who start.
    connection = HTTPConnection(HOST, hub.port(name), timeout=4)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, HTTPException) as error:
        return f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    if answer.status == 200:
        return None
    missing: dict[str, str] = msgspec.json.decode(body).get("missing", {}) if answer.status == 503 else {}
    return ", ".join(f"{part}: {reason}" for part, reason in missing.items()) or f"status {answer.status}"


def process_states(hub: Laptop) -> list[dict[str, Any]]:
    """What supervisor says of each program: name, statename, pid, description. OSError when it does not run."""
    password = load_secrets(hub.state).supervisor_password
    proxy = ServerProxy(f"http://easel:{password}@{HOST}:{hub.port('supervisor')}/RPC2")
    states: Any = proxy.supervisor.getAllProcessInfo()
    return list(states)
