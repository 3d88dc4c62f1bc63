"""Time and identity as the wire wants them."""

from __future__ import annotations

from datetime import UTC, datetime

import uuid_utils


def now() -> datetime:
    """The current time in UTC, cut to milliseconds (what MongoDB keeps and the wire shows)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def wire_time(moment: datetime) -> str:
    """`2026-02-11T08:30:00.000Z`: UTC, milliseconds always there (some clients parse with a fixed pattern)."""
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def new_id() -> str:
    """A UUIDv7: unique, and sorted by time (RFC 9562)."""
    return str(uuid_utils.uuid7())
