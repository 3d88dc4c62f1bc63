"""What the antivirus's word does to a verdict, and what its settings mean."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.upload.antivirus import new_clamd, with_antivirus
from services.upload.scan.report import Antivirus, Finding, ScanReport, Verdict
from services.upload.settings import AntivirusMode, UploadSettings

CLEAN = Antivirus(status="clean", engine="ClamAV 1.4.3", windows=1)
INFECTED = Antivirus(status="infected", engine="ClamAV 1.4.3", found="Win.Test.EICAR_HDB-1")
ABSENT = Antivirus(status="not-scanned", message="clamd gave no verdict: it is not reachable")


def report(verdict: Verdict) -> ScanReport:
    findings = () if verdict == "clean" else (Finding(code="x", message="X."),)
    return ScanReport(
        verdict=verdict, format="text", size_bytes=1, hashes={}, findings=findings, imports=(), facts=None
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "outcome", "mode", "after"),
    [
        ("clean", CLEAN, "required", "clean"),
        ("clean", CLEAN, "optional", "clean"),
        ("clean", ABSENT, "required", "failed"),
        ("clean", ABSENT, "optional", "clean"),
        ("clean", INFECTED, "optional", "dangerous"),
        ("invalid", INFECTED, "required", "dangerous"),
        ("failed", INFECTED, "required", "dangerous"),
        ("invalid", ABSENT, "required", "invalid"),
        ("dangerous", ABSENT, "required", "dangerous"),
        ("invalid", CLEAN, "required", "invalid"),
    ],
)
def test_the_verdict_with_an_antivirus(
    verdict: Verdict, outcome: Antivirus, mode: AntivirusMode, after: Verdict
) -> None:
    found = with_antivirus(report(verdict), outcome, mode)
    assert (found.verdict, found.antivirus) == (after, outcome)
    assert found.findings[-1:] == report(verdict).findings or verdict == "clean"


def test_a_hit_and_a_missing_verdict_say_what_happened() -> None:
    [hit] = with_antivirus(report("clean"), INFECTED, "required").findings
    assert (hit.code, hit.message) == ("antivirus.found", "ClamAV 1.4.3 finds Win.Test.EICAR_HDB-1.")
    [missing] = with_antivirus(report("clean"), ABSENT, "required").findings
    assert missing.code == "antivirus.not-scanned" and "not reachable" in missing.message


def test_an_address_makes_the_antivirus_required_unless_something_else_is_chosen() -> None:
    assert UploadSettings().antivirus_mode == "off"
    assert UploadSettings(clamd_url="tcp://clamav:3310").antivirus_mode == "required"
    assert UploadSettings(clamd_url="unix:///run/clamd.sock", antivirus="optional").antivirus_mode == "optional"
    assert new_clamd(UploadSettings(clamd_url="tcp://clamav:3310", antivirus="off")) is None


@pytest.mark.parametrize("mode", ["required", "optional"])
def test_an_antivirus_without_an_address_refuses_to_start(mode: AntivirusMode) -> None:
    with pytest.raises(ValidationError, match="EASEL_CLAMD_URL"):
        UploadSettings(antivirus=mode)


@pytest.mark.parametrize("url", ["clamav:3310", "http://clamav:3310", "unix://relative", "tcp://"])
def test_an_address_that_is_none_refuses_to_start(url: str) -> None:
    with pytest.raises(ValidationError):
        UploadSettings(clamd_url=url)
