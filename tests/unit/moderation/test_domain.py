"""Rules of moderation."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from services.moderation import domain
from services.moderation.domain import KnownModel
from shared.actor import NOBODY, Actor
from shared.api.community import NewReport
from shared.api.inside import RateContent
from shared.events.moderation import ContentRated, ContentReported, ContentRestored, ContentTakenDown
from shared.problems import Conflict, Forbidden, NotFound, Problem, Unauthorized

NOON = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
MODEL = KnownModel(id=3, name="Shapes", owner_id=1, owner="maker")
DOWN = msgspec.structs.replace(MODEL, is_down=True)
DELETED = msgspec.structs.replace(MODEL, is_deleted=True)
READER = Actor(account_id=2, username="reader", role="member")
MODERATOR = Actor(account_id=5, username="mod", role="moderator")
ASK = NewReport(subject_type="model", subject_id=3, reason="stolen", details=" see my page \n")


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [
        (NOBODY, Unauthorized),
        (Actor(account_id=2, username="a", role="member"), Forbidden),
        (Actor(account_id=2, username="a", role="creator"), Forbidden),
        (Actor(account_id=0, username="a", role="moderator"), Unauthorized),
    ],
)
def test_who_may_not_moderate(actor: Actor, refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        domain.require_moderator(actor)


@pytest.mark.parametrize("role", ["moderator", "administrator"])
def test_moderators_and_administrators_may(role: str) -> None:
    domain.require_moderator(msgspec.convert({"account_id": 2, "username": "a", "role": role}, Actor))


@pytest.mark.parametrize("model", [None, DELETED])
def test_a_model_that_is_not_there_is_not_found_and_may_come(model: KnownModel | None) -> None:
    with pytest.raises(NotFound, match=r"model with id 3.*in a moment"):
        domain.require_model(3, model)


@pytest.mark.parametrize("model", [MODEL, DOWN])
def test_a_model_that_is_down_is_still_there_for_moderators(model: KnownModel) -> None:
    assert domain.require_model(3, model) is model


def test_a_report_waits_in_the_queue_and_is_told() -> None:
    report, events = domain.new_report(9, MODEL, ASK, READER, NOON)
    assert events == [
        ContentReported(
            subject_type="model", subject_id=3, actor_id=2, actor="reader", report_id=9, reason="stolen",
            details="see my page",
        )
    ]  # fmt: skip
    shown = domain.report_view(report)
    assert (shown.status, shown.decision, shown.reporter, shown.details) == ("open", None, "reader", "see my page")
    assert shown.created_at == "2026-03-01T12:00:00.123Z"


def test_a_model_that_is_down_cannot_be_reported() -> None:
    with pytest.raises(NotFound):
        domain.new_report(9, DOWN, ASK, READER, NOON)


def test_a_takedown_is_logged_told_and_closes_the_reports_with_its_reason() -> None:
    ruling = domain.take_down(4, MODEL, " stolen work \n", MODERATOR, NOON)
    assert ruling.is_down
    assert ruling.closes_reports_with == "Taken down: stolen work"
    assert ruling.events == [
        ContentTakenDown(subject_type="model", subject_id=3, actor_id=5, actor="mod", reason="stolen work")
    ]
    assert msgspec.to_builtins(domain.decision_view(ruling.decision)) == {
        "id": 4, "action": "takedown", "modelId": 3, "reason": "stolen work", "moderator": "mod",
        "createdAt": "2026-03-01T12:00:00.123Z", "subjectType": "model", "subjectId": None, "level": None,
        "fileId": None,
    }  # fmt: skip


def test_a_rating_is_logged_and_told_and_changes_nothing_else() -> None:
    for model in (MODEL, DOWN):
        ask = RateContent(model_id=3, subject_type="image", subject_id=70, level=8, reason=" seen ")
        ruling = domain.rate(6, model, ask, MODERATOR, NOON)
        assert (ruling.is_down, ruling.closes_reports_with) == (model.is_down, None)
        assert ruling.events == [
            ContentRated(
                subject_type="image", subject_id=70, actor_id=5, actor="mod", model_id=3, level=8, reason="seen"
            )
        ]  # fmt: skip
        shown = domain.decision_view(ruling.decision)
        assert (shown.action, shown.subject_type, shown.subject_id, shown.level) == ("rate", "image", 70, 8)


def test_a_restore_is_logged_and_told_and_opens_no_report() -> None:
    ruling = domain.restore(5, DOWN, "licence shown", MODERATOR, NOON)
    assert not ruling.is_down
    assert ruling.closes_reports_with is None
    assert ruling.events == [
        ContentRestored(subject_type="model", subject_id=3, actor_id=5, actor="mod", reason="licence shown")
    ]
    assert (ruling.decision.action, ruling.decision.moderator_id, ruling.decision.created_at) == ("restore", 5, NOON)


def test_a_model_is_not_taken_down_twice() -> None:
    with pytest.raises(Conflict, match=r"Model 3 .'Shapes' by maker. is already taken down"):
        domain.take_down(4, DOWN, "again", MODERATOR, NOON)


def test_a_model_that_is_not_down_cannot_be_restored() -> None:
    with pytest.raises(NotFound, match="is not taken down"):
        domain.restore(4, MODEL, "", MODERATOR, NOON)
