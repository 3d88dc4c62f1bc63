"""Who may download: every refusal, and which of two goes first."""

from __future__ import annotations

from typing import Any

import pytest

from services.catalog.domain.delivery import require_downloadable
from shared.actor import NOBODY, Actor
from shared.api.inside import DOWNLOADS_DISABLED, EARLY_ACCESS, LOGIN_NEEDED
from shared.problems import PROBLEM_TYPES, Problem
from tests.unit.catalog.models import LATER, NOON, model, published, version

OWNER, MODERATOR = Actor(7, "maker", "creator"), Actor(8, "mod", "moderator")
STRANGER, FRIEND = Actor(9, "somebody", "member"), Actor(10, "Friend", "member")
EVERYBODY = {"nobody": NOBODY, "stranger": STRANGER, "friend": FRIEND, "owner": OWNER, "moderator": MODERATOR}
GATED = {"early_access_until": LATER, "early_access_for": ("friend",)}


def answers(of_model: dict[str, Any], of_version: dict[str, Any], **rule: Any) -> dict[str, str]:
    """What each person is told; `yes` for a download."""
    given = {"state": "published", "published_at": NOON} | of_version
    found = version(10, **given)
    told: dict[str, str] = {}
    for name, actor in EVERYBODY.items():
        try:
            require_downloadable(model(1, found, **of_model), found, actor, NOON, **rule)
            told[name] = "yes"
        except Problem as problem:
            told[name] = f"{problem.status_code} {str(problem.type_).removeprefix(PROBLEM_TYPES)}"
    return told


def told(*, nobody: str, stranger: str, friend: str, owner: str, moderator: str) -> dict[str, str]:
    return {"nobody": nobody, "stranger": stranger, "friend": friend, "owner": owner, "moderator": moderator}


def everybody(word: str) -> dict[str, str]:
    return dict.fromkeys(EVERYBODY, word)


def insiders(word: str) -> dict[str, str]:
    return told(nobody=word, stranger=word, friend=word, owner="yes", moderator="yes")


NOT_FOUND, GONE, NO_GRANT = "404 not-found", "410 gone", "403 forbidden"
DISABLED, LOGIN, EARLY = f"403 {DOWNLOADS_DISABLED}", f"403 {LOGIN_NEEDED}", f"403 {EARLY_ACCESS}"
LOGGED_IN = told(nobody=LOGIN, stranger="yes", friend="yes", owner="yes", moderator="yes")


@pytest.mark.parametrize(
    ("of_model", "of_version", "expected"),
    [
        ({}, {}, everybody("yes")),
        ({"poi": True}, {}, insiders(NOT_FOUND)),
        ({"archived": True}, {}, everybody(GONE)),
        ({"taken_down": "stolen"}, {}, insiders(NOT_FOUND)),
        ({}, {"state": "draft", "published_at": None}, insiders(NOT_FOUND)),
        ({"deleted": True}, {}, {**everybody(NOT_FOUND), "moderator": "yes"}),
        ({}, {"usage_control": "Generation"}, everybody(DISABLED)),
        ({}, {"require_login": True}, LOGGED_IN),
        ({}, GATED, told(nobody=EARLY, stranger=EARLY, friend="yes", owner="yes", moderator="yes")),
        ({}, {**GATED, "early_access_until": NOON}, everybody("yes")),
        ({"availability": "Private"}, {}, insiders(NO_GRANT)),
        ({}, {"availability": "Private"}, insiders(NO_GRANT)),
        ({"availability": "Unsearchable"}, {}, everybody("yes")),
        # Of two reasons, the first of the published order is told.
        ({"poi": True, "archived": True}, {}, told(**{**everybody(NOT_FOUND), "owner": GONE, "moderator": GONE})),
        ({"archived": True, "deleted": True}, {}, everybody(GONE)),
        (
            {"taken_down": "x"},
            {"usage_control": "Generation"},
            {**insiders(NOT_FOUND), "owner": DISABLED, "moderator": DISABLED},
        ),
        ({}, {"usage_control": "Generation", "require_login": True}, everybody(DISABLED)),
        ({}, {**GATED, "require_login": True}, {**LOGGED_IN, "stranger": EARLY}),
    ],
)  # fmt: skip
def test_refusals(of_model: dict[str, Any], of_version: dict[str, Any], expected: dict[str, str]) -> None:
    assert answers(of_model, of_version) == expected


def test_an_operator_may_ask_everybody_to_sign_in() -> None:
    assert answers({}, {}, only_for_accounts=True) == LOGGED_IN


def test_early_access_says_when_it_ends() -> None:
    found = published(10, early_access_until=LATER)
    with pytest.raises(Problem, match=r"2026-03-01T13:00:00.123Z"):
        require_downloadable(model(1, found), found, STRANGER, NOON)
