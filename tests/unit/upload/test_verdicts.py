"""What a report means for a file, with and without a moderator's word, and how it is shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.upload.report_view import advice, scan_view
from services.upload.scan.report import Antivirus, Finding, PickleImport, ScanReport, Verdict
from services.upload.verdicts import Engines, Looked, Scan, override_for, scanned_event, verdict_with

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHA256 = "AB" * 32


def report(verdict: Verdict = "clean", *findings: Finding, **changes: Any) -> ScanReport:
    made = ScanReport(
        verdict=verdict, format="text", size_bytes=1, hashes={"SHA256": SHA256}, findings=findings, imports=(),
        facts=None,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def scan(**changes: Any) -> Scan:
    made = Scan(
        file_id=1, version_id=10, upload_id="u1", name="a.txt", type="Config", size_bytes=1, object_key="u1",
        state="done", due_at=NOON,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


IMPORT = Finding(code="pickle.import", location="data.pkl > 2", message="It imports argparse.Namespace.")
VIRUS = Finding(code="antivirus.found", message="ClamAV 1.4.3 finds Win.Test.EICAR_HDB-1.")


def test_a_moderators_word_counts_for_what_was_found_and_for_nothing_new() -> None:
    word = override_for(report("dangerous", IMPORT), "A false alarm.", "mod", NOON)
    elsewhere = msgspec.structs.replace(IMPORT, location="data.pkl > 7")
    assert verdict_with(report("dangerous", IMPORT), word) == "clean"
    assert verdict_with(report("dangerous", elsewhere), word) == "clean"
    assert verdict_with(report("dangerous", IMPORT, VIRUS), word) == "dangerous"
    assert verdict_with(report("invalid", VIRUS), word) == "invalid"
    assert verdict_with(report("dangerous", IMPORT), None) == "dangerous"
    assert verdict_with(report(), word) == "clean"


def test_no_word_lets_bytes_pass_that_were_not_read_to_their_end_or_of_which_nothing_is_said() -> None:
    word = override_for(report("failed", IMPORT), "Let it pass.", "mod", NOON)
    assert verdict_with(report("failed", IMPORT, hashes={}), word) == "failed"
    assert verdict_with(report("failed"), override_for(report("failed"), "Let it pass.", "mod", NOON)) == "failed"


def test_the_event_tells_of_owner_antivirus_and_override() -> None:
    word = override_for(report("dangerous", IMPORT), "A false alarm.", "mod", NOON)
    looked = Looked(
        report=report("dangerous", IMPORT, antivirus=Antivirus(status="clean", engine="ClamAV 1.4.3", windows=3)),
        scanned_at=NOON,
    )
    event = scanned_event(scan(override=word), looked, 7, "dora")
    assert (event.verdict, event.override, event.again) == ("clean", "A false alarm.", False)
    assert (event.owner_id, event.owner, event.name, event.sha256) == (7, "dora", "a.txt", SHA256.lower())
    assert event.antivirus is not None and event.antivirus.windows == 3
    assert [found.code for found in event.findings] == ["pickle.import"]
    again = scanned_event(scan(verdict="clean"), Looked(report=report(), scanned_at=NOON), 7, "dora")
    assert (again.again, again.override, again.antivirus) == (True, None, None)


def test_signatures_without_a_version_cannot_be_compared() -> None:
    assert Engines().can_be_compared
    assert Engines(has_antivirus=True, antivirus="ClamAV 1.4.3", signatures="27500/x").can_be_compared
    assert not Engines(has_antivirus=True, antivirus="ClamAV 1.4.3").can_be_compared


def test_each_step_has_a_verdict_of_its_own() -> None:
    allowed = PickleImport(module="torch", name="FloatStorage", assessment="allowed", location="2")
    unknown = PickleImport(module="argparse", name="Namespace", assessment="suspicious", location="9")

    def steps(of: ScanReport) -> dict[str, str]:
        return {step.name: step.verdict for step in scan_view(scan(report=of)).steps}

    assert steps(report()) == {"content": "clean", "imports": "none", "antivirus": "not-scanned"}
    clean = report(imports=(allowed,), antivirus=Antivirus(status="clean", engine="ClamAV 1.4.3"))
    assert steps(clean) == {"content": "clean", "imports": "clean", "antivirus": "clean"}
    bad = report("dangerous", IMPORT, imports=(allowed, unknown))
    assert steps(bad) == {"content": "dangerous", "imports": "dangerous", "antivirus": "not-scanned"}
    virus = report("dangerous", VIRUS, antivirus=Antivirus(status="infected", engine="ClamAV 1.4.3", found="X"))
    assert steps(virus) == {"content": "clean", "imports": "none", "antivirus": "dangerous"}
    broken = report("failed", Finding(code="scan.crashed", message="It broke."))
    assert steps(broken)["content"] == "failed"


def test_a_file_that_waits_says_so_and_nothing_else() -> None:
    shown = scan_view(scan(state="queued"))
    assert (shown.state, shown.is_waiting, shown.steps, shown.scanned_at) == ("pending", True, [], None)


@pytest.mark.parametrize("code", ["pickle.import", "antivirus.found", "zip.bomb", "something.new", "scan.timeout"])
def test_every_finding_comes_with_advice(code: str) -> None:
    assert advice(code).endswith(".")
