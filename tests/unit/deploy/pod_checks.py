"""Rules for one pod: security, probes, room, time to end, settings. Findings are sentences; none is good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.unit.deploy.manifests import Manifest, Workload, of_kind, quantity, title, workloads
from tests.unit.deploy.settings_names import SECRET_NAMES, known_settings

PROBE_PATHS = {
    "startupProbe": {"/health/live"},
    "readinessProbe": {"/health/ready"},
    "livenessProbe": {"/health/live"},  # never a dependency, or a lost database restarts everything
}
JOB_LIMIT = "easel.dev/job-limit-seconds"
USER = 10001


def security_findings(workload: Workload) -> Iterator[str]:
    """The restricted Pod Security Standard, and a read-only root beside it."""
    context = workload.pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") != USER:
        yield f"{workload.title}: does not run as user {USER}"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield f"{workload.title}: no RuntimeDefault seccomp profile"
    if workload.pod.get("automountServiceAccountToken") is not False:
        yield f"{workload.title}: mounts a service account token"
    if any("hostPath" in volume for volume in workload.pod.get("volumes", [])):
        yield f"{workload.title}: mounts a path of the host"
    for container in workload.containers:
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{workload.title}: may escalate privileges"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{workload.title}: may write its root file system"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{workload.title}: keeps capabilities"
        if own.get("privileged") or own.get("runAsUser", USER) != USER:
            yield f"{workload.title}: a container undoes the pod's security context"


def probe_findings(workload: Workload) -> Iterator[str]:
    """Three probes on each server, at the paths that every process answers."""
    if workload.kind == "Job":
        return
    for container in workload.pod["containers"]:
        ports = {port["name"] for port in container.get("ports", [])}
        for probe, paths in PROBE_PATHS.items():
            get = container.get(probe, {}).get("httpGet", {})
            if get.get("path") not in paths or get.get("port") not in ports:
                yield f"{workload.title}: {probe} asks {get or 'nothing'}, not {sorted(paths)} at a named port"


def room_findings(workload: Workload) -> Iterator[str]:
    """Requests and limits, and volumes that fit into them."""
    for container in workload.containers:
        resources = container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        missing = {"cpu", "memory", "ephemeral-storage"} - requests.keys()
        missing |= {"memory", "ephemeral-storage"} - limits.keys()
        if missing:
            yield f"{workload.title}: no request or limit of {sorted(missing)}"
            continue
        if limits["memory"] != requests["memory"]:
            yield f"{workload.title}: memory limit and request differ"
        yield from _volume_findings(workload, limits)
        yield from _mount_findings(workload, container)


def _volume_findings(workload: Workload, limits: dict[str, Any]) -> Iterator[str]:
    sizes = {"disk": 0.0, "memory": 0.0}
    for volume in workload.pod.get("volumes", []):
        if "emptyDir" not in volume:
            continue
        if "sizeLimit" not in volume["emptyDir"]:
            yield f"{workload.title}: volume {volume['name']} has no size limit"
            continue
        medium = "memory" if volume["emptyDir"].get("medium") == "Memory" else "disk"
        sizes[medium] += quantity(volume["emptyDir"]["sizeLimit"])
    if sizes["disk"] > quantity(limits["ephemeral-storage"]):
        yield f"{workload.title}: volumes of {sizes['disk']:.0f} bytes exceed the ephemeral-storage limit"
    if sizes["memory"] > quantity(limits["memory"]) / 2:
        yield f"{workload.title}: memory volumes take more than half of the memory limit"


def _mount_findings(workload: Workload, container: dict[str, Any]) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in workload.pod.get("volumes", [])}
    mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
    for path, name in mounts.items():
        if name not in volumes:
            yield f"{workload.title}: {path} mounts the volume {name}, which the pod has not"
    if "/tmp" not in mounts:
        yield f"{workload.title}: nothing to write at /tmp under a read-only root"
    values = {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
    for name in sorted(values):
        is_folder = name.endswith(("_DIR", "_HOME"))
        if is_folder and not any(values[name].startswith(path) for path in mounts):
            yield f"{workload.title}: {name} is {values[name]}, which is not on a volume"
    if "EASEL_CACHE_BYTES" in values:
        cache = volumes.get(mounts.get(values.get("EASEL_CACHE_DIR", ""), ""), {})
        size = quantity(cache.get("emptyDir", {}).get("sizeLimit", 0))
        if int(values["EASEL_CACHE_BYTES"]) > 0.9 * size:
            yield f"{workload.title}: a model cache of {values['EASEL_CACHE_BYTES']} bytes leaves its volume no room"


def ending_findings(workload: Workload) -> Iterator[str]:
    """A pod has the time to finish its job, after the pause in which endpoints empty."""
    if workload.kind == "Job":
        missing = {"backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"} - workload.spec.keys()
        if missing:
            yield f"{workload.title}: unbounded, {sorted(missing)} not set"
        return
    pauses = [
        container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        for container in workload.pod["containers"]
    ]
    if workload.labels.get("easel.dev/tier") == "service":
        if not 5 <= max(pauses) <= 10:
            yield f"{workload.title}: no pause before the end, so requests meet a closed socket"
    elif JOB_LIMIT not in workload.annotations:
        yield f"{workload.title}: a worker without the annotation {JOB_LIMIT}"
    needed = max(pauses) + int(workload.annotations.get(JOB_LIMIT, 30))
    if workload.pod.get("terminationGracePeriodSeconds", 30) < needed:
        yield f"{workload.title}: killed before the {needed} s that a pause and one job may take"


def gpu_findings(workload: Workload) -> Iterator[str]:
    """A pod on a GPU goes to the nodes of its class and never surges; no other pod may go there."""
    limits = [container.get("resources", {}).get("limits", {}) for container in workload.containers]
    tolerates = any(entry.get("key") == "nvidia.com/gpu" for entry in workload.pod.get("tolerations", []))
    if not any("nvidia.com/gpu" in limit for limit in limits):
        if tolerates:
            yield f"{workload.title}: tolerates GPU nodes without a use for them"
        return
    affinity = workload.pod.get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
    classes = [
        expression["values"]
        for term in terms
        for expression in term["matchExpressions"]
        if expression["key"] == "easel.dev/gpu-class"
    ]
    own = workload.labels.get("easel.dev/gpu-class", "unassigned")
    if not tolerates or classes != [[own]]:
        yield f"{workload.title}: not bound to GPU nodes of class {own}"
    if workload.spec.get("strategy", {}).get("rollingUpdate", {}).get("maxSurge") != 0:
        yield f"{workload.title}: its roll-out waits for a GPU that may not exist"


def setting_findings(manifests: list[Manifest]) -> Iterator[str]:
    """Names that the code reads, and no secret among the values."""
    for manifest in of_kind(manifests, "Secret"):
        yield f"{title(manifest)}: a secret in the rendered set"
    for manifest in of_kind(manifests, "ConfigMap"):
        for name, value in manifest.get("data", {}).items():
            yield from _name_findings(title(manifest), name, value)
    for workload in workloads(manifests):
        for container in workload.containers:
            for entry in container.get("env", []):
                reference = entry.get("valueFrom", {}).get("secretKeyRef")
                yield from _name_findings(workload.title, entry["name"], entry.get("value"))
                if reference and f"EASEL_{reference['key']}" != entry["name"]:
                    yield f"{workload.title}: {entry['name']} is filled from the key {reference['key']}"
                if reference and (reference["name"] != "easel-secrets" or reference["key"] not in SECRET_NAMES):
                    yield f"{workload.title}: {reference['name']}/{reference['key']} is no key of easel-secrets"


def _name_findings(owner: str, name: str, value: str | None) -> Iterator[str]:
    if name.startswith("EASEL_") and name not in known_settings():
        yield f"{owner}: {name} is no setting of any process"
    if value is not None and name.removeprefix("EASEL_") in SECRET_NAMES:
        yield f"{owner}: {name} is a secret and has its value in the manifest"
    if value is not None and "://" in value and "@" in value:
        yield f"{owner}: {name} carries credentials in an address"


def pod_findings(manifests: list[Manifest]) -> Iterator[str]:
    """All rules of this module."""
    for workload in workloads(manifests):
        yield from security_findings(workload)
        yield from probe_findings(workload)
        yield from room_findings(workload)
        yield from ending_findings(workload)
        yield from gpu_findings(workload)
    yield from setting_findings(manifests)
