"""A scan's report as people read it: the verdict of each step, and for each finding what to do about it."""

from __future__ import annotations

from services.upload.scan.report import INFO, Antivirus, ScanReport
from services.upload.verdicts import Scan
from shared.api import scans
from shared.clock import wire_time

_BY_CODE = {
    "antivirus.found": "Do not open the file. Check the machine that made it, and make the file again on a clean one.",
    "antivirus.not-scanned": "Nothing is wrong with the file. Wait; if it stays like this, tell the hub's operator.",
    "content.mismatch": "Give the file the extension of what it is, or upload the model itself.",
    "file.empty": "Upload the file again; its bytes did not arrive.",
    "file.replaced": "Upload the file again.",
    "file.size": "Upload the file again; not all of its bytes arrived.",
    "name.extension": "Rename the file to the extension of its format.",
    "type.mismatch": "Choose the file type that fits the file.",
    "info.import-allowed": "Nothing. Other hubs may refuse the file; as safetensors all take it.",
    "gguf.template": "Remove what reaches for attributes from the chat template, and write the file again.",
}
_BY_FAMILY = {
    "pickle": "Load it on a machine that you can lose, and save the weights as safetensors: that format runs no code.",
    "torch": "Save the weights again with a current PyTorch, or better as safetensors.",
    "zip": "Pack the archive again with an ordinary program: no encryption, no unusual compression, nothing around it.",
    "safetensors": "Write the file again with the safetensors library; a repair by hand leaves traces like this one.",
    "gguf": "Convert the model again with current tools.",
    "scan": "Nothing may be wrong with the file: the scan broke off. It is tried again; if it stays, ask a moderator.",
    "limits": "Split the file, or ask a moderator to look at it.",
}
_OTHERWISE = "Make the file again from its source. If you think that the scanner is wrong, appeal to the moderators."


def advice(code: str) -> str:
    """What the uploader can do about a finding."""
    return _BY_CODE.get(code) or _BY_FAMILY.get(code.partition(".")[0]) or _OTHERWISE


def scan_view(scan: Scan) -> scans.FileScan:
    """The whole report."""
    report = scan.report
    override = scan.override
    return scans.FileScan(
        file_id=scan.file_id,
        version_id=scan.version_id,
        name=scan.name,
        type=scan.type,
        size_bytes=scan.size_bytes,
        format=report.format if report else None,
        state=scan.verdict or "pending",
        is_waiting=scan.state != "done",
        sha256=scan.sha256,
        hashes=report.hashes if report else {},
        steps=list(_steps(report)) if report else [],
        findings=[
            scans.ScanFinding(
                code=found.code, location=found.location, message=found.message, advice=advice(found.code)
            )
            for found in (report.findings if report else ())
        ],
        imports=[
            scans.ScanImport(name=found.qualified_name, assessment=found.assessment, location=found.location)
            for found in (report.imports if report else ())
        ],
        antivirus=_antivirus(report.antivirus) if report and report.antivirus else None,
        scanner_version=report.scanner_version if report else None,
        rules_version=report.rules_version if report else None,
        scanned_at=wire_time(scan.scanned_at) if scan.scanned_at else None,
        same_bytes_as=scan.taken_from,
        override=scans.ScanOverride(reason=override.reason, moderator=override.moderator, at=wire_time(override.at))
        if override
        else None,
        trouble=scan.trouble,
    )


def _antivirus(said: Antivirus) -> scans.ScanAntivirus:
    return scans.ScanAntivirus(
        status=said.status, engine=said.engine, signatures=said.signatures, windows=said.windows, found=said.found,
        message=said.message,
    )  # fmt: skip


def _steps(report: ScanReport) -> tuple[scans.ScanStep, ...]:
    return _content_step(report), _imports_step(report), _antivirus_step(report)


def _content_step(report: ScanReport) -> scans.ScanStep:
    """All that is found but by the antivirus: its word alone does not make the content bad."""
    findings = [found for found in report.findings if not found.code.startswith(("antivirus.", INFO))]
    if findings:
        if all(found.code.startswith("scan.") for found in findings):
            return scans.ScanStep(name="content", verdict="failed", text="The scan broke off; see below.")
        text = f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'}; see below."
        return scans.ScanStep(
            name="content", verdict="invalid" if report.verdict == "invalid" else "dangerous", text=text
        )
    return scans.ScanStep(name="content", verdict="clean", text="Every byte was read and belongs to its format.")


def _imports_step(report: ScanReport) -> scans.ScanStep:
    count = len(report.imports)
    if not count:
        return scans.ScanStep(name="imports", verdict="none", text="The file imports nothing when it is loaded.")
    bad = sum(found.assessment != "allowed" for found in report.imports)
    if bad:
        return scans.ScanStep(name="imports", verdict="dangerous", text=f"{bad} of {count} imports are not allowed.")
    text = f"All {count} imports are on the list of harmless ones."
    if added := sum(found.code == "info.import-allowed" for found in report.findings):
        text = f"All {count} imports are allowed, {added} of them by this hub's operator and not by the scanner's list."
    return scans.ScanStep(name="imports", verdict="clean", text=text)


def _antivirus_step(report: ScanReport) -> scans.ScanStep:
    said = report.antivirus
    if said is None:
        return scans.ScanStep(name="antivirus", verdict="not-scanned", text="This hub has no antivirus.")
    if said.status == "not-scanned":
        return scans.ScanStep(name="antivirus", verdict="not-scanned", text=f"Not scanned: {said.message}.")
    by = f"{said.engine}, signatures {said.signatures}" if said.signatures else said.engine
    if said.status == "infected":
        return scans.ScanStep(name="antivirus", verdict="dangerous", text=f"{by} finds {said.found}.")
    pieces = f" in {said.windows} overlapping pieces" if said.windows > 1 else ""
    return scans.ScanStep(name="antivirus", verdict="clean", text=f"{by} finds nothing{pieces}.")
