"""From a published version to what is to be drawn. Pure: a job is a value, and the choice of its base is a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Literal

import msgspec

from services.render.drawing import DrawItem, DrawKind
from services.render.families import Family, family_of_base_model
from services.render.kinds import Drawable, NotDrawn, how_to_draw
from services.render.presets import choose_items
from shared.api.hub import Previews, PreviewStatus
from shared.events.models import PublishedFile, VersionPublished
from shared.events.render_jobs import GpuClass, Lane

JobState = Literal["waiting", "queued", "drawing", "done", "failed", "cancelled"]

_CLASS_OF_FAMILY: dict[str, GpuClass] = {"sd3": "medium", "flux1": "large"}
"""GPU memory that a family needs, where that is not `small` (16 to 24 GB)."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """A clean file in the models bucket."""

    version_id: int
    name: str
    sha256: str
    size_bytes: int
    kind: str
    autov3: str | None = None


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A published checkpoint that adapters can be drawn on."""

    version_id: int
    model_id: int
    family: str
    weights: Weights
    published_at: datetime
    visible: bool = True


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The previews of one version. `id` is the version's: a version has one job, however often it is announced."""

    id: int
    model_id: int
    state: JobState
    reason: str | None = None
    kind: DrawKind | None = None
    family: str = ""
    gpu_class: GpuClass = "small"
    lane: Lane = "interactive"
    items: tuple[DrawItem, ...] = ()
    width: int = 0
    height: int = 0
    steps: int = 0
    cfg_scale: float = 0.0
    wanted_base: int | None = None
    base: Weights | None = None
    adapter: Weights | None = None
    token: str = ""
    done: tuple[int, ...] = ()
    attempt: int = 0
    correlation: str = ""

    @property
    def name(self) -> str:
        """The job's name in events and recipes."""
        return f"preview-{self.id}"

    @property
    def remaining(self) -> tuple[DrawItem, ...]:
        """What is still to be drawn."""
        return tuple(item for item in self.items if item.index not in self.done)


def _weights(event: VersionPublished, file: PublishedFile, kind: str) -> Weights:
    stem = PurePosixPath(file.name).stem
    name = event.model_name if kind == "checkpoint" else stem
    return Weights(
        version_id=event.version_id, name=name, sha256=file.sha256, size_bytes=file.size_bytes, kind=kind,
        autov3=file.hashes.get("AutoV3"),
    )  # fmt: skip


def _family_of(facts: Mapping[str, Any], base_model: str, families: dict[str, Family]) -> str | None:
    """The family that the tensors tell; where they tell none, the one of the base model that the publisher named."""
    told = facts.get("family")
    if told:
        return str(told)
    named = family_of_base_model(base_model, families)
    return named.name if named else None


def plan(event: VersionPublished, families: dict[str, Family], count: int, correlation: str) -> tuple[Job, Base | None]:
    """The version's job, and the base it is for others when it is a checkpoint that can be drawn."""
    file = next((file for file in event.files if file.primary), None)
    if file is None:
        return _without(event, "Previews are not drawn: the version has no file of weights.", correlation), None
    facts = file.facts or {}
    decided = how_to_draw(
        file_kind=facts.get("kind"), family=_family_of(facts, event.base_model, families), families=families.keys(),
        is_safetensors=file.format == "SafeTensor",
    )  # fmt: skip
    if isinstance(decided, NotDrawn):
        return _without(event, decided.reason, correlation), None
    weights = _weights(event, file, str(facts["kind"]))
    job = _drawable(event, decided, families[decided.family], weights, facts, count, correlation)
    base = None
    if decided.kind == "checkpoint":
        base = Base(
            version_id=event.version_id, model_id=event.model_id, family=decided.family, weights=weights,
            published_at=event.published_at,
        )  # fmt: skip
    return job, base


def _without(event: VersionPublished, reason: str, correlation: str) -> Job:
    return Job(id=event.version_id, model_id=event.model_id, state="failed", reason=reason, correlation=correlation)


def _drawable(
    event: VersionPublished, decided: Drawable, family: Family, weights: Weights, facts: Mapping[str, Any], count: int,
    correlation: str,
) -> Job:  # fmt: skip
    words = event.trained_words or [str(word) for word in facts.get("triggerWords", ())]
    token = ""
    if decided.kind == "embedding":
        token = words[0] if words else PurePosixPath(weights.name).stem
    is_base = decided.kind == "checkpoint"
    return Job(
        id=event.version_id,
        model_id=event.model_id,
        state="queued" if is_base else "waiting",
        reason=None if is_base else _waits_for(family, event.base_version_id),
        kind=decided.kind,
        family=family.name,
        gpu_class=_CLASS_OF_FAMILY.get(family.name, "small"),
        items=choose_items(family, decided.kind, count=count, trained_words=words, token=token),
        width=family.native_width,
        height=family.native_height,
        steps=family.steps,
        cfg_scale=family.cfg_scale,
        wanted_base=event.base_version_id,
        base=weights if is_base else None,
        adapter=None if is_base else weights,
        token=token,
        correlation=correlation,
    )


def _waits_for(family: Family, wanted: int | None) -> str:
    if wanted is not None:
        return f"Waits until version {wanted}, which its publisher wants it drawn on, is published as a checkpoint."
    return f"Waits for a published checkpoint of the family {family.title} to be drawn on."


def choose_base(job: Job, bases: Sequence[Base]) -> Base | None:
    """The base an adapter is drawn on: the one its publisher names, else the hub's oldest of its family."""
    fitting = [base for base in bases if base.visible and base.family == job.family]
    if job.wanted_base is not None:
        return next((base for base in fitting if base.version_id == job.wanted_base), None)
    return min(fitting, key=lambda base: (base.published_at, base.version_id), default=None)


def with_base(job: Job, base: Base) -> Job:
    """The job, ready to be drawn on that base."""
    return msgspec.structs.replace(job, state="queued", reason=None, base=base.weights)


_SHOWN: dict[JobState, PreviewStatus] = {
    "waiting": "waiting", "queued": "queued", "drawing": "rendering", "done": "done", "failed": "failed",
    "cancelled": "none",
}  # fmt: skip


def progress(job: Job) -> Previews:
    """What people see of a job."""
    return Previews(status=_SHOWN[job.state], done=len(job.done), total=len(job.items), reason=job.reason)
