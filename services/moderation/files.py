"""Rules of refused files: appeals of their uploaders, and a moderator's word. Values in, values and events out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from services.moderation.domain import Decision, Value
from shared.actor import Actor
from shared.api import scans
from shared.clock import wire_time
from shared.events.moderation import AppealDecided, AppealOpened, FileOverridden
from shared.events.payload import Payload
from shared.events.uploads import FileScanned
from shared.problems import Conflict, NotFound

CLOSED_BY_SCAN = "The file is clean now."
_FINDINGS = 20


class KnownFile(Value, frozen=True, kw_only=True):
    """A file that was refused, as the scanner's events tell of it."""

    id: int
    version_id: int
    name: str
    owner_id: int
    owner: str
    verdict: str
    findings: tuple[str, ...] = ()
    is_refused: bool = True


class Appeal(Value, frozen=True, kw_only=True):
    """An uploader asks the moderators to look at a refused file. What the scan said of it then is kept with it."""

    id: int
    file_id: int
    version_id: int
    file_name: str
    verdict: str
    findings: tuple[str, ...]
    text: str
    status: Literal["open", "accepted", "rejected", "closed"] = "open"
    appellant_id: int
    appellant: str
    created_at: datetime
    decided_at: datetime | None = None
    decision_id: int | None = None
    reason: str | None = None


class FileRuling(Value, frozen=True, kw_only=True):
    """A decision about a file, the appeals as it leaves them, and what is told."""

    decision: Decision
    appeals: tuple[Appeal, ...]
    events: list[Payload]


def known_file(event: FileScanned) -> KnownFile:
    """What moderators must know of a file that was scanned."""
    return KnownFile(
        id=event.file_id,
        version_id=event.version_id,
        name=event.name,
        owner_id=event.owner_id,
        owner=event.owner,
        verdict=event.verdict,
        findings=tuple(f"{found.code}: {found.message}" for found in event.findings[:_FINDINGS]),
        is_refused=event.verdict != "clean",
    )


def require_refused(file_id: int, file: KnownFile | None) -> KnownFile:
    """The file, if it is refused. Raises NotFound for one that is not known, Conflict for one that is clean."""
    if file is None:
        raise NotFound(
            f"There is no refused file with id {file_id}. "
            "One that was scanned just now is known here in a moment; try again."
        )
    if not file.is_refused:
        raise Conflict(f"File {file_id} is clean; there is nothing to decide.")
    return file


def open_appeal(
    appeal_id: int, file: KnownFile, text: str, actor: Actor, now: datetime
) -> tuple[Appeal, list[Payload]]:
    """A new appeal. Raises NotFound for a stranger, who does not learn that the file exists."""
    if actor.account_id != file.owner_id:
        raise NotFound(f"You have no refused file with id {file.id}.")
    appeal = Appeal(
        id=appeal_id, file_id=file.id, version_id=file.version_id, file_name=file.name, verdict=file.verdict,
        findings=file.findings, text=text.strip(), appellant_id=actor.account_id, appellant=actor.username,
        created_at=now,
    )  # fmt: skip
    event = AppealOpened(
        subject_type="file", subject_id=file.id, actor_id=actor.account_id, actor=actor.username, appeal_id=appeal_id,
        text=appeal.text,
    )  # fmt: skip
    return appeal, [event]


def override(
    decision_id: int, file: KnownFile, open_appeals: tuple[Appeal, ...], reason: str, actor: Actor, now: datetime
) -> FileRuling:
    """Let a refused file pass, which accepts what was asked for it."""
    decision = _decision(decision_id, "override", file.id, reason, actor, now)
    appeals = tuple(_decided(appeal, "accepted", decision) for appeal in open_appeals)
    word = FileOverridden(
        subject_type="file", subject_id=file.id, actor_id=actor.account_id, actor=actor.username, reason=decision.reason
    )
    return FileRuling(decision=decision, appeals=appeals, events=[word, *(_answer(each, actor) for each in appeals)])


def reject(decision_id: int, appeal: Appeal, reason: str, actor: Actor, now: datetime) -> FileRuling:
    """The file stays refused. Raises Conflict for an appeal that is decided already."""
    if appeal.status != "open":
        raise Conflict(f"Appeal {appeal.id} is {appeal.status} already.")
    decision = _decision(decision_id, "reject-appeal", appeal.file_id, reason, actor, now)
    rejected = _decided(appeal, "rejected", decision)
    return FileRuling(decision=decision, appeals=(rejected,), events=[_answer(rejected, actor)])


def _decision(
    decision_id: int, action: Literal["override", "reject-appeal"], file_id: int, reason: str, actor: Actor,
    now: datetime,
) -> Decision:  # fmt: skip
    return Decision(
        id=decision_id, action=action, file_id=file_id, reason=reason.strip(), moderator_id=actor.account_id,
        moderator=actor.username, created_at=now,
    )  # fmt: skip


def _decided(appeal: Appeal, status: Literal["accepted", "rejected"], decision: Decision) -> Appeal:
    return replace(
        appeal, status=status, decided_at=decision.created_at, decision_id=decision.id, reason=decision.reason
    )


def _answer(appeal: Appeal, actor: Actor) -> AppealDecided:
    return AppealDecided(
        subject_type="file", subject_id=appeal.file_id, actor_id=actor.account_id, actor=actor.username,
        appeal_id=appeal.id, file_name=appeal.file_name, appellant_id=appeal.appellant_id,
        accepted=appeal.status == "accepted", reason=appeal.reason or "",
    )  # fmt: skip


def appeal_view(appeal: Appeal) -> scans.Appeal:
    """The appeal as the API shows it."""
    return scans.Appeal(
        id=appeal.id, file_id=appeal.file_id, version_id=appeal.version_id, file_name=appeal.file_name,
        verdict=appeal.verdict, findings=list(appeal.findings), text=appeal.text, status=appeal.status,
        username=appeal.appellant, created_at=wire_time(appeal.created_at), reason=appeal.reason,
    )  # fmt: skip
