"""The steps of a publication in their order: draft, bytes, publish, wait."""

from __future__ import annotations

from collections.abc import Mapping

from cli.client import HubClient
from cli.documents import HubVersion, Upload
from cli.draft import CREATION_REFUSED, Draft, DraftNotes, Submission, discard_model, open_draft
from cli.errors import CommandFailed, HashMismatch, HubUnavailable, Interrupted
from cli.local_file import LocalFile, sha256_of
from cli.output import Output
from cli.upload import open_upload, send_file
from cli.verdict import file_report, is_worth_another_scan, raise_if_refused
from cli.waiting import Patience, wait_until_published

GO_ON = "Run the same command again to go on."


def publish_submission(
    client: HubClient, submission: Submission, out: Output, wait_seconds: float | None
) -> dict[str, object]:
    """Make or continue the draft, send the files, publish, and wait for the end if `wait_seconds` is given.

    Returns what `--json` prints. A failure carries `modelId` and `versionId` of the draft that remains, or
    `draftRemoved` if nothing does.
    """
    notes = DraftNotes.of_user()
    draft = open_draft(client, submission, notes)
    version = draft.version
    if draft.is_resumed:
        out.note(f"going on with model {version.model_id}, version {version.id} ({version.status})")
    local_sha256: dict[str, str] = {}
    try:
        if version.status == "Draft" or is_worth_another_scan(version):
            local_sha256 = _send_files(client, draft, submission, notes, out)
            version = client.post(f"/api/hub/versions/{version.id}/publish", {}, HubVersion)
        raise_if_refused(version)
        if wait_seconds is not None:
            version = wait_until_published(client, version.id, Patience(timeout_seconds=wait_seconds), out.note)
    except KeyboardInterrupt as interrupt:
        raise _with_remains(Interrupted("interrupted", hint=GO_ON), version) from interrupt
    except CommandFailed as failure:
        raise _with_remains(failure, version) from failure.__cause__
    _compare_hashes(version, local_sha256)
    return {
        "modelId": version.model_id,
        "versionId": version.id,
        "status": version.status,
        "findable": wait_seconds is not None,
        "resumed": draft.is_resumed,
        "url": version.url,
        "files": [file_report(file, local_sha256) for file in version.files],
    }


def _send_files(
    client: HubClient, draft: Draft, submission: Submission, notes: DraftNotes, out: Output
) -> dict[str, str]:
    """Send what the draft lacks; returns the SHA-256 of every file by its name."""
    stored = {file.name for file in draft.version.files if file.state not in ("uploading", "failed")}
    digests: dict[str, str] = {}
    for file in submission.files:
        if file.name in stored:
            out.note(f"{file.name}: stored by an earlier run")
            digests[file.name] = sha256_of(file.path)
            continue
        try:
            upload = open_upload(client, draft.version.id, file)
        except CommandFailed as failure:
            if draft.made_model and not digests and failure.status in CREATION_REFUSED:
                discard_model(client, draft.version.model_id, failure)
                notes.forget(submission.key(client.url))
            raise
        digests[file.name] = _send(client, upload, file, out)
    return digests


def _send(client: HubClient, upload: Upload, file: LocalFile, out: Output) -> str:
    stored = sum(part.size_bytes for part in upload.parts)
    if stored:
        out.note(f"{file.name}: {len(upload.parts)} of {upload.part_count} parts are stored already")
    with out.progress(file.name, file.size_bytes, stored) as progress:
        return send_file(client, upload, file, progress).sha256


def _with_remains(failure: CommandFailed, version: HubVersion) -> CommandFailed:
    """Add to a failure which draft remains, unless it was removed."""
    if "draftRemoved" in failure.extra:
        return failure
    failure.extra |= {"modelId": version.model_id, "versionId": version.id}
    draft = f"Model {version.model_id}, version {version.id} remains"
    # A publication finds by itself what was done before, so after a lost answer nobody needs to look.
    if failure.hint is None or (isinstance(failure, HubUnavailable) and "the same command again" not in failure.hint):
        failure.hint = f"{draft}. {GO_ON}"
    elif "remains" not in failure.hint:
        failure.hint = f"{failure.hint} {draft}."
    return failure


def _compare_hashes(version: HubVersion, local_sha256: Mapping[str, str]) -> None:
    """The hub must have hashed the very bytes that are on this side."""
    for file in version.files:
        here = local_sha256.get(file.name)
        if here and file.sha256 and here != file.sha256.lower():
            raise HashMismatch(
                f"{file.name} has SHA-256 {here} here, but the hub holds bytes with {file.sha256.lower()}",
                hint=f"Version {version.id} does not hold your file: remove it and publish again.",
                extra={"modelId": version.model_id, "versionId": version.id},
            )
