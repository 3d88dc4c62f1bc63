"""The optional antivirus of the cluster: rendered with the whole hub, valid, wired and locked down like it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.upload.settings import UploadSettings
from tests.unit.deploy.manifests import K8S, Manifest, of_kind, render, workloads
from tests.unit.deploy.pod_checks import room_findings, security_findings, setting_findings
from tests.unit.deploy.schema_checks import schema_findings
from tests.unit.deploy.wiring_checks import wiring_findings


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    folder = tmp_path_factory.mktemp("hub")
    there = Path(os.path.relpath(K8S, folder.resolve()))
    (folder / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"resources: [{there / 'base'}]\ncomponents: [{there / 'components' / 'antivirus'}]\n"
    )
    return render(folder)


def test_it_is_valid_and_fits_into_the_hub(manifests: list[Manifest]) -> None:
    assert list(schema_findings(manifests)) == []
    assert list(wiring_findings(manifests, complete=True)) == []
    assert list(setting_findings(manifests)) == []


def test_its_pod_is_as_locked_down_as_the_hubs_own(manifests: list[Manifest]) -> None:
    [clamav] = [workload for workload in workloads(manifests) if workload.name == "clamav"]
    assert [*security_findings(clamav), *room_findings(clamav)] == []


def test_the_scanner_requires_it_and_may_reach_it(manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    [settings] = [entry["data"] for entry in of_kind(manifests, "ConfigMap") if "EASEL_CLAMD_URL" in entry["data"]]
    for name in ("EASEL_CLAMD_URL", "EASEL_ANTIVIRUS"):
        monkeypatch.setenv(name, settings[name])
    assert UploadSettings().antivirus_mode == "required"
    [policy] = [entry for entry in of_kind(manifests, "NetworkPolicy") if entry["metadata"]["name"] == "scanner"]
    assert 3310 in [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]


def test_its_limits_are_those_the_scanner_counts_on() -> None:
    lines = (K8S / "components" / "antivirus" / "clamd.conf").read_text().splitlines()
    options = dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))
    assert options["AlertExceedsMax"] == "yes"
    megabytes = UploadSettings().clamd_archive_bytes >> 20
    assert options["StreamMaxLength"] == options["MaxFileSize"] == f"{megabytes}M"
