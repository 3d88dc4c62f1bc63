"""The page of a scan report, and the one of notifications."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.gateway.account_pages import render_notifications
from services.gateway.rendering import Frame
from services.gateway.views.own_model import render_own_model
from services.gateway.views.scan import render_scan
from shared.api import hub, notifications, scans
from shared.api.inside import FilePlace

FRAME = Frame(viewer="dora", csrf_token="t0ken", path="/files/31/scan")
FINDING = {
    "code": "pickle.import", "location": "data.pkl > 2", "message": "It imports <os.system>.",
    "advice": "Save the weights as safetensors.",
}  # fmt: skip


def report(**changes: Any) -> scans.FileScan:
    answer = {
        "fileId": 31, "versionId": 10, "modelId": 1, "name": "kubist.pt", "type": "Model", "sizeBytes": 2048,
        "format": "pickle", "state": "dangerous", "isWaiting": False, "sha256": "ab" * 32,
        "hashes": {"SHA256": "AB" * 32},
        "steps": [
            {"name": "content", "verdict": "dangerous", "text": "1 finding; see below."},
            {"name": "imports", "verdict": "dangerous", "text": "1 of 1 imports are not allowed."},
            {"name": "antivirus", "verdict": "not-scanned", "text": "This hub has no antivirus."},
        ],
        "findings": [FINDING],
        "imports": [{"name": "os.system", "assessment": "dangerous", "location": "data.pkl > 2"}],
        "antivirus": None, "scannerVersion": "1", "rulesVersion": "2026-11-24",
        "scannedAt": "2026-02-11T08:12:44.120Z", "sameBytesAs": None, "override": None, "trouble": None,
    }  # fmt: skip
    return msgspec.convert(answer | changes, scans.FileScan)


def appeal(status: str, reason: str | None = None) -> dict[str, Any]:
    return {
        "id": 3, "fileId": 31, "versionId": 10, "fileName": "kubist.pt", "verdict": "dangerous", "findings": [],
        "text": "It is harmless.", "status": status, "username": "dora", "createdAt": "2026-02-11T08:12:44.120Z",
        "reason": reason,
    }  # fmt: skip


def page(shown: scans.FileScan, *, is_own: bool = False, may_decide: bool = False) -> str:
    place = FilePlace(
        file_id=31, version_id=10, model_id=1, model_name="Kubist", version_name="v1.0", is_own=is_own
    )  # fmt: skip
    return render_scan(FRAME, place, shown, may_decide=may_decide)


def test_a_finding_comes_with_its_place_and_what_to_do_and_is_never_markup() -> None:
    text = page(report())
    assert "It imports &lt;os.system&gt;." in text
    assert "data.pkl &gt; 2" in text and "Save the weights as safetensors." in text
    assert "not virus scanned" in text and "2026-11-24" in text


@pytest.mark.parametrize(
    ("changes", "is_own", "may_decide", "can_appeal", "can_decide"),
    [
        ({}, True, False, True, False),
        ({}, False, True, False, True),
        ({}, False, False, False, False),
        ({"appeal": appeal("open")}, True, True, False, True),
        ({"appeal": appeal("rejected", "It does.")}, True, False, True, False),
        ({"state": "clean", "findings": []}, True, True, False, False),
        ({"isWaiting": True}, True, True, False, False),
    ],
)
def test_who_may_appeal_and_who_may_decide(
    changes: dict[str, Any], is_own: bool, may_decide: bool, can_appeal: bool, can_decide: bool
) -> None:
    text = page(report(**changes), is_own=is_own, may_decide=may_decide)
    assert ('action="/files/31/appeal"' in text) == can_appeal
    assert ('action="/files/31/decision"' in text) == can_decide
    assert ('value="refuse"' in text) == (can_decide and "appeal" in changes)


def test_what_a_moderator_let_pass_says_why() -> None:
    word = {"reason": "A false alarm.", "moderator": "mod", "at": "2026-02-12T08:12:44.120Z"}
    text = page(report(state="clean", override=word))
    assert "Let pass by mod" in text and "A false alarm." in text


def test_a_rescan_without_a_result_is_told() -> None:
    assert "The last rescan has no result (It broke.)" in page(report(state="clean", findings=[], trouble="It broke."))


def test_a_file_that_waits_has_a_page() -> None:
    waiting = report(
        state="pending", isWaiting=True, steps=[], findings=[], imports=[], hashes={}, scannerVersion=None,
        rulesVersion=None, scannedAt=None, sha256=None, format=None,
    )  # fmt: skip
    assert "in line to be scanned" in page(waiting, is_own=True)


def test_the_owner_of_a_model_that_nobody_sees_finds_its_reports() -> None:
    file = {
        "id": 31, "name": "kubist.pt", "sizeBytes": 2048, "type": "Model", "state": "dangerous", "sha256": None,
        "hashes": {}, "findings": [],
    }  # fmt: skip
    files = [file, {**file, "id": 32, "name": "late.pt", "state": "uploading"}]
    version = {
        "id": 10, "modelId": 1, "name": "v1.0", "baseModel": "Other", "status": "Refused", "url": "/models/1",
        "statusReason": "kubist.pt is dangerous: it imports <os>.", "publishedAt": None, "files": files,
    }  # fmt: skip
    model = {
        "id": 1, "name": "Kubist", "type": "LORA", "description": "", "tags": [], "status": "Refused",
        "url": "/models/1", "owner": "dora", "versions": [version],
    }  # fmt: skip
    text = render_own_model(FRAME, msgspec.convert(model, hub.HubModel))
    assert "it imports &lt;os&gt;" in text
    assert 'href="/files/31/scan"' in text and 'href="/files/32/scan"' not in text
    empty = render_own_model(FRAME, msgspec.convert(model | {"versions": []}, hub.HubModel))
    assert "no versions yet" in empty


def test_notifications_are_shown_with_what_is_new() -> None:
    item = {
        "id": "0198-7", "kind": "file-withdrawn", "title": "Your file <kubist.pt> was withdrawn", "text": "Why.",
        "path": "/files/31/scan", "createdAt": "2026-02-11T08:12:44.120Z", "read": False,
    }  # fmt: skip
    shown = msgspec.convert({"items": [item], "unread": 1, "nextCursor": "0198-6"}, notifications.NotificationPage)
    text = render_notifications(FRAME, shown)
    assert "Your file &lt;kubist.pt&gt; was withdrawn" in text and 'href="/files/31/scan"' in text
    assert "New: 1" in text and 'href="/account/notifications?cursor=0198-6"' in text
    assert "data-bell" in text and 'value="t0ken"' in text
    nothing = render_notifications(FRAME, notifications.NotificationPage(items=[], unread=0))
    assert "Nothing new" in nothing and "Mark all as read" not in nothing
