"""The cluster's manifests as they render: each set is valid, wired and locked down."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from shared.events.topics import TOPICS
from shared.processes import SERVICES
from tests.unit.deploy.manifests import REPOSITORY, Manifest, complete_sets, of_kind, rendered, sets, workloads
from tests.unit.deploy.pod_checks import USER, pod_findings
from tests.unit.deploy.schema_checks import schema_findings
from tests.unit.deploy.settings_names import SECRET_NAMES, settings_classes, settings_module_of
from tests.unit.deploy.wiring_checks import wiring_findings

EXAMPLE = "overlays/example"
PLACEHOLDER = "placeholder-of-a-secret-0123456789abcdef"


@pytest.mark.parametrize("folder", sets())
def test_a_set_is_valid_against_the_named_kubernetes_version(folder: str) -> None:
    assert list(schema_findings(rendered()[folder])) == []


@pytest.mark.parametrize("folder", sets())
def test_the_pods_of_a_set_keep_the_rules(folder: str) -> None:
    assert list(pod_findings(rendered()[folder])) == []


@pytest.mark.parametrize("folder", sets())
def test_the_objects_of_a_set_fit_together(folder: str) -> None:
    assert list(wiring_findings(rendered()[folder], complete=folder in complete_sets())) == []


def test_every_process_is_deployed_by_its_name() -> None:
    commands = [
        workload.containers[0]["command"]
        for folder in ("base", "pools/small")
        for workload in workloads(rendered()[folder])
        if workload.kind == "Deployment"
    ]
    assert sorted(commands) == sorted(["python", "-m", "shared.serve", process.name] for process in SERVICES)


def test_every_class_of_jobs_has_a_pool_of_renderers() -> None:
    classes = {name.split(".")[3] for name in (topic.name for topic in TOPICS) if name.startswith("easel.render.jobs.")}
    pools = {folder.removeprefix("pools/") for folder in sets() if folder.startswith("pools/")}
    assert pools == classes


def test_an_overlay_reaches_every_image() -> None:
    images = {entry["image"] for workload in workloads(rendered()[EXAMPLE]) for entry in workload.containers}
    assert images == {"registry.example.org/easel:0.1.0", "registry.example.org/easel-render:0.1.0"}


def test_the_version_is_that_of_the_project() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    manifests = rendered()["base"]
    labelled = {manifest["metadata"]["labels"]["app.kubernetes.io/version"] for manifest in manifests}
    tagged = {workload.containers[0]["image"].partition(":")[2] for workload in workloads(manifests)}
    assert (labelled, tagged) == ({version}, {version})


def test_the_addresses_of_services_lead_to_services() -> None:
    manifests = rendered()["base"]
    settings = of_kind(manifests, "ConfigMap")[0]["data"]
    services = {f"http://{entry['metadata']['name']}" for entry in of_kind(manifests, "Service")}
    engines = {"EASEL_S3_ENDPOINT", "EASEL_OPENSEARCH_URL"}
    assert {value for name, value in settings.items() if value.startswith("http") and name not in engines} <= services


@pytest.mark.parametrize("process", [process.name for process in SERVICES])
def test_the_settings_of_a_process_accept_its_environment(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = "pools/small" if process == "renderer" else "base"
    for name, value in environment_of(process, rendered()[folder]).items():
        monkeypatch.setenv(name, value)
    for settings in settings_classes(settings_module_of(process)):
        assert settings().model_dump()


def environment_of(process: str, manifests: list[Manifest]) -> dict[str, str]:
    """What the container sees, with placeholders for the secrets that there must be."""
    environment: dict[str, str] = dict(of_kind(rendered()["base"], "ConfigMap")[0]["data"])
    for workload in workloads(manifests):
        if workload.containers[0]["command"][-1] == process:
            entries = workload.containers[0]["env"]
            environment |= {entry["name"]: _value(entry) for entry in entries if not _is_optional(entry)}
    return environment


def _is_optional(entry: dict[str, Any]) -> bool:
    return bool(entry.get("valueFrom", {}).get("secretKeyRef", {}).get("optional"))


def _value(entry: dict[str, Any]) -> str:
    if entry["name"] == "EASEL_MONGO_URL":
        return "mongodb://mongo.example.org/?replicaSet=rs0"
    return str(entry.get("value", PLACEHOLDER))


def test_the_readme_names_every_key_of_the_secret() -> None:
    text = (REPOSITORY / "deploy" / "k8s" / "README.md").read_text()
    assert {key for key in SECRET_NAMES if f"`{key}`" in text} == SECRET_NAMES


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.render"])
def test_an_image_runs_as_the_user_of_the_manifests(name: str) -> None:
    instructions = (REPOSITORY / "deploy" / name).read_text()
    assert re.findall(r"^USER (.+)$", instructions, re.MULTILINE) == [f"{USER}:{USER}"]
