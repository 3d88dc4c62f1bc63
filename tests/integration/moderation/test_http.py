"""Moderation through HTTP, as the gateway asks, with the catalog's events coming in."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from shared.actor import Actor
from shared.events.models import ModelDeleted, ModelPublished, VersionPublished
from shared.events.moderation import ContentReported, ContentRestored, ContentTakenDown
from tests.integration.inner_service import InnerService, until_true

TOPIC = "easel.moderation"
READER = Actor(account_id=2, username="reader", role="member")
OTHER = Actor(account_id=4, username="other", role="creator")
MODERATOR = Actor(account_id=3, username="mod", role="moderator")
ADMINISTRATOR = Actor(account_id=1, username="admin", role="administrator")
_ids = count(1)


def model_published(model_id: int, name: str = "Shapes") -> ModelPublished:
    return ModelPublished(model_id=model_id, name=name, type="LORA", creator_id=9, creator="maker")


def version_published(model_id: int, name: str = "Shapes") -> VersionPublished:
    return VersionPublished(
        model_id=model_id, version_id=1_000 + model_id, model_name=name, version_name="v1", type="LORA",
        base_model="SD 1.5", trained_words=[], creator_id=9, creator="maker", files=[],
        published_at=datetime.now(UTC),
    )  # fmt: skip


async def known(moderation: InnerService, model_id: int, *, status: int = 201) -> None:
    """Return when a report of the model is answered so; by an account that no test looks at."""
    watcher = Actor(account_id=77, username="watcher", role="member")
    async for attempt in until_true():
        with attempt:
            answer = await report(moderation, model_id, watcher)
            assert answer[0] == status


async def report(
    moderation: InnerService, model_id: int, actor: Actor = READER, *, reason: str = "stolen", details: str = "mine"
) -> tuple[int, dict[str, Any]]:
    ask = {"subjectType": "model", "subjectId": model_id, "reason": reason, "details": details}
    answer = await moderation.call("POST", "/reports", actor=actor, json=ask)
    return answer.status_code, answer.json()


async def take_down(
    moderation: InnerService, model_id: int, actor: Actor = MODERATOR, *, reason: str = "stolen work"
) -> tuple[int, dict[str, Any]]:
    ask = {"modelId": model_id, "reason": reason}
    answer = await moderation.call("POST", "/takedowns", actor=actor, json=ask)
    return answer.status_code, answer.json()


async def restore(
    moderation: InnerService, model_id: int, actor: Actor = MODERATOR, **params: str
) -> tuple[int, dict[str, Any]]:
    answer = await moderation.call("DELETE", f"/takedowns/{model_id}", actor=actor, params=params)
    return answer.status_code, answer.json()


async def queue(moderation: InnerService, model_id: int, status: str) -> list[dict[str, Any]]:
    """The model's reports of that status, as the queue shows them, without the watcher's."""
    answer = await moderation.call("GET", "/reports", actor=MODERATOR, params={"status": status, "limit": 200})
    assert answer.status_code == 200, answer.text
    return [item for item in answer.json()["items"] if item["subjectId"] == model_id and item["reporter"] != "watcher"]


async def told_of(moderation: InnerService, model_id: int, expected: int) -> list[Any]:
    return await moderation.told(
        TOPIC, count=expected, of=lambda event: event.subject_id == model_id and event.actor != "watcher"
    )


@pytest.fixture
async def model_id(moderation: InnerService) -> int:
    """A model that was just published and is known."""
    number = next(_ids)
    await moderation.tell(model_published(number), version_published(number))
    await known(moderation, number)
    return number


async def test_a_report_is_queued_and_told(moderation: InnerService, model_id: int) -> None:
    status, made = await report(moderation, model_id)
    assert status == 201
    assert {**made, "id": 0, "createdAt": ""} == {
        "id": 0, "subjectType": "model", "subjectId": model_id, "reason": "stolen", "details": "mine",
        "status": "open", "reporter": "reader", "createdAt": "", "decision": None,
    }  # fmt: skip
    assert await queue(moderation, model_id, "open") == [made]
    assert await told_of(moderation, model_id, 1) == [
        ContentReported(
            subject_type="model", subject_id=model_id, actor_id=2, actor="reader", report_id=made["id"],
            reason="stolen", details="mine",
        )
    ]  # fmt: skip


async def test_reporting_again_finds_the_open_report(moderation: InnerService, model_id: int) -> None:
    first = await report(moderation, model_id)
    again = await report(moderation, model_id, reason="spam", details="other words")
    other = await report(moderation, model_id, OTHER)
    assert [status for status, _ in (first, again, other)] == [201, 200, 201]
    assert again[1] == first[1]
    assert await queue(moderation, model_id, "open") == [first[1], other[1]]
    told = await told_of(moderation, model_id, 2)
    assert [event.report_id for event in told] == [first[1]["id"], other[1]["id"]]


async def test_a_takedown_closes_the_reports_and_is_told(moderation: InnerService, model_id: int) -> None:
    for actor in (READER, OTHER):
        await report(moderation, model_id, actor)
    status, decision = await take_down(moderation, model_id, reason=" stolen work ")
    assert status == 202
    assert {**decision, "id": 0, "createdAt": ""} == {
        "id": 0, "action": "takedown", "modelId": model_id, "reason": "stolen work", "moderator": "mod", "fileId": None,
        "createdAt": "", "subjectType": "model", "subjectId": None, "level": None,
    }  # fmt: skip
    assert await queue(moderation, model_id, "open") == []
    closed = await queue(moderation, model_id, "closed")
    assert [(item["reporter"], item["status"], item["decision"]) for item in closed] == [
        ("reader", "closed", "Taken down: stolen work"),
        ("other", "closed", "Taken down: stolen work"),
    ]
    assert (await told_of(moderation, model_id, 3))[2:] == [
        ContentTakenDown(subject_type="model", subject_id=model_id, actor_id=3, actor="mod", reason="stolen work")
    ]


async def test_down_and_up_again_tells_exactly_the_decisions(moderation: InnerService, model_id: int) -> None:
    answers = [
        await restore(moderation, model_id),
        await take_down(moderation, model_id),
        await take_down(moderation, model_id),
        await report(moderation, model_id),
        await restore(moderation, model_id, ADMINISTRATOR, reason="licence shown"),
        await restore(moderation, model_id),
        await take_down(moderation, model_id, ADMINISTRATOR, reason="again"),
    ]
    assert [status for status, _ in answers] == [404, 202, 409, 404, 202, 404, 202]
    about: dict[str, Any] = {"subject_type": "model", "subject_id": model_id}
    assert await told_of(moderation, model_id, 3) == [
        ContentTakenDown(**about, actor_id=3, actor="mod", reason="stolen work"),
        ContentRestored(**about, actor_id=1, actor="admin", reason="licence shown"),
        ContentTakenDown(**about, actor_id=1, actor="admin", reason="again"),
    ]
    audit = await moderation.call("GET", "/audit", actor=MODERATOR, params={"modelId": model_id})
    assert audit.json()["items"] == [answers[6][1], answers[4][1], answers[1][1]]


async def test_the_audit_log_is_read_in_pages(moderation: InnerService, model_id: int) -> None:
    for _ in range(3):
        await take_down(moderation, model_id)
        await restore(moderation, model_id)
    seen: list[tuple[int, str]] = []
    params: dict[str, int] = {"modelId": model_id, "limit": 4}
    while True:
        page = (await moderation.call("GET", "/audit", actor=ADMINISTRATOR, params=params)).json()["items"]
        if not page:
            break
        seen += [(item["id"], item["action"]) for item in page]
        params["before"] = page[-1]["id"]
    assert [action for _, action in seen] == ["restore", "takedown"] * 3
    assert [number for number, _ in seen] == sorted({number for number, _ in seen}, reverse=True)
    everything = (await moderation.call("GET", "/audit", actor=MODERATOR)).json()["items"]
    assert everything[0]["id"] == seen[0][0]


async def test_the_queue_is_read_in_pages_oldest_first(moderation: InnerService, model_id: int) -> None:
    made = [
        (await report(moderation, model_id, Actor(account_id=100 + n, username=f"r{n}")))[1]["id"] for n in range(5)
    ]
    seen: list[int] = []
    after = made[0] - 1
    while True:
        params = {"status": "open", "limit": 2, "after": after}
        page = (await moderation.call("GET", "/reports", actor=MODERATOR, params=params)).json()["items"]
        if not page:
            break
        seen += [item["id"] for item in page]
        after = page[-1]["id"]
    assert seen == made


async def test_a_reporter_may_report_again_once_their_report_is_closed(moderation: InnerService, model_id: int) -> None:
    _, first = await report(moderation, model_id)
    await take_down(moderation, model_id)
    await restore(moderation, model_id)
    status, second = await report(moderation, model_id)
    assert status == 201 and second["id"] != first["id"]
    assert [item["id"] for item in await queue(moderation, model_id, "closed")] == [first["id"]]


async def test_a_deleted_model_leaves_the_queue(moderation: InnerService, model_id: int) -> None:
    _, made = await report(moderation, model_id)
    await moderation.tell(ModelDeleted(model_id=model_id))
    await known(moderation, model_id, status=404)
    assert await queue(moderation, model_id, "open") == []
    closed = await queue(moderation, model_id, "closed")
    assert [(item["id"], item["decision"]) for item in closed] == [(made["id"], "The owner deleted the model.")]
    assert (await take_down(moderation, model_id))[0] == 404


async def test_repeated_and_newer_events_leave_a_models_standing(moderation: InnerService, model_id: int) -> None:
    await take_down(moderation, model_id)
    repeated = await moderation.tell(version_published(model_id, name="Shapes, second edition"))
    await moderation.tell_again(repeated)
    async for attempt in until_true():
        with attempt:
            status, problem = await take_down(moderation, model_id)
            assert status == 409 and "'Shapes, second edition' by maker" in problem["detail"]
    assert await moderation.dead("easel.models") == []


async def test_a_model_not_known_yet_says_to_try_again(moderation: InnerService) -> None:
    for status, problem in (await report(moderation, 999_999), await take_down(moderation, 999_999)):
        assert status == 404
        assert "in a moment" in problem["detail"]


@pytest.mark.parametrize(
    ("actor", "status"), [(Actor(), 401), (READER, 403), (OTHER, 403)], ids=["nobody", "member", "creator"]
)
async def test_moderators_things_are_for_moderators(
    moderation: InnerService, model_id: int, actor: Actor, status: int
) -> None:
    answers = [
        (await take_down(moderation, model_id, actor))[0],
        (await restore(moderation, model_id, actor))[0],
        (await moderation.call("GET", "/reports", actor=actor)).status_code,
        (await moderation.call("GET", "/audit", actor=actor)).status_code,
    ]
    assert answers == [status] * 4
    assert (await restore(moderation, model_id))[0] == 404, "the refused takedown took it down"


async def test_a_report_needs_an_account(moderation: InnerService, model_id: int) -> None:
    assert (await report(moderation, model_id, Actor()))[0] == 401
    assert await queue(moderation, model_id, "open") == []


@pytest.mark.parametrize(
    ("method", "path", "json", "field"),
    [
        ("GET", "/reports?status=lost", None, "status"),
        ("GET", "/reports?limit=0", None, "limit"),
        ("GET", "/reports?after=-1", None, "after"),
        ("GET", "/audit?limit=201", None, "limit"),
        ("GET", "/audit?modelId=0", None, "modelId"),
        ("GET", "/audit?before=99999999999999999999", None, "before"),
        ("DELETE", "/takedowns/99999999999999999999", None, "model_id"),
        ("DELETE", "/takedowns/1?reason=" + "x" * 2_001, None, "reason"),
        ("POST", "/takedowns", {"modelId": 1, "reason": ""}, "reason"),
        ("POST", "/takedowns", {"modelId": 2**31, "reason": "r"}, "modelId"),
        ("POST", "/reports", {"subjectType": "model", "subjectId": 2**70, "reason": "spam"}, "subjectId"),
        ("POST", "/reports", {"subjectType": "account", "subjectId": 1, "reason": "spam"}, "subjectType"),
        ("POST", "/reports", {"subjectType": "model", "subjectId": 1, "reason": "ugly"}, "reason"),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(
    moderation: InnerService, method: str, path: str, json: object, field: str
) -> None:
    answer = await moderation.call(method, path, actor=MODERATOR, json=json)
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["detail"]


async def test_without_the_hubs_token_nobody_is_answered(moderation: InnerService) -> None:
    assert (await moderation.call_without_token("/audit")).status_code == 401
