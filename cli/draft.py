"""The model and version a publication goes into: made once, found again by the same command later.

What was made is noted under the user's state folder before any byte is sent, so that a second run of the same
command (after Ctrl-C, a lost connection, a crash) goes on with the same draft instead of making another.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from cli.client import HubClient
from cli.documents import Enums, HubModel, HubVersion
from cli.errors import CommandFailed, NotAuthorised, NotFound, UsageInvalid
from cli.local_file import LocalFile

T = TypeVar("T")

CREATION_REFUSED = (400, 403, 409, 413, 422)
"""The hub's answers that say a version or upload was not made and will not be made with these values."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What the creator asked for. Either `model_id` is given, or `model_name` and `model_type` are."""

    files: tuple[LocalFile, ...]
    base_model: str
    model_name: str | None = None
    model_type: str | None = None
    model_id: int | None = None
    version_name: str | None = None
    description: str | None = None
    base_version_id: int | None = None
    tags: tuple[str, ...] = ()
    trained_words: tuple[str, ...] = ()

    def key(self, hub_url: str) -> str:
        """A digest that is equal for the same hub, arguments and unchanged files, and for nothing else."""
        files = [(str(file.path), file.size_bytes, file.modified_ns) for file in self.files]
        rest = [getattr(self, name) for name in self.__dataclass_fields__ if name != "files"]
        return hashlib.sha256(json.dumps([hub_url, files, rest]).encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A version to put files into. `made_model` says that its model was made by this very run."""

    version: HubVersion
    is_resumed: bool
    made_model: bool


class Note(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the state folder remembers of a publication."""

    model_id: int
    version_id: int | None = None


class DraftNotes:
    """The notes about drafts, one small file for each publication."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls, environment: Mapping[str, str] = os.environ) -> DraftNotes:
        """The notes under `XDG_STATE_HOME`, or its default `~/.local/state` (XDG base directories 0.8)."""
        state_home = environment.get("XDG_STATE_HOME", "")
        base = Path(state_home) if state_home.startswith("/") else Path.home() / ".local" / "state"
        return cls(base / "easel" / "publish")

    def find(self, key: str) -> Note | None:
        """The note of an earlier run of the same publication."""
        path = self._path(key)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Note)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise CommandFailed(f"{path} is damaged: {error}", hint="Remove that file to start afresh.") from error

    def save(self, key: str, note: Note) -> None:
        """Write the note so that a crash leaves the old or the new one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f"{key}.{os.getpid()}.tmp"
        fresh.write_bytes(msgspec.json.encode(note))
        fresh.replace(self._path(key))

    def forget(self, key: str) -> None:
        """Remove the note, if there is one."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def with_known_values(client: HubClient, submission: Submission) -> Submission:
    """The submission with type and base model spelled as the hub does; raises UsageInvalid for unknown ones."""
    enums = client.get("/api/v1/enums", Enums)
    base_model = _spelled(submission.base_model, enums.base_model, "base model")
    model_type = submission.model_type
    if model_type is not None:
        model_type = _spelled(model_type, enums.model_type, "model type")
    return replace(submission, base_model=base_model, model_type=model_type)


def open_draft(client: HubClient, submission: Submission, notes: DraftNotes) -> Draft:
    """The draft of an earlier run of this publication, or a new one.

    If the hub refuses the version, a model made for it is removed again, since it would hold nothing.
    """
    key = submission.key(client.url)
    note = notes.find(key)
    if note is not None and note.version_id is not None:
        version = _find_own(client, f"/api/hub/versions/{note.version_id}", HubVersion)
        if version is not None and _is_of(version, submission):
            return Draft(version=version, is_resumed=True, made_model=False)
    model: HubModel | None = None
    if submission.model_id is not None:
        model = client.get(f"/api/hub/models/{submission.model_id}", HubModel)
    elif note is not None and note.version_id is None:
        model = _find_own(client, f"/api/hub/models/{note.model_id}", HubModel)
        if model is not None and (model.name, model.versions) != (submission.model_name, ()):
            # The hub was reset and has given the id to another model.
            model = None
    made_model = model is None
    if model is None:
        model = _create_model(client, submission)
        notes.save(key, Note(model_id=model.id))
    try:
        version = _create_version(client, submission, model)
    except CommandFailed as failure:
        if made_model and failure.status in CREATION_REFUSED:
            discard_model(client, model.id, failure)
            notes.forget(key)
        raise
    notes.save(key, Note(model_id=model.id, version_id=version.id))
    return Draft(version=version, is_resumed=False, made_model=made_model)


def discard_model(client: HubClient, model_id: int, because: CommandFailed) -> None:
    """Remove a model that this run made and that holds nothing; `because` says afterwards whether it is gone."""
    try:
        client.delete(f"/api/hub/models/{model_id}")
        because.extra["draftRemoved"] = True
    except CommandFailed as failure:
        because.extra["modelId"] = model_id
        because.hint = f"Draft model {model_id} remains, as removing it failed too: {failure.detail}"


def _create_model(client: HubClient, submission: Submission) -> HubModel:
    body: dict[str, object] = {"name": submission.model_name, "type": submission.model_type}
    if submission.description is not None:
        body["description"] = submission.description
    if submission.tags:
        body["tags"] = list(submission.tags)
    return client.create("/api/hub/models", body, HubModel)


def _create_version(client: HubClient, submission: Submission, model: HubModel) -> HubVersion:
    name = submission.version_name or f"v{len(model.versions) + 1}.0"
    body: dict[str, object] = {"name": name, "baseModel": submission.base_model}
    if submission.trained_words:
        body["trainedWords"] = list(submission.trained_words)
    if submission.base_version_id is not None:
        body["baseVersionId"] = submission.base_version_id
    if submission.model_id is not None and submission.description is not None:
        # A new model carries the description itself; of an existing one this is about the new version.
        body["description"] = submission.description
    return client.create(f"/api/hub/models/{model.id}/versions", body, HubVersion)


def _find_own(client: HubClient, path: str, kind: type[T]) -> T | None:
    """What an earlier run made, or None if it is gone or belongs to someone else by now."""
    try:
        return client.get(path, kind)
    except (NotFound, NotAuthorised) as failure:
        if failure.status == 401:
            raise
        return None


def _is_of(version: HubVersion, submission: Submission) -> bool:
    """Whether a version is the noted one: after a reset of the hub its id can belong to another."""
    sizes = {file.name: file.size_bytes for file in submission.files}
    return (
        version.base_model == submission.base_model
        and submission.version_name in (None, version.name)
        and submission.model_id in (None, version.model_id)
        and all(sizes.get(file.name) == file.size_bytes for file in version.files)
    )


def _spelled(value: str, known: Sequence[str], what: str) -> str:
    for candidate in known:
        if candidate.casefold() == value.casefold():
            return candidate
    folded = {candidate.casefold(): candidate for candidate in known}
    near = [folded[match] for match in difflib.get_close_matches(value.casefold(), folded, n=4, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(repr(name) for name in near)}?" if near else f"Known: {', '.join(known)}."
    raise UsageInvalid(f"{value!r} is no {what} of this hub", hint=hint)
