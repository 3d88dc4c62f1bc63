"""`deploy/compose.yaml`, parsed, and its rules. Findings are sentences; none is good."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from shared.migrate import MigrateSettings
from tests.unit.deploy.manifests import REPOSITORY
from tests.unit.deploy.settings_names import SECRET_NAMES, known_settings

Service = dict[str, Any]
Compose = dict[str, Any]

DEPLOY = REPOSITORY / "deploy"
USER = "10001:10001"
OPEN = {"gateway", "store-front"}
"""Published where EASEL_BIND says; everything else at most on this host."""
FOR_THIS_HOST = {"prometheus", "grafana"}
WRITES_ITS_ROOT = {"opensearch"}
RUNS_ONCE = {"volumes", "migrate", "first-signatures"}
REQUIRED = {
    "EASEL_INTERNAL_TOKEN", "EASEL_SECRET", "EASEL_ADMIN_KEY", "EASEL_S3_ACCESS_KEY", "EASEL_S3_SECRET_KEY",
    "GRAFANA_PASSWORD",
}  # fmt: skip
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@cache
def _text() -> str:
    return (DEPLOY / "compose.yaml").read_text()


def compose() -> Compose:
    """The file with its anchors resolved, and its variables as they are written."""
    loaded: Compose = yaml.safe_load(_text())
    return loaded


def variables(value: object) -> set[tuple[str, str, str]]:
    """Name, operator ("", "-" or "?") and default or message of every variable in a value of any depth."""
    if isinstance(value, str):
        return set(_VARIABLE.findall(value))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(variables, parts))


def filled(value: str, given: dict[str, str]) -> str:
    """A value as Compose would fill it in; raises KeyError for a required variable that is not given."""

    def fill(match: re.Match[str]) -> str:
        name, operator, default = match.groups()
        return given.get(name) or (default if operator == "-" else given[name])

    return _VARIABLE.sub(fill, value)


def processes(file: Compose) -> dict[str, Service]:
    """The services that run Easel's own code as a process of the hub, by the process's name."""
    return {
        service["command"][0]: service
        for service in file["services"].values()
        if re.match(r"\$\{EASEL_(RENDER_)?IMAGE\b", service["image"]) and service["command"]
    }


def findings(file: Compose) -> list[str]:
    """All rules."""
    found = []
    for name, service in file["services"].items():
        found += [*_locked(name, service), *_bounded(name, service), *_reached(name, service, file)]
        found += [*_ordered(name, service, file), *_settings(name, service)]
    return found


def _locked(name: str, service: Service) -> Iterator[str]:
    if service.get("read_only") is not True and name not in WRITES_ITS_ROOT:
        yield f"{name}: may write its root file system"
    if service.get("cap_drop") != ["ALL"]:
        yield f"{name}: keeps capabilities"
    if service.get("cap_add", []) != (["CHOWN"] if name == "volumes" else []):
        yield f"{name}: is given capabilities"
    if service.get("security_opt") != ["no-new-privileges:true"]:
        yield f"{name}: may gain privileges, or undoes Docker's own seccomp profile"
    if service.get("privileged") or service.get("network_mode", "none") != "none" or service.get("pid"):
        yield f"{name}: shares the host's"
    if str(service.get("user", "")).startswith(("0", "root")) and name != "volumes":
        yield f"{name}: runs as root"
    if service["image"].startswith("${EASEL_") and name != "volumes" and service.get("user") != USER:
        yield f"{name}: does not run as {USER}"
    for mount in service.get("volumes", []):
        source, _, rest = mount.partition(":")
        if source.startswith("/") or "docker.sock" in mount:
            yield f"{name}: mounts {source} of the host"
        if source.startswith("."):
            if not rest.endswith(":ro"):
                yield f"{name}: may write {source}"
            if not (DEPLOY / source).exists():
                yield f"{name}: mounts {source}, which is not there"


def _bounded(name: str, service: Service) -> Iterator[str]:
    if "mem_limit" not in service:
        yield f"{name}: no limit of memory"
    if "max-size" not in service.get("logging", {}).get("options", {}):
        yield f"{name}: its log grows for ever"
    image = filled(service["image"], {})
    if not re.search(r":v?\d+\.\d+(\.\d+)?(-alpine)?$|@sha256:[0-9a-f]{64}$", image):
        yield f"{name}: the image {image} has no fixed version"
    if name not in RUNS_ONCE | {"freshclam"} and "test" not in service.get("healthcheck", {}):
        yield f"{name}: nothing asks whether it is well"


def _reached(name: str, service: Service, file: Compose) -> Iterator[str]:
    for port in service.get("ports", []):
        wanted = "${EASEL_BIND:-127.0.0.1}:" if name in OPEN else "127.0.0.1:"
        if name not in OPEN | FOR_THIS_HOST or not port.startswith(wanted):
            yield f"{name}: published as {port}"
    networks = {network: (file["networks"][network] or {}) for network in service.get("networks", [])}
    outside = {network for network, options in networks.items() if not options.get("internal")}
    wanted_outside = (
        {"edge"} if name in OPEN else {"console"} if name in FOR_THIS_HOST
        else {"signatures"} if name in {"first-signatures", "freshclam"} else set()
    )  # fmt: skip
    if outside != wanted_outside:
        yield f"{name}: reaches the world by {sorted(outside)}"
    if not networks and service.get("network_mode") != "none":
        yield f"{name}: is in the default network, which is not internal"


def _ordered(name: str, service: Service, file: Compose) -> Iterator[str]:
    for other, wanted in service.get("depends_on", {}).items():
        if other not in file["services"]:
            yield f"{name}: waits for {other}, which there is not"
        elif (wanted["condition"] == "service_completed_successfully") != (other in RUNS_ONCE):
            yield f"{name}: waits for {other} to be {wanted['condition']}"
    mounted = {mount.partition(":")[0] for mount in service.get("volumes", []) if not mount.startswith(".")}
    if missing := mounted - file["volumes"].keys():
        yield f"{name}: mounts the volumes {sorted(missing)}, which there are not"
    if mounted and name != "volumes":
        owned = {mount.partition(":")[0] for mount in file["services"]["volumes"]["volumes"]}
        if not mounted <= owned or not _comes_after(name, "volumes", file):
            yield f"{name}: its volumes may still be root's when it starts"


def _comes_after(name: str, wanted: str, file: Compose) -> bool:
    waits_for = file["services"][name].get("depends_on", {})
    return wanted in waits_for or any(_comes_after(other, wanted, file) for other in waits_for)


def _settings(name: str, service: Service) -> Iterator[str]:
    known = known_settings() | {f"EASEL_{field.upper()}" for field in MigrateSettings.model_fields}
    for variable, value in service.get("environment", {}).items():
        if variable.startswith("EASEL_") and variable not in known:
            yield f"{name}: {variable} is no setting of any process"
        is_secret = variable.removeprefix("EASEL_") in SECRET_NAMES or "PASSWORD" in variable
        if is_secret and value is not None and not _is_required(value) and variable != "EASEL_MONGO_URL":
            yield f"{name}: {variable} is a secret and has its value in the file"
        if value is not None and re.search(r"://[^/]*@", str(value)):
            yield f"{name}: {variable} carries credentials in an address"


def _is_required(value: str) -> bool:
    match = _VARIABLE.fullmatch(value)
    return match is not None and match[2] == "?" and "compose.env" in match[3]
