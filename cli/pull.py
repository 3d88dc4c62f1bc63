"""`easel pull`: download the files of a version, verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.lookup import Target, VersionOption, find_document
from cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from cli.client import HubClient
    from cli.documents import V1File, V1Version

Folder = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to put the files.", file_okay=False)]
AllFiles = Annotated[bool, typer.Option("--all", help="Every file of the version, not only the primary one.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another file of the same name.")]


def pull(
    target: Target = None,
    *,
    version: VersionOption = None,
    output: Folder = Path(),
    all_files: AllFiles = False,
    overwrite: Overwrite = False,
    json_only: JsonFlag = False,
) -> None:
    """Download a model's latest version, a version, or the file with a hash; resumes and verifies.

    Only the primary file is fetched unless --all is given; with a hash, the file that has it.
    """
    from cli.client import HubClient
    from cli.download import fetch_file

    out = Output(json_only=json_only)
    with HubClient.from_environment() as client:
        found = find_version(client, target, version)
        files = choose_files(found, target if version is None else None, all_files=all_files)
        output.mkdir(parents=True, exist_ok=True)
        done: list[dict[str, object]] = []
        for file in files:
            with out.progress(file.name, file.size_bytes) as progress:
                fetched = fetch_file(client, file, output, progress, overwrite=overwrite)
            done.append({
                "id": file.id, "name": file.name, "path": str(fetched.path), "sizeBytes": file.size_bytes,
                "sha256": file.sha256, "status": fetched.status,
            })  # fmt: skip
            verb = "is there already" if fetched.status == "present" else "downloaded"
            out.line(f"{fetched.path} {verb}, SHA-256 {file.sha256}")
    out.document({"modelId": found.model_id, "versionId": found.id, "files": done})


def find_version(client: HubClient, target: str | None, version_id: int | None) -> V1Version:
    """The version meant by the arguments: of a model, the latest one."""
    import msgspec

    from cli.documents import V1Model, V1Version
    from cli.errors import NotFound

    kind, document = find_document(client, target, version_id)
    if kind == "version":
        return msgspec.convert(document, V1Version)
    model = msgspec.convert(document, V1Model)
    if not model.model_versions:
        raise NotFound(f"model {model.id} ({model.name}) has no published version")
    return msgspec.structs.replace(model.model_versions[0], model_id=model.id)


def choose_files(version: V1Version, target: str | None, *, all_files: bool) -> tuple[V1File, ...]:
    """All files, the one whose hash was asked for, or the primary one; raises NotFound if there is none."""
    from cli.errors import NotFound

    if not version.files:
        raise NotFound(f"version {version.id} ({version.name}) has no downloadable file")
    if all_files:
        return version.files
    wanted = (target or "").lower().removeprefix("0x")
    for file in version.files:
        if wanted and any(wanted == digest.lower() for digest in file.hashes.values() if digest):
            return (file,)
    primary = next((file for file in version.files if file.primary), version.files[0])
    return (primary,)
