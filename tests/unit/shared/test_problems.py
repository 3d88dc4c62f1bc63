"""Every exception becomes one kind of answer, and tells a caller nothing that is not theirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.exceptions import MethodNotAllowedException, NotFoundException, ValidationException
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from shared.actor import NOBODY, Actor, actor_from
from shared.clock import new_id, now, wire_time
from shared.engines.store_errors import StoreDown, StoreRefused
from shared.errors import to_problem
from shared.problems import BY_STATUS, PROBLEM_TYPES, Conflict, FieldError, Invalid, Unavailable
from shared.telemetry import begin_correlation


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (Conflict("no"), 409, "conflict"),
        (NotFoundException("no"), 404, "not-found"),
        (MethodNotAllowedException("no"), 405, "http-405"),
        (AutoReconnect("10.1.2.3"), 503, "unavailable"),
        (ServerSelectionTimeoutError("10.1.2.3"), 503, "unavailable"),
        (StoreDown("10.1.2.3"), 503, "unavailable"),
        (StoreRefused("10.1.2.3"), 500, "internal"),
        (OperationFailure("10.1.2.3"), 500, "internal"),
        (OverflowError("10.1.2.3"), 400, "invalid"),
        (ValueError("10.1.2.3"), 500, "internal"),
    ],
)
def test_an_exception_is_answered_with_its_status_and_without_what_is_inside(
    error: Exception, status: int, slug: str
) -> None:
    problem = to_problem(error)
    assert (problem.status_code, problem.type_) == (status, PROBLEM_TYPES + slug)
    assert "10.1.2.3" not in str(problem.detail)


def test_what_is_down_says_when_to_come_again() -> None:
    assert (Unavailable("x").headers or {})["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("item", "field", "message"),
    [
        ({"key": "limit", "message": "Expected `int` <= 100", "source": "query"}, "limit",
         "must be a whole number <= 100"),
        ({"key": "version_id", "message": "Expected `int | null`, got `str`", "source": "query"}, "versionId",
         "must be a whole number or null, not a text"),
        ({"key": "model_id", "message": "Expected `int` >= 1", "source": "path"}, "model_id",
         "must be a whole number >= 1"),
        ({"key": "data", "message": "'data'", "source": "body"}, "body", "is missing; send a JSON object"),
        ({"message": "strange"}, "body", "strange"),
    ],
)  # fmt: skip
def test_a_refused_parameter_is_named_as_outside(item: dict[str, str], field: str, message: str) -> None:
    problem = to_problem(ValidationException("Validation failed", extra=[item]))
    assert isinstance(problem, Invalid)
    assert problem.detail == f"{field}: {message}"
    assert problem.extra == {"errors": [{"field": field, "message": message}]}


def test_each_status_has_one_kind_of_problem() -> None:
    for status, kind in BY_STATUS.items():
        problem = kind("detail", errors=[FieldError("f", "m")])
        assert problem.status_code == status
        assert str(problem.type_).startswith(PROBLEM_TYPES)


@given(st.text(max_size=80))
def test_a_correlation_id_is_taken_only_if_it_can_do_no_harm(given: str) -> None:
    chosen = begin_correlation(given)
    assert 0 < len(chosen) <= 64
    assert all(letter.isascii() and (letter.isalnum() or letter in "._:-") for letter in chosen)


def test_a_plain_correlation_id_is_kept() -> None:
    assert begin_correlation("0198-abc.Z:1_2") == "0198-abc.Z:1_2"
    assert begin_correlation(None) != begin_correlation(None)


def test_times_on_the_wire_always_have_milliseconds_in_utc() -> None:
    moment = now().replace(microsecond=0)
    assert wire_time(moment).endswith(".000Z")
    assert moment.microsecond % 1000 == 0
    assert new_id() < new_id()


def test_an_actor_crosses_between_services_unchanged() -> None:
    actor = Actor(account_id=7, username="maker", role="creator")
    assert actor_from(actor.headers()) == actor
    assert actor_from(NOBODY.headers()) == actor_from({}) == NOBODY
    assert not NOBODY.is_known and not actor.may_moderate
    assert Actor(account_id=1, username="m", role="moderator").may_moderate
