"""What a publisher does before publishing: make a model, add versions and files."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from services.catalog.domain import base_models
from services.catalog.domain.files import component_file
from services.catalog.domain.model import Component, File, Model, Version
from shared.actor import Actor
from shared.api.hub import ComponentLink, ModelChange, NewModel, NewVersion, VersionChange
from shared.api.inside import AttachFile, Wish
from shared.api.v1 import COMMERCIAL_USES, FILE_FORMATS, FILE_TYPES, MODEL_TYPES
from shared.events.models import ModelChanged, ModelRestored, ModelUnpublished
from shared.events.payload import Payload
from shared.problems import Conflict, FieldError, Forbidden, Invalid, NotFound, Unauthorized

replace = msgspec.structs.replace
_AS_DRAFT: dict[str, Any] = {"state": "draft", "reason": None, "published_at": None}
"""Other files make another version: it is published anew, not given back."""
REFUSED = ("dangerous", "invalid", "failed")


def require_choice(field: str, value: str, choices: Sequence[str]) -> None:
    """Raise Invalid, with the nearest choices, unless the value is one of them."""
    if value in choices:
        return
    by_fold = {choice.casefold(): choice for choice in choices}
    near = [by_fold[fold] for fold in difflib.get_close_matches(value.casefold(), by_fold, n=3, cutoff=0.5)]
    hint = (
        f"did you mean {' or '.join(repr(choice) for choice in near)}?" if near else f"use one of {', '.join(choices)}"
    )
    message = f"{value!r} is not known; {hint}"
    raise Invalid(f"{field}: {message}", errors=[FieldError(field, message)])


def require_owner(model: Model, actor: Actor) -> None:
    """Raise unless the actor may change the model. A stranger does not learn that a hidden model exists."""
    if not actor.is_known:
        raise Unauthorized("Send an API key: Authorization: Bearer <key>.")
    if model.deleted or (not model.is_visible and not may_see(model, actor)):
        raise NotFound(f"There is no model with id {model.id}.")
    if actor.account_id != model.owner_id and actor.role != "administrator":
        raise Forbidden(f"Model {model.id} belongs to {model.owner}; only they may change it.")


def may_see(model: Model, actor: Actor) -> bool:
    """Whether the actor may see the model's drafts and its withdrawn state."""
    return not model.deleted and (actor.is_known and (actor.account_id == model.owner_id or actor.may_moderate))


def find_file(model: Model, file_id: int, actor: Actor) -> Version | None:
    """The version of a file whose scan the actor may know of.

    That is everybody's once it was published, also when it has been withdrawn since: who has it must find out why.
    """
    versions = (version for version in model.versions if any(file.id == file_id for file in version.files))
    version = next(versions, None)
    if version is None or model.deleted:
        return None
    was_published = version.published_at is not None and model.taken_down is None
    return version if was_published or may_see(model, actor) else None


def _clean_words(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in words))


def new_model(model_id: int, ask: NewModel, actor: Actor, now: datetime) -> Model:
    """An empty model. Raises Invalid for a type or permission that does not exist."""
    require_choice("type", ask.type, MODEL_TYPES)
    for use in ask.allow_commercial_use:
        require_choice("allowCommercialUse", use, COMMERCIAL_USES)
    return Model(
        id=model_id,
        owner_id=actor.account_id,
        owner=actor.username,
        name=ask.name.strip(),
        type=ask.type,
        description=ask.description,
        tags=tuple(tag.lower() for tag in _clean_words(ask.tags)),
        nsfw=ask.nsfw,
        poi=ask.poi,
        minor=ask.minor,
        sfw_only=ask.sfw_only,
        checkpoint_type=ask.checkpoint_type,
        availability=ask.availability,
        allow_no_credit=ask.allow_no_credit,
        allow_commercial_use=tuple(dict.fromkeys(ask.allow_commercial_use)),
        allow_derivatives=ask.allow_derivatives,
        allow_different_license=ask.allow_different_license,
        created_at=now,
        updated_at=now,
    )


def change_model(model: Model, ask: ModelChange, now: datetime) -> Model:
    """The model with what was sent changed; the rest stays."""
    sent = {name: value for name in ask.__struct_fields__ if (value := getattr(ask, name)) is not msgspec.UNSET}
    if "tags" in sent:
        sent["tags"] = tuple(tag.lower() for tag in _clean_words(sent["tags"]))
    if "name" in sent:
        sent["name"] = sent["name"].strip()
    if "allow_commercial_use" in sent:
        sent["allow_commercial_use"] = tuple(dict.fromkeys(sent["allow_commercial_use"]))
    return replace(model, **sent, updated_at=now)


def visibility_events(before: Model, after: Model) -> list[Payload]:
    """What others must hear of a change of a model: that it is hidden, shown again, or merely different."""
    if before.is_visible and not after.is_visible:
        return [ModelUnpublished(model_id=after.id, reason="made private by its owner")]
    if after.is_visible and not before.is_visible:
        return [ModelRestored(model_id=after.id)]
    return [ModelChanged(model_id=after.id)] if after.is_visible and after != before else []


def change_version(
    model: Model, version_id: int, ask: VersionChange, components: Sequence[Component] | None, now: datetime
) -> Model:
    """The model with what was sent of a version changed. Raises NotFound, or Invalid for a time that is none."""
    version = model.version(version_id)
    if version is None:
        raise NotFound(f"There is no version with id {version_id}.")
    sent = {name: value for name in ask.__struct_fields__ if (value := getattr(ask, name)) is not msgspec.UNSET}
    sent.pop("components", None)
    if components is not None:
        sent["components"] = tuple(components)
    if "name" in sent:
        sent["name"] = sent["name"].strip()
    if "trained_words" in sent:
        sent["trained_words"] = _clean_words(sent["trained_words"])
    if "early_access_for" in sent:
        sent["early_access_for"] = tuple(dict.fromkeys(name.strip().lower() for name in sent["early_access_for"]))
    if sent.get("early_access_until"):
        sent["early_access_until"] = _moment("earlyAccessUntil", sent["early_access_until"])
    return replace(model.with_version(replace(version, **sent, updated_at=now)), updated_at=now)


def _moment(field: str, text: str) -> datetime:
    try:
        moment: datetime = msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)])
    except msgspec.ValidationError as error:
        message = "expected a time with its zone, such as 2026-03-01T12:00:00Z"
        raise Invalid(f"{field}: {message}", errors=[FieldError(field, message)]) from error
    return moment.astimezone(UTC)


def link_component(ask: ComponentLink, giver: Model | None, version: Version | None) -> Component:
    """A component from somebody's public version. Raises Invalid for one that has no such file."""
    file = component_file(version, Wish(type=ask.type)) if version is not None else None
    if giver is None or not giver.is_visible or version is None or not version.is_published or file is None:
        message = f"version {ask.version_id} is not public or has no file that could be its {ask.type}"
        raise Invalid(f"components: {message}", errors=[FieldError("components", message)])
    return Component(type=ask.type, version_id=ask.version_id, file=file)


def new_version(model: Model, version_id: int, ask: NewVersion, now: datetime) -> Model:
    """The model with a draft version more. Raises Invalid for a base model that is not known or no longer published."""
    open_for_new = [base.name for base in base_models.base_models() if not base.deprecated]
    require_choice("baseModel", ask.base_model, open_for_new)
    version = Version(
        id=version_id,
        name=ask.name.strip(),
        base_model=ask.base_model,
        description=ask.description,
        trained_words=_clean_words(ask.trained_words),
        base_version_id=ask.base_version_id,
        created_at=now,
        updated_at=now,
    )
    return replace(model.with_version(version), updated_at=now)


def require_open(model: Model, version_id: int) -> Version:
    """The version, if files may still be added to it. Raises NotFound or Conflict."""
    version = model.version(version_id)
    if version is None:
        raise NotFound(f"There is no version with id {version_id}.")
    if version.is_published:
        raise Conflict(f"Version {version_id} is published and its files are final. Add a new version instead.")
    if version.state == "scanning":
        raise Conflict(f"Version {version_id} is being published. Wait for its scan, or add a new version.")
    return version


def attach_file(model: Model, version_id: int, ask: AttachFile, now: datetime) -> Model:
    """The model with a file that is being uploaded. A name is used once in a version; a refused file gives way."""
    version = require_open(model, version_id)
    require_choice("type", ask.type, FILE_TYPES)
    if ask.metadata.format is not None:
        require_choice("metadata.format", ask.metadata.format, FILE_FORMATS)
    kept = tuple(file for file in version.files if not (file.name == ask.name and file.state in REFUSED))
    if any(file.name == ask.name for file in kept):
        raise Conflict(
            f"Version {version_id} already has a file called {ask.name!r}. Abort that upload or rename the file."
        )
    file = File(
        id=ask.file_id,
        upload_id=ask.upload_id,
        name=ask.name,
        type=ask.type,
        size_bytes=ask.size_bytes,
        state="uploading",
        format=ask.metadata.format,
        size=ask.metadata.size,
        fp=ask.metadata.fp,
        quant_type=ask.metadata.quant_type,
        override_name=ask.metadata.override_name,
        is_required=ask.metadata.is_required,
        created_at=now,
    )
    return model.with_version(replace(version, files=(*kept, file), **_AS_DRAFT, updated_at=now))


def remove_file(model: Model, version_id: int, file_id: int, now: datetime) -> Model:
    """The draft without one of its files (a refused one, say)."""
    version = require_open(model, version_id)
    if all(file.id != file_id for file in version.files):
        raise NotFound(f"Version {version_id} has no file with id {file_id}.")
    files = tuple(file for file in version.files if file.id != file_id)
    return model.with_version(replace(version, files=files, **_AS_DRAFT, updated_at=now))
