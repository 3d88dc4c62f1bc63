"""A model seen as a repository of files, as Hugging Face's clients know them: names, revisions, commits.

A repository is `creator/name`. The name is the slug of the model's name, which the first of the creator's models to
be published under it keeps, or `{slug}.{id}`, or `{id}`: a slug has no point and is never only digits, so no two of
these can be mistaken for each other (docs/decisions/0011).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from services.catalog.domain.files import download_name, ordered_files
from services.catalog.domain.model import File, Model, Version
from shared.api.inside import DownloadTarget, Repo, RepoFile

MAIN = "main"
_LONGEST_SLUG = 60
_WITH_ID = re.compile(r"(?:[a-z0-9-]+\.)?([0-9]{1,10})")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def slug(name: str) -> str:
    """The URL-safe form of a model's name: `a-z`, `0-9` and single `-`, at most 60 characters, not only digits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SLUG].rstrip("-")
    if not made:
        return "model"
    return f"model-{made}" if made.isdigit() else made


def repo_key(owner: str, slug_: str) -> str:
    """What a claimed name is kept under; creators are found in any letter case."""
    return f"{owner.lower()}/{slug_}"


def id_in_name(name: str) -> int | None:
    """The model's id in `{id}` or `{slug}.{id}`; None for a slug alone."""
    match = _WITH_ID.fullmatch(name.lower())
    return int(match[1]) if match else None


def commit_of(version: Version) -> str:
    """40 hexadecimal digits that name these files of this version; a published version's files are final."""
    lines = sorted(f"{file.sha256} {file.name}" for file in version.public_files)
    text = "\n".join([f"easel version {version.id}", *lines])
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def find_revision(model: Model, revision: str) -> Version | None:
    """A published version by `main` (the newest), commit, version name (its newest) or version id, in this order."""
    versions = model.published_versions
    if revision == MAIN:
        return versions[0] if versions else None
    if _COMMIT.fullmatch(revision):
        return next((version for version in versions if commit_of(version) == revision), None)
    by_name = next((version for version in versions if version.name == revision), None)
    return by_name or next((version for version in versions if str(version.id) == revision), None)


def download_target(model: Model, version: Version, file: File) -> DownloadTarget | None:
    """Where a file's bytes are; None unless it is clean."""
    if file.state != "clean" or not file.sha256 or file.scanned_at is None:
        return None
    return DownloadTarget(
        model_id=model.id, version_id=version.id, file_id=file.id, name=download_name(model, version, file),
        object_key=file.sha256, size_bytes=file.size_bytes, sha256=file.sha256, state=file.state,
        scanned_at=file.scanned_at,
    )  # fmt: skip


def repo_at(model: Model, version: Version, name: str) -> Repo:
    """The repository at a revision. Paths are the names that the files were uploaded under, unique in a version."""
    targets = [(file, download_target(model, version, file)) for file in ordered_files(version)]
    counters = [shown.counters for shown in model.published_versions]
    return Repo(
        creator=model.owner,
        name=name,
        model_id=model.id,
        version_id=version.id,
        commit=commit_of(version),
        type=model.type,
        base_model=version.base_model,
        tags=list(model.tags),
        downloads=sum(counter.downloads for counter in counters),
        likes=sum(counter.thumbs_up for counter in counters),
        created_at=model.created_at,
        updated_at=version.published_at or version.updated_at,
        files=[RepoFile(path=file.name, target=target) for file, target in targets if target is not None],
    )
