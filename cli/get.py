"""`easel get`: everything the hub says about a model or a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.errors import NotFound
from cli.lookup import Target, VersionOption, find_document, meaning_of
from cli.output import JsonFlag, Output, size_text

if TYPE_CHECKING:
    from cli.client import HubClient, Json


def get(target: Target = None, version: VersionOption = None, json_only: JsonFlag = False) -> None:
    """Show a model (by id), a version (--version) or the version that contains a file (by hash).

    Your own drafts are shown as well, with the state of their files. --json prints the hub's document as it is.
    """
    from cli.client import HubClient

    out = Output(json_only=json_only)
    with HubClient.from_environment() as client:
        kind, document = find_public_or_own(client, target, version)
    out.document(document)
    out.table(("field", "value"), list(fields_of(kind, document)))


def find_public_or_own(client: HubClient, target: str | None, version_id: int | None) -> tuple[str, Json]:
    """The public document, or for something unpublished the owner's: `("draft", …)` or `("draft version", …)`."""
    try:
        return find_document(client, target, version_id)
    except NotFound:
        if not client.has_token:
            raise
        model_id = meaning_of(target).model_id if target is not None else None
        if version_id is not None:
            return "draft version", client.get(f"/api/hub/versions/{version_id}", dict)
        if model_id is not None:
            return "draft", client.get(f"/api/hub/models/{model_id}", dict)
        raise


def fields_of(kind: str, document: Json) -> list[tuple[str, str]]:
    """The lines for people."""
    if kind == "model":
        return _model(document)
    if kind == "draft":
        return [*_known(document, ("id", "name", "type", "status", "url")), *_draft_versions(document["versions"])]
    if kind == "draft version":
        return _draft_versions([document])
    model = document.get("model") or {}
    rows = [("model", f"{document.get('modelId')} {model.get('name', '')} ({model.get('type', '')})")]
    return rows + _version(document)


def _model(document: Json) -> list[tuple[str, str]]:
    rows = _known(document, ("id", "name", "type"))
    rows.append(("creator", str((document.get("creator") or {}).get("username") or "-")))
    rows.append(("tags", ", ".join(document.get("tags") or ()) or "-"))
    stats = document.get("stats") or {}
    counts = f"{stats.get('downloadCount') or 0} downloads, {stats.get('thumbsUpCount') or 0} up, "
    rows.append(("stats", counts + f"{stats.get('thumbsDownCount') or 0} down"))
    for version in document.get("modelVersions") or ():
        rows += _version(version)
    return rows


def _version(version: Json) -> list[tuple[str, str]]:
    rows = [("version", f"{version['id']} {version['name']} for {version.get('baseModel', '?')}")]
    if words := version.get("trainedWords"):
        rows.append(("  trained words", ", ".join(words)))
    for file in version.get("files") or ():
        digest = str((file.get("hashes") or {}).get("SHA256") or "no hash yet").lower()
        mark = " (primary)" if file.get("primary") else ""
        rows.append((f"  file{mark}", f"{file['name']}, {size_text(round(file['sizeKB'] * 1024))}, {digest}"))
    return rows


def _draft_versions(versions: list[Json]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for version in versions:
        why = f": {version['statusReason']}" if version.get("statusReason") else ""
        rows.append(("version", f"{version['id']} {version['name']} is {version['status']}{why}"))
        for file in version.get("files") or ():
            rows.append(("  file", f"{file['name']}, {size_text(file['sizeBytes'])}, {file['state']}"))
            rows += [("    finding", finding_text(finding)) for finding in file.get("findings") or ()]
    return rows


def finding_text(finding: dict[str, Any]) -> str:
    """A finding of the scan in one line: `[code] message (location)`."""
    where = f" ({finding['location']})" if finding.get("location") else ""
    return f"[{finding.get('code', '?')}] {finding.get('message', '')}{where}"


def _known(document: Json, names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, str(document[name])) for name in names if document.get(name) is not None]
