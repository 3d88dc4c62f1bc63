"""Appeals for refused files and decisions about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.moderation import files
from services.moderation.files import KnownFile
from shared.actor import Actor
from shared.events.moderation import AppealDecided, AppealOpened, FileOverridden
from shared.events.uploads import FileScanned, Finding
from shared.problems import Conflict, NotFound

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER = Actor(7, "dora", "creator")
MODERATOR = Actor(5, "mod", "moderator")


def scanned(**changes: Any) -> FileScanned:
    made = FileScanned(
        file_id=3, version_id=10, name="kubist.pt", owner_id=7, owner="dora", verdict="dangerous", format="pickle",
        size_bytes=1, sha256="ab" * 32, hashes={}, findings=[Finding(code="pickle.import", message="It imports os.")],
        imports=[], facts=None, scanned_at=NOON, scanner_version="1", rules_version="1",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


FILE = files.known_file(scanned())


def test_what_is_known_of_a_file_is_what_the_scan_said() -> None:
    assert KnownFile(
        id=3, version_id=10, name="kubist.pt", owner_id=7, owner="dora", verdict="dangerous",
        findings=("pickle.import: It imports os.",), is_refused=True,
    ) == FILE  # fmt: skip
    assert not files.known_file(scanned(verdict="clean")).is_refused


def test_only_a_refused_file_can_be_decided_about() -> None:
    assert files.require_refused(3, FILE) == FILE
    with pytest.raises(NotFound):
        files.require_refused(3, None)
    with pytest.raises(Conflict):
        files.require_refused(3, files.known_file(scanned(verdict="clean")))


def test_an_appeal_is_the_uploaders_and_keeps_what_the_scan_said() -> None:
    appeal, events = files.open_appeal(9, FILE, "  It is harmless. ", OWNER, NOON)
    assert (appeal.text, appeal.findings, appeal.status) == ("It is harmless.", FILE.findings, "open")
    assert events == [
        AppealOpened(
            subject_type="file", subject_id=3, actor_id=7, actor="dora", appeal_id=9, text="It is harmless."
        )
    ]  # fmt: skip
    for stranger in (MODERATOR, Actor(8, "other", "creator")):
        with pytest.raises(NotFound):
            files.open_appeal(9, FILE, "Let me see.", stranger, NOON)


def test_letting_a_file_pass_accepts_what_was_asked_for_it() -> None:
    appeal, _ = files.open_appeal(9, FILE, "It is harmless.", OWNER, NOON)
    ruling = files.override(4, FILE, (appeal,), " A false alarm. ", MODERATOR, NOON)
    assert (ruling.decision.action, ruling.decision.file_id, ruling.decision.reason) == (
        "override", 3, "A false alarm.",
    )  # fmt: skip
    [accepted] = ruling.appeals
    assert (accepted.status, accepted.reason, accepted.decision_id) == ("accepted", "A false alarm.", 4)
    word, answer = ruling.events
    assert word == FileOverridden(
        subject_type="file", subject_id=3, actor_id=5, actor="mod", reason="A false alarm."
    )  # fmt: skip
    assert isinstance(answer, AppealDecided)
    assert (answer.accepted, answer.appellant_id, answer.file_name) == (True, 7, "kubist.pt")


def test_an_appeal_is_rejected_once() -> None:
    appeal, _ = files.open_appeal(9, FILE, "It is harmless.", OWNER, NOON)
    ruling = files.reject(4, appeal, "It does import os.", MODERATOR, NOON)
    [answer] = ruling.events
    assert isinstance(answer, AppealDecided) and not answer.accepted
    with pytest.raises(Conflict, match="rejected already"):
        files.reject(5, ruling.appeals[0], "Again.", MODERATOR, NOON)
