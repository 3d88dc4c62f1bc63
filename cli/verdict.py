"""What the scan says about a version, for people and for scripts."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cli.documents import HubFile, HubVersion
from cli.errors import RefusedByScan

BAD_STATES = ("dangerous", "invalid", "failed")


def file_report(file: HubFile, local_sha256: Mapping[str, str]) -> dict[str, object]:
    """A file as `publish --json` prints it; `local_sha256` fills in while the hub has no hash yet."""
    sha256 = file.sha256 or local_sha256.get(file.name)
    return {
        "id": file.id,
        "name": file.name,
        "sizeBytes": file.size_bytes,
        "sha256": sha256.lower() if sha256 else None,
        "verdict": file.state,
        "findings": [msgspec.to_builtins(finding) for finding in file.findings],
    }


def raise_if_refused(version: HubVersion) -> None:
    """Raise RefusedByScan with reason and findings if the hub will not publish the version."""
    if version.status != "Refused":
        return
    said = "; ".join(_file_text(file) for file in version.files if file.state in BAD_STATES)
    reason = ": ".join(filter(None, (version.status_reason, said))) or "no reason given"
    what_now = f"publish a mended file with --model {version.model_id}"
    if is_worth_another_scan(version):
        what_now = "run the same command again to have it scanned anew"
    raise RefusedByScan(
        f"version {version.id} of model {version.model_id} was refused: {reason}",
        hint=(
            f"Nothing of it is public. The refused draft remains: {what_now}, "
            f"or remove the model with `easel delete {version.model_id}`. "
            f"Its page shows each scan report and how to appeal: {version.url}"
        ),
        extra={
            "modelId": version.model_id,
            "versionId": version.id,
            "versionStatus": version.status,
            "url": version.url,
            "files": [file_report(file, {}) for file in version.files],
        },
    )


def is_worth_another_scan(version: HubVersion) -> bool:
    """Whether a version was refused only because its scan could not be finished, which is not the file's fault."""
    bad = {file.state for file in version.files if file.state in BAD_STATES}
    return version.status == "Refused" and bad == {"failed"}


def _file_text(file: HubFile) -> str:
    findings = [
        f"[{finding.code}] {finding.message}" + (f" ({finding.location})" if finding.location else "")
        for finding in file.findings
    ]
    return f"{file.name} is {file.state}" + (": " + ", ".join(findings) if findings else "")
