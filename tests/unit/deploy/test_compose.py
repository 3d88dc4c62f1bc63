"""The hub on one host by Docker: the file is valid, whole and locked down. It is not run here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from shared.processes import SERVICES
from tests.unit.deploy.compose_file import DEPLOY, REQUIRED, Compose, compose, filled, findings, processes, variables
from tests.unit.deploy.settings_names import settings_classes, settings_module_of

GIVEN = dict.fromkeys(REQUIRED, "0123456789abcdef0123456789abcdef")
MONITORING = DEPLOY / "monitoring"


def schema_faults(*paths: Path) -> str:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, paths)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def test_it_is_valid_against_the_compose_specification(tmp_path: Path) -> None:
    assert schema_faults(DEPLOY / "compose.yaml", DEPLOY / "compose.gpu.yaml") == ""
    misspelt = tmp_path / "compose.yaml"
    misspelt.write_text((DEPLOY / "compose.yaml").read_text().replace("mem_limit:", "memlimit:", 1))
    assert "memlimit" in schema_faults(misspelt)


def test_it_keeps_the_rules() -> None:
    assert findings(compose()) == []


def test_every_process_runs_by_its_name_and_is_scraped() -> None:
    names = sorted(process.name for process in SERVICES)
    assert sorted(processes(compose())) == names
    assert all(compose()["services"][name]["command"] == [name] for name in names)
    [job] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    assert sorted(job["static_configs"][0]["targets"]) == [f"{name}:8080" for name in names]


@pytest.mark.parametrize("process", [process.name for process in SERVICES])
def test_the_settings_of_a_process_accept_its_environment(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in processes(compose())[process]["environment"].items():
        if value is not None:
            monkeypatch.setenv(name, filled(value, GIVEN))
    for settings in settings_classes(settings_module_of(process)):
        assert settings().model_dump()


def test_it_does_not_start_without_secrets_and_the_example_has_none() -> None:
    asked = variables(compose())
    required = {name for name, operator, _ in asked if operator == "?"}
    lines = (DEPLOY / "compose.env.example").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))
    assert required == REQUIRED == values.keys()
    assert set(values.values()) == {""}


def test_the_example_names_what_can_be_chosen_and_nothing_else() -> None:
    file = compose()
    passed_on = {
        name for service in file["services"].values() for name, value in service.get("environment", {}).items()
        if value is None
    }  # fmt: skip
    text = (DEPLOY / "compose.env.example").read_text()
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))
    assert named == {name for name, _, _ in variables(file)} | passed_on


def test_each_process_has_only_the_secrets_that_it_needs() -> None:
    having = {
        name: {variable for variable in service.get("environment", {}) if variable in REQUIRED}
        for name, service in compose()["services"].items()
    }
    assert {name for name, has in having.items() if has & {"EASEL_SECRET", "EASEL_ADMIN_KEY"}} == {"gateway"}
    store = {"gateway", "upload", "scanner", "renderer", "migrate", "s3"}
    assert {name for name, has in having.items() if "EASEL_S3_SECRET_KEY" in has} == store
    assert {name for name, has in having.items() if "GRAFANA_PASSWORD" in has} == set()  # only as Grafana's own name


def test_nobody_but_its_gateway_reaches_the_store_without_a_key() -> None:
    in_blobs = {name for name, entry in compose()["services"].items() if "blobs" in entry.get("networks", [])}
    assert in_blobs == {"blobs", "s3"}
    assert {name for name, entry in compose()["services"].items() if "index" in entry.get("networks", [])} == {
        "search", "opensearch",
    }  # fmt: skip


def metrics_of(text: str) -> set[str]:
    return {re.sub(r"_bucket$", "", name) for name in re.findall(r"\beasel_\w+", text)}


def test_alerts_and_dashboards_ask_for_metrics_that_there_are() -> None:
    code = "".join(
        path.read_text() for folder in ("services", "shared") for path in (DEPLOY.parent / folder).rglob("*.py")
    )
    there = set(re.findall(r'\(\s*"(easel_\w+)"', code))
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((MONITORING / "dashboards" / "hub.json").read_text())
    queries = [rule["expr"] for rule in rules]
    queries += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert {metric for query in queries for metric in metrics_of(query)} - there == set()
    assert all("summary" in rule["annotations"] and rule["labels"]["severity"] for rule in rules)
    source = yaml.safe_load((MONITORING / "datasource.yml").read_text())["datasources"][0]["uid"]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source}


BREAKS: dict[str, tuple[Callable[[Compose], object], str]] = {
    "latest": (lambda s: s["mongo"].update(image="mongo:latest"), "no fixed version"),
    "no tag": (lambda s: s["kafka"].update(image="apache/kafka"), "no fixed version"),
    "published engine": (lambda s: s["mongo"].update(ports=["27017:27017"]), "mongo: published"),
    "Grafana for all": (lambda s: s["grafana"].update(ports=["3000:3000"]), "grafana: published"),
    "scanner with a way out": (lambda s: s["scanner"]["networks"].append("edge"), "scanner: reaches the world"),
    "default network": (lambda s: s["search"].pop("networks"), "default network"),
    "unconfined": (lambda s: s["scanner"].update(security_opt=["seccomp=unconfined"]), "seccomp"),
    "capability": (lambda s: s["scanner"].update(cap_add=["SYS_ADMIN"]), "given capabilities"),
    "privileged": (lambda s: s["renderer"].update(privileged=True), "shares the host's"),
    "writable root": (lambda s: s["gateway"].pop("read_only"), "root file system"),
    "root": (lambda s: s["kafka"].update(user="0:0"), "runs as root"),
    "Docker's socket": (lambda s: s["prometheus"]["volumes"].append("/var/run/docker.sock:/s"), "of the host"),
    "file that is not there": (lambda s: s["kafka"]["volumes"].append("./kafka.conf:/x:ro"), "which is not there"),
    "no memory limit": (lambda s: s["scanner"].pop("mem_limit"), "no limit of memory"),
    "unknown setting": (lambda s: s["search"]["environment"].update(EASEL_SERCH="x"), "no setting"),
    "secret in the file": (
        lambda s: s["gateway"]["environment"].update(EASEL_SECRET="0123456789abcdef0123456789abcdef"),
        "has its value in the file",
    ),
    "secret with a default": (
        lambda s: s["grafana"]["environment"].update(GF_SECURITY_ADMIN_PASSWORD="${GRAFANA_PASSWORD:-admin}"),
        "has its value in the file",
    ),
    "volume of root": (lambda s: s["mongo"].pop("depends_on"), "still be root's"),
    "waiting for the end of what stays": (
        lambda s: s["search"]["depends_on"].update(opensearch={"condition": "service_completed_successfully"}),
        "waits for opensearch",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_file_is_found_out(name: str) -> None:
    file = json.loads(json.dumps(compose()))  # a copy in which nothing is shared by anchors
    break_it, expected = BREAKS[name]
    break_it(file["services"])
    assert any(expected in finding for finding in findings(file)), findings(file)
