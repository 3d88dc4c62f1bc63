"""Appeals through HTTP, with the scanner's events coming in."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from shared.actor import Actor
from shared.events.moderation import AppealDecided, AppealOpened, FileOverridden
from shared.events.uploads import FileScanned, Finding, Verdict
from tests.integration.inner_service import InnerService, until_true

TOPIC = "easel.moderation"
OWNER = Actor(account_id=9, username="maker", role="creator")
OTHER = Actor(account_id=4, username="other", role="creator")
MODERATOR = Actor(account_id=3, username="mod", role="moderator")
_ids = count(70_000)


def scanned(file_id: int, verdict: Verdict) -> FileScanned:
    findings = [] if verdict == "clean" else [Finding(code="pickle.import", message="It imports os.system.")]
    return FileScanned(
        file_id=file_id, version_id=10, name="odd.pt", owner_id=9, owner="maker", verdict=verdict, format="pickle",
        size_bytes=1, sha256="ab" * 32, hashes={}, findings=findings, imports=[], facts=None,
        scanned_at=datetime.now(UTC), scanner_version="1", rules_version="1",
    )  # fmt: skip


async def ask(
    moderation: InnerService, method: str, path: str, actor: Actor, body: Any = None
) -> tuple[int, dict[str, Any]]:
    answer = await moderation.call(method, path, actor=actor, json=body)
    return answer.status_code, answer.json()


@pytest.fixture
async def file_id(moderation: InnerService) -> int:
    """A file that was refused, and is known to be."""
    number = next(_ids)
    await moderation.tell(scanned(number, "dangerous"))
    async for attempt in until_true():
        with attempt:
            assert await moderation_knows(moderation, number)
    return number


async def moderation_knows(moderation: InnerService, file_id: int) -> bool:
    """By an appeal of nobody's: it is refused in other words once the file is known."""
    _, problem = await ask(moderation, "POST", f"/files/{file_id}/appeals", OTHER, {"text": "Mine?"})
    return "You have no refused file" in problem["detail"]


async def told_of(moderation: InnerService, file_id: int, expected: int) -> list[Any]:
    return await moderation.told(TOPIC, count=expected, of=lambda event: event.subject_id == file_id)


async def test_an_accepted_appeal_lets_the_file_pass_and_everybody_hears_why(
    moderation: InnerService, file_id: int
) -> None:
    status, appeal = await ask(moderation, "POST", f"/files/{file_id}/appeals", OWNER, {"text": "It is harmless."})
    assert (status, appeal["status"], appeal["findings"]) == (201, "open", ["pickle.import: It imports os.system."])
    assert (await ask(moderation, "POST", f"/files/{file_id}/appeals", OWNER, {"text": "Please."}))[0] == 200
    for stranger in (OTHER,):
        assert (await ask(moderation, "GET", f"/files/{file_id}/appeals", stranger))[1]["items"] == []
    assert (await ask(moderation, "GET", "/appeals", OWNER))[0] == 403
    _, queue = await ask(moderation, "GET", "/appeals", MODERATOR)
    assert file_id in [item["fileId"] for item in queue["items"]]

    path = f"/appeals/{appeal['id']}/accept"
    assert (await ask(moderation, "POST", path, OWNER, {"reason": "I say so."}))[0] == 403
    status, decision = await ask(moderation, "POST", path, MODERATOR, {"reason": "A false alarm."})
    assert (status, decision["action"], decision["fileId"]) == (202, "override", file_id)
    opened, word, answer = await told_of(moderation, file_id, 3)
    assert isinstance(opened, AppealOpened)
    assert isinstance(word, FileOverridden) and (word.reason, word.actor) == ("A false alarm.", "mod")
    assert isinstance(answer, AppealDecided) and (answer.accepted, answer.appellant_id) == (True, 9)
    _, mine = await ask(moderation, "GET", f"/files/{file_id}/appeals", OWNER)
    assert [(item["status"], item["reason"]) for item in mine["items"]] == [("accepted", "A false alarm.")]
    _, audit = await ask(moderation, "GET", "/audit", MODERATOR)
    assert decision in audit["items"]


async def test_a_rejected_appeal_can_be_followed_by_another(moderation: InnerService, file_id: int) -> None:
    _, first = await ask(moderation, "POST", f"/files/{file_id}/appeals", OWNER, {"text": "It is harmless."})
    path = f"/appeals/{first['id']}/reject"
    assert (await ask(moderation, "POST", path, MODERATOR, {"reason": "It is not."}))[0] == 202
    assert (await ask(moderation, "POST", path, MODERATOR, {"reason": "It is not."}))[0] == 409
    status, second = await ask(moderation, "POST", f"/files/{file_id}/appeals", OWNER, {"text": "Look again."})
    assert status == 201 and second["id"] != first["id"]


async def test_a_file_that_is_clean_now_leaves_nothing_to_decide(moderation: InnerService, file_id: int) -> None:
    _, appeal = await ask(moderation, "POST", f"/files/{file_id}/appeals", OWNER, {"text": "It is harmless."})
    await moderation.tell(scanned(file_id, "clean"))
    async for attempt in until_true():
        with attempt:
            _, mine = await ask(moderation, "GET", f"/files/{file_id}/appeals", OWNER)
            assert mine["items"][0]["status"] == "closed"
    for path, body in (
        (f"/appeals/{appeal['id']}/accept", {"reason": "Late."}),
        ("/overrides", {"fileId": file_id, "reason": "Late."}),
    ):
        assert (await ask(moderation, "POST", path, MODERATOR, body))[0] == 409
    assert (await ask(moderation, "POST", f"/files/{file_id}/appeals", OWNER, {"text": "Again."}))[0] == 409


async def test_a_moderator_lets_a_file_pass_that_nobody_has_appealed_for(
    moderation: InnerService, file_id: int
) -> None:
    body = {"fileId": file_id, "reason": "A known false alarm."}
    assert (await ask(moderation, "POST", "/overrides", OWNER, body))[0] == 403
    assert (await ask(moderation, "POST", "/overrides", MODERATOR, body))[0] == 202
    [word] = await told_of(moderation, file_id, 1)
    assert isinstance(word, FileOverridden)
    missing = {"fileId": 2_000_000_000, "reason": "No such file."}
    assert (await ask(moderation, "POST", "/overrides", MODERATOR, missing))[0] == 404
