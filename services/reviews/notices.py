"""Rules of notifications: who is told what, in which words. Values in, values out; no I/O, no clock."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.api import notifications
from shared.clock import wire_time
from shared.events.models import FileWithdrawn
from shared.events.moderation import AppealDecided
from shared.events.searches import SearchMatched

_MOST_NAMED = 5


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is told; `path` is the page about it."""

    kind: str
    title: str
    text: str
    path: str


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to one account. Its id begins with that of the event, so ids are in the order of time."""

    id: str
    account_id: int
    notice: Notice
    created_at: datetime
    read_at: datetime | None = None


def notification(event_id: str, account_id: int, notice: Notice, at: datetime) -> Notification:
    """The same event tells an account once, however often it is said."""
    return Notification(id=f"{event_id}-{account_id}", account_id=account_id, notice=notice, created_at=at)


def to_creator(event: FileWithdrawn) -> Notice:
    """Why a file of theirs is gone, and what they can do."""
    return Notice(
        kind="file-withdrawn",
        title=f"Your file {event.file_name} was withdrawn",
        text=(
            f"A new scan found {event.file_name} ({event.model_name}, {event.version_name}) to be {event.verdict}, "
            f"and nobody can download it any more. {_reasons(event)} "
            "The report says what to do about it; there you can also appeal to the moderators."
        ),
        path=f"/files/{event.file_id}/scan",
    )


def to_downloader(event: FileWithdrawn) -> Notice:
    """What is wrong with a file they have."""
    if event.verdict == "dangerous":
        what = "Do not load it, and delete your copies. If you have loaded it already, have that machine checked."
    else:
        what = "Your copies may not be what they claim to be; replace them."
    return Notice(
        kind="download-withdrawn",
        title=f"A file that you downloaded is {event.verdict}: {event.file_name}",
        text=(
            f"{event.file_name} ({event.model_name}, {event.version_name}, by {event.creator}) was withdrawn "
            f"after a new scan. {_reasons(event)} {what}"
        ),
        path=f"/files/{event.file_id}/scan",
    )


def to_appellant(event: AppealDecided) -> Notice:
    """What the moderators answer."""
    what = "It can be downloaded as soon as it has been scanned once more." if event.accepted else "It stays refused."
    return Notice(
        kind="appeal-accepted" if event.accepted else "appeal-rejected",
        title=f"Your appeal for {event.file_name} was {'accepted' if event.accepted else 'rejected'}",
        text=f"{event.actor} answers: {event.reason} {what}",
        path=f"/files/{event.subject_id}/scan",
    )


def to_searcher(event: SearchMatched) -> Notice:
    """What a saved search has found."""
    named = [model.name for model in event.models[:_MOST_NAMED]]
    others = event.total - len(named)
    count = "1 new model" if event.total == 1 else f"{event.total} new models"
    listed = f"/models?{event.filters}" if event.filters else "/models"
    return Notice(
        kind="search-matched",
        title=f"{count} for your search {event.name}",
        text=", ".join(named) + (f" and {others} more" if others else "") + ".",
        path=f"/models/{event.models[0].model_id}" if event.total == 1 else listed,
    )


def _reasons(event: FileWithdrawn) -> str:
    return "What was found: " + " ".join(event.reasons) if event.reasons else ""


def view(shown: Notification) -> notifications.Notification:
    """The notification as the API shows it."""
    return notifications.Notification(
        id=shown.id,
        kind=shown.notice.kind,
        title=shown.notice.title,
        text=shown.notice.text,
        path=shown.notice.path,
        created_at=wire_time(shown.created_at),
        read=shown.read_at is not None,
    )
