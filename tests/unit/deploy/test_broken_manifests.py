"""The checks themselves: each case breaks one thing in a good set, and the checks must name it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.unit.deploy.manifests import Manifest, rendered
from tests.unit.deploy.pod_checks import pod_findings
from tests.unit.deploy.schema_checks import schema_findings
from tests.unit.deploy.wiring_checks import wiring_findings

Break = Callable[[list[Manifest]], Any]


def entry(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The one object of that kind and name."""
    return next(one for one in manifests if (one["kind"], one["metadata"]["name"]) == (kind, name))


def pod(manifests: list[Manifest], name: str) -> dict[str, Any]:
    """The pod of a Deployment."""
    found: dict[str, Any] = entry(manifests, "Deployment", name)["spec"]["template"]["spec"]
    return found


def container(manifests: list[Manifest], name: str) -> dict[str, Any]:
    """The container of a Deployment."""
    found: dict[str, Any] = pod(manifests, name)["containers"][0]
    return found


def trigger(manifests: list[Manifest]) -> dict[str, Any]:
    """The settings of the first trigger of a renderer's scaler."""
    found: dict[str, Any] = entry(manifests, "ScaledObject", "renderer-small")["spec"]["triggers"][0]["metadata"]
    return found


def drop(manifests: list[Manifest], kind: str, *names: str) -> None:
    """Takes objects out of the set."""
    manifests[:] = [one for one in manifests if one["kind"] != kind or one["metadata"]["name"] not in names]


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "easel-secrets", "namespace": "easel", "labels": {}},
    "stringData": {"SECRET": "known to all"},
}

BREAKS: dict[str, tuple[Break, str]] = {
    "misspelt field": (lambda m: pod(m, "catalog").update(restartPolicies="Always"), "restartPolicies"),
    "wrong type": (lambda m: entry(m, "Service", "search")["spec"]["ports"][0].update(port="eighty"), "eighty"),
    "old API version": (
        lambda m: entry(m, "PodDisruptionBudget", "search").update(apiVersion="policy/v0"),
        "no schema",
    ),
    "unknown trigger setting": (lambda m: trigger(m).update(treshold="90"), "treshold"),
    "fallback without a threshold": (
        lambda m: entry(m, "ScaledObject", "scanner")["spec"]["fallback"].pop("failureThreshold"),
        "failureThreshold",
    ),
    "no namespace": (lambda m: entry(m, "Service", "search")["metadata"].pop("namespace"), "namespace is None"),
    "no label": (
        lambda m: entry(m, "Service", "search")["metadata"]["labels"].pop("app.kubernetes.io/part-of"),
        "lacks the labels",
    ),
    "declared twice": (lambda m: m.append(entry(m, "ServiceAccount", "search")), "declared 2 times"),
    "root user": (lambda m: pod(m, "catalog")["securityContext"].update(runAsUser=0), "does not run as user"),
    "writable root": (
        lambda m: container(m, "catalog")["securityContext"].update(readOnlyRootFilesystem=False),
        "may write its root",
    ),
    "token mounted": (lambda m: pod(m, "catalog").pop("automountServiceAccountToken"), "service account token"),
    "host path": (
        lambda m: pod(m, "scanner")["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
        "path of the host",
    ),
    "liveness on a dependency": (
        lambda m: container(m, "search")["livenessProbe"]["httpGet"].update(path="/health/ready"),
        "livenessProbe asks",
    ),
    "no memory limit": (lambda m: container(m, "search")["resources"]["limits"].pop("memory"), "no request or limit"),
    "unbounded volume": (lambda m: pod(m, "scanner")["volumes"][0]["emptyDir"].clear(), "has no size limit"),
    "volume beyond the disk": (
        lambda m: pod(m, "scanner")["volumes"][0]["emptyDir"].update(sizeLimit="80Gi"),
        "exceed the ephemeral-storage",
    ),
    "cache beyond its volume": (
        lambda m: pod(m, "renderer-small")["volumes"][0]["emptyDir"].update(sizeLimit="20Gi"),
        "leaves its volume no room",
    ),
    "cache off the volumes": (
        lambda m: container(m, "renderer-small")["env"].append({"name": "TRITON_HOME", "value": "/root/.triton"}),
        "is not on a volume",
    ),
    "grace below the job": (
        lambda m: pod(m, "renderer-small").update(terminationGracePeriodSeconds=20),
        "killed before",
    ),
    "no pause before the end": (lambda m: container(m, "gateway").pop("lifecycle"), "no pause"),
    "job without a limit": (
        lambda m: entry(m, "Job", "migrate")["spec"].pop("activeDeadlineSeconds"),
        "unbounded",
    ),
    "GPU node for a service": (
        lambda m: pod(m, "search").update(tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}]),
        "tolerates GPU nodes",
    ),
    "renderer anywhere": (lambda m: pod(m, "renderer-small").pop("affinity"), "not bound to GPU nodes"),
    "renderer with a surge": (
        lambda m: entry(m, "Deployment", "renderer-small")["spec"]["strategy"]["rollingUpdate"].update(maxSurge=1),
        "waits for a GPU",
    ),
    "unknown setting": (
        lambda m: container(m, "search")["env"].append({"name": "EASEL_OPENSERCH_URL", "value": "http://x"}),
        "EASEL_OPENSERCH_URL is no setting",
    ),
    "secret as a literal": (
        lambda m: container(m, "search")["env"].append({"name": "EASEL_SECRET", "value": "hunter2"}),
        "has its value in the manifest",
    ),
    "secret in the set": (lambda m: m.append(deepcopy(SECRET)), "a secret in the rendered set"),
    "password in an address": (
        lambda m: container(m, "search")["env"].append({"name": "EASEL_CATALOG_URL", "value": "http://a:b@catalog"}),
        "credentials in an address",
    ),
    "wrong key of the secret": (
        lambda m: container(m, "search")["env"][0]["valueFrom"]["secretKeyRef"].update(key="SECRET"),
        "is filled from the key SECRET",
    ),
    "service without pods": (
        lambda m: entry(m, "Service", "search")["spec"]["selector"].update({"app.kubernetes.io/name": "serch"}),
        "selects [], not one workload",
    ),
    "service of two pools": (
        lambda m: entry(m, "Service", "renderer-small")["spec"]["selector"].pop("easel.dev/gpu-class"),
        "not one workload",
    ),
    "unnamed port": (
        lambda m: entry(m, "Service", "search")["spec"]["ports"][0].update(targetPort=8080),
        "is no named port",
    ),
    "budget that blocks drains": (
        lambda m: entry(m, "PodDisruptionBudget", "search")["spec"].update(maxUnavailable=0),
        "blocks every node drain",
    ),
    "scaler without a target": (
        lambda m: entry(m, "ScaledObject", "scanner")["spec"]["scaleTargetRef"].update(name="scaner"),
        "Deployment/scaner does not exist",
    ),
    "replicas beside a scaler": (
        lambda m: entry(m, "Deployment", "search")["spec"].update(replicas=2),
        "1 scalers, replicas 2",
    ),
    "backlog of another class": (
        lambda m: trigger(m).update(query='max(easel_render_backlog_seconds{class="large",lane="interactive"})'),
        "not of its own class small",
    ),
    "metric that nobody exports": (
        lambda m: trigger(m).update(query='max(easel_backlog{class="small"})'),
        "which nobody exports",
    ),
    "vanished metric as zero": (lambda m: trigger(m).pop("ignoreNullValues"), "empty queue"),
    "more renderers than partitions": (
        lambda m: entry(m, "ScaledObject", "renderer-small")["spec"].update(maxReplicaCount=25),
        "the rest would idle",
    ),
    "workload without a policy": (lambda m: drop(m, "NetworkPolicy", "scanner"), "has 0 policies"),
    "policy without peers": (
        lambda m: entry(m, "NetworkPolicy", "scanner")["spec"]["egress"][0].pop("to"),
        "opens everything",
    ),
    "priority class missing": (
        lambda m: drop(m, "PriorityClass", "easel-service"),
        "PriorityClass/easel-service is not in the set",
    ),
    "settings missing": (
        lambda m: container(m, "search")["envFrom"][0]["configMapRef"].update(name="easel-settings"),
        "ConfigMap/easel-settings is not in the set",
    ),
    "no default deny": (
        lambda m: drop(m, "NetworkPolicy", "default-deny", "allow-dns"),
        "no policy denies",
    ),
}


def findings(manifests: list[Manifest]) -> list[str]:
    """Of all checks, for a set that is complete."""
    checks = (schema_findings(manifests), pod_findings(manifests), wiring_findings(manifests, complete=True))
    return [finding for check in checks for finding in check]


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_set_is_found_out(name: str) -> None:
    manifests = deepcopy(rendered()["overlays/example"])
    break_it, expected = BREAKS[name]
    break_it(manifests)
    found = findings(manifests)
    assert any(expected in finding for finding in found), found


def test_the_unbroken_set_has_no_finding() -> None:
    assert findings(deepcopy(rendered()["overlays/example"])) == []
