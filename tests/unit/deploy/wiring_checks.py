"""Rules that cross objects: names, selectors, scalers, policies, references. Findings are sentences; none is good."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from shared.events.topics import TOPICS, topic_named
from tests.unit.deploy.manifests import CLUSTER_SCOPED, Manifest, of_kind, selected, title, workloads

LABELS = {f"app.kubernetes.io/{name}" for name in ("name", "component", "part-of", "version")}
METRICS = {"easel_render_backlog_seconds", "easel_scan_backlog_bytes"}
"""Metrics that scalers may ask for, of the planner and of the upload service."""


def identity_findings(manifests: list[Manifest]) -> Iterator[str]:
    """Every object is named once, labelled, and in a namespace of its own."""
    keys = Counter((entry["kind"], entry["metadata"].get("namespace"), title(entry)) for entry in manifests)
    for (_, _, name), count in keys.items():
        if count > 1:
            yield f"{name}: declared {count} times"
    for manifest in manifests:
        has_namespace = bool(manifest["metadata"].get("namespace"))
        if has_namespace == (manifest["kind"] in CLUSTER_SCOPED):
            yield f"{title(manifest)}: namespace is {manifest['metadata'].get('namespace')}"
        missing = LABELS - manifest["metadata"].get("labels", {}).keys()
        if missing:
            yield f"{title(manifest)}: lacks the labels {sorted(missing)}"


def selector_findings(manifests: list[Manifest]) -> Iterator[str]:
    """A Service, a budget and a Deployment select the pods of one workload; a Service's port is one of theirs."""
    for manifest in of_kind(manifests, "Service", "PodDisruptionBudget", "Deployment"):
        spec, namespace = manifest["spec"], manifest["metadata"].get("namespace", "")
        selector = spec["selector"] if manifest["kind"] == "Service" else spec["selector"]["matchLabels"]
        targets = selected(manifests, namespace, selector)
        if len(targets) != 1:
            yield f"{title(manifest)}: selects {[target.title for target in targets]}, not one workload"
            continue
        ports = {port.get("name") for entry in targets[0].containers for port in entry.get("ports", [])}
        for port in spec.get("ports", []):
            if port.get("targetPort") not in ports:
                yield f"{title(manifest)}: targetPort {port.get('targetPort')} is no named port of {targets[0].title}"
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        if budget["spec"].get("maxUnavailable") in (None, 0, "0%"):
            yield f"{title(budget)}: blocks every node drain"


def scaler_findings(manifests: list[Manifest]) -> Iterator[str]:
    """A Deployment has either a number of replicas or one scaler; a scaler has its Deployment."""
    scalers = of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject")
    targets = Counter(scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers)
    deployments = {workload.name: workload for workload in workloads(manifests) if workload.kind == "Deployment"}
    for name in targets.keys() - deployments.keys():
        yield f"a scaler's target Deployment/{name} does not exist"
    for name, workload in deployments.items():
        if targets[name] + ("replicas" in workload.spec) != 1:
            yield f"{workload.title}: {targets[name]} scalers, replicas {workload.spec.get('replicas')}: not one"
    for scaler in of_kind(manifests, "HorizontalPodAutoscaler"):
        if scaler["spec"].get("minReplicas", 1) < 2:
            yield f"{title(scaler)}: one replica alone answers people"
    for scaler in of_kind(manifests, "ScaledObject"):
        target = deployments.get(scaler["spec"]["scaleTargetRef"]["name"])
        yield from _scaled_object_findings(scaler, target.labels.get("easel.dev/gpu-class") if target else None)


def _scaled_object_findings(scaler: Manifest, gpu_class: str | None) -> Iterator[str]:
    spec = scaler["spec"]
    for trigger in spec["triggers"]:
        metadata = trigger["metadata"]
        metrics = set(re.findall(r"\beasel_\w+", metadata["query"]))
        if not metrics or not metrics <= METRICS:
            yield f"{title(scaler)}: asks for {sorted(metrics)}, which nobody exports"
        classes = set(re.findall(r'class="(\w+)"', metadata["query"]))
        if gpu_class is not None and classes != {gpu_class}:
            yield f"{title(scaler)}: asks for the backlog of {sorted(classes)}, not of its own class {gpu_class}"
        if metadata.get("ignoreNullValues") != "false":
            yield f"{title(scaler)}: takes a vanished metric for an empty queue"
        if float(metadata.get("activationThreshold", 0)) > spec.get("cooldownPeriod", 300):
            yield f"{title(scaler)}: scales to zero under work that is below the activation threshold"
    missing = {"minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "fallback"} - spec.keys()
    if missing:
        yield f"{title(scaler)}: {sorted(missing)} not written out"
    partitions = _partitions(gpu_class)
    if spec.get("maxReplicaCount", 100) > partitions:
        yield f"{title(scaler)}: more replicas than the {partitions} partitions of the topic, the rest would idle"


def _partitions(gpu_class: str | None) -> int:
    """Of the topics that the scaled worker reads: the scanner's, or the jobs of a GPU class."""
    if gpu_class is None:
        return topic_named("easel.uploads").partitions
    return min(topic.partitions for topic in TOPICS if topic.name.startswith(f"easel.render.jobs.{gpu_class}."))


def policy_findings(manifests: list[Manifest]) -> Iterator[str]:
    """Each workload has one policy of its own, for both directions; each rule names its peers."""
    policies = [entry for entry in of_kind(manifests, "NetworkPolicy") if entry["spec"]["podSelector"]]
    for workload in workloads(manifests):
        own = [
            policy
            for policy in policies
            if policy["spec"]["podSelector"]["matchLabels"].items() <= workload.labels.items()
        ]
        if len(own) != 1 or set(own[0]["spec"]["policyTypes"]) != {"Ingress", "Egress"}:
            yield f"{workload.title}: has {len(own)} policies of both directions, not one"
    for policy in of_kind(manifests, "NetworkPolicy"):
        rules = [(rule, "from") for rule in policy["spec"].get("ingress", [])]
        rules += [(rule, "to") for rule in policy["spec"].get("egress", [])]
        if any(not rule.get(peers) or not rule.get("ports") for rule, peers in rules):
            yield f"{title(policy)}: a rule without peers or ports opens everything"


def reference_findings(manifests: list[Manifest]) -> Iterator[str]:
    """In a set that is applied as it is, everything that is named is there (secrets come from outside)."""
    there = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
    for workload in workloads(manifests):
        named = {
            ("Namespace", workload.namespace),
            ("ServiceAccount", workload.pod.get("serviceAccountName", "default")),
            ("PriorityClass", workload.pod.get("priorityClassName", "")),
        }
        for container in workload.containers:
            sources = [source.get("configMapRef") for source in container.get("envFrom", [])]
            named |= {("ConfigMap", source["name"]) for source in sources if source}
        for kind, name in sorted(named - there):
            yield f"{workload.title}: {kind}/{name} is not in the set"
    if not any(not entry["spec"]["podSelector"] for entry in of_kind(manifests, "NetworkPolicy")):
        yield "no policy denies what none allows"


def wiring_findings(manifests: list[Manifest], *, complete: bool) -> Iterator[str]:
    """All rules of this module; those of references only for a set that is complete."""
    yield from identity_findings(manifests)
    yield from selector_findings(manifests)
    yield from scaler_findings(manifests)
    yield from policy_findings(manifests)
    if complete:
        yield from reference_findings(manifests)
