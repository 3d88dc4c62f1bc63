"""Rules of moderation: values in, values and events out. No I/O, no clock, no randomness."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from shared.actor import Actor
from shared.api import community
from shared.api.inside import RateContent
from shared.clock import wire_time
from shared.events.moderation import ContentRated, ContentReported, ContentRestored, ContentTakenDown
from shared.events.payload import Payload
from shared.problems import Conflict, Forbidden, NotFound, Unauthorized

CLOSED_BY_DELETION = "The owner deleted the model."
"""What stands as the decision of reports that nobody had to decide any more."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the values."""


class KnownModel(Value, frozen=True, kw_only=True):
    """A model as the catalog's events tell of it, and whether a moderator has withdrawn it."""

    id: int
    name: str
    owner_id: int
    owner: str
    is_deleted: bool = False
    is_down: bool = False


class Report(Value, frozen=True, kw_only=True):
    """Somebody asks a moderator to look. `decision` says what came of it, once it is closed."""

    id: int
    subject_type: Literal["model"]
    subject_id: int
    reason: str
    details: str
    status: Literal["open", "closed"] = "open"
    reporter_id: int
    reporter: str
    created_at: datetime
    decision: str | None = None
    decision_id: int | None = None
    closed_at: datetime | None = None


class Decision(Value, frozen=True, kw_only=True):
    """One row of the audit log: never changed, never deleted."""

    id: int
    action: Literal["takedown", "restore", "rate", "override", "reject-appeal"]
    model_id: int | None = None
    file_id: int | None = None
    subject_type: Literal["model", "image"] = "model"
    subject_id: int | None = None
    level: int | None = None
    reason: str
    moderator_id: int
    moderator: str
    created_at: datetime


class Ruling(Value, frozen=True, kw_only=True):
    """A decision and all that follows from it."""

    decision: Decision
    is_down: bool
    """Whether the model is withdrawn from now on."""
    closes_reports_with: str | None
    """What the model's open reports are closed with; None leaves them open."""
    events: list[Payload]


def require_known(actor: Actor) -> None:
    """Raise Unauthorized for somebody without an account."""
    if not actor.is_known:
        raise Unauthorized("Send an API key: Authorization: Bearer <key>.")


def require_moderator(actor: Actor) -> None:
    """Raise Unauthorized for somebody without an account, Forbidden for one who may not moderate."""
    require_known(actor)
    if not actor.may_moderate:
        raise Forbidden("Only moderators and administrators may do this.")


def require_model(model_id: int, model: KnownModel | None) -> KnownModel:
    """The model, if it was published and is not deleted. Raises NotFound."""
    if model is None or model.is_deleted:
        raise NotFound(
            f"There is no published model with id {model_id}. "
            "One that was published just now is known here in a moment; try again."
        )
    return model


def new_report(
    report_id: int, model: KnownModel, ask: community.NewReport, actor: Actor, now: datetime
) -> tuple[Report, list[Payload]]:
    """A report for the queue. Raises NotFound for a model that is down, as for any that cannot be seen."""
    if model.is_down:
        raise NotFound(f"There is no published model with id {model.id}.")
    report = Report(
        id=report_id,
        subject_type=ask.subject_type,
        subject_id=model.id,
        reason=ask.reason,
        details=ask.details.strip(),
        reporter_id=actor.account_id,
        reporter=actor.username,
        created_at=now,
    )
    event = ContentReported(
        subject_type=report.subject_type, subject_id=report.subject_id, actor_id=report.reporter_id,
        actor=report.reporter, report_id=report.id, reason=report.reason, details=report.details,
    )  # fmt: skip
    return report, [event]


def take_down(decision_id: int, model: KnownModel, reason: str, actor: Actor, now: datetime) -> Ruling:
    """Withdraw a model and close what was reported of it. Raises Conflict for one that is down already."""
    if model.is_down:
        raise Conflict(f"Model {model.id} ({model.name!r} by {model.owner}) is already taken down.")
    event = ContentTakenDown(
        subject_type="model",
        subject_id=model.id,
        actor_id=actor.account_id,
        actor=actor.username,
        reason=reason.strip(),
    )
    return Ruling(
        decision=_as_decision(decision_id, "takedown", event, now),
        is_down=True,
        closes_reports_with=f"Taken down: {event.reason}",
        events=[event],
    )


def restore(decision_id: int, model: KnownModel, reason: str, actor: Actor, now: datetime) -> Ruling:
    """Lift a takedown; the reports it closed stay closed. Raises NotFound for a model that is not down."""
    if not model.is_down:
        raise NotFound(f"Model {model.id} ({model.name!r} by {model.owner}) is not taken down.")
    event = ContentRestored(
        subject_type="model",
        subject_id=model.id,
        actor_id=actor.account_id,
        actor=actor.username,
        reason=reason.strip(),
    )
    return Ruling(
        decision=_as_decision(decision_id, "restore", event, now),
        is_down=False,
        closes_reports_with=None,
        events=[event],
    )


def rate(decision_id: int, model: KnownModel, ask: RateContent, actor: Actor, now: datetime) -> Ruling:
    """Say how mature the model, or a picture of it, is; said again, it replaces what was said before."""
    event = ContentRated(
        subject_type=ask.subject_type, subject_id=ask.subject_id, actor_id=actor.account_id, actor=actor.username,
        model_id=model.id, level=ask.level, reason=ask.reason.strip(),
    )  # fmt: skip
    decision = Decision(
        id=decision_id, action="rate", model_id=model.id, subject_type=ask.subject_type, subject_id=ask.subject_id,
        level=ask.level, reason=event.reason, moderator_id=actor.account_id, moderator=actor.username, created_at=now,
    )  # fmt: skip
    return Ruling(decision=decision, is_down=model.is_down, closes_reports_with=None, events=[event])


def _as_decision(
    decision_id: int, action: Literal["takedown", "restore"], event: ContentTakenDown | ContentRestored, now: datetime
) -> Decision:
    return Decision(
        id=decision_id,
        action=action,
        model_id=event.subject_id,
        reason=event.reason,
        moderator_id=event.actor_id,
        moderator=event.actor,
        created_at=now,
    )


def report_view(report: Report) -> community.Report:
    """The report as the API shows it."""
    return community.Report(
        id=report.id,
        subject_type=report.subject_type,
        subject_id=report.subject_id,
        reason=report.reason,
        details=report.details,
        status=report.status,
        reporter=report.reporter,
        created_at=wire_time(report.created_at),
        decision=report.decision,
    )


def decision_view(decision: Decision) -> community.Decision:
    """The decision as the API shows it."""
    return community.Decision(
        id=decision.id,
        action=decision.action,
        model_id=decision.model_id,
        subject_type=decision.subject_type,
        subject_id=decision.subject_id,
        level=decision.level,
        file_id=decision.file_id,
        reason=decision.reason,
        moderator=decision.moderator,
        created_at=wire_time(decision.created_at),
    )
