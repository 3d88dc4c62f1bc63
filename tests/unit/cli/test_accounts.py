"""`easel account` and `easel key`: what they ask of the hub, and how a password reaches it."""

from __future__ import annotations

import io

import pytest

from tests.unit.cli.conftest import Easel
from tests.unit.cli.test_commands import Recorder


def test_a_password_is_read_from_a_pipe_and_never_printed(easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch, {"username": "mira"})
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    ran = easel("account", "password", "--json")
    assert ran.code == 0
    assert ran.json == {"username": "mira", "passwordSet": True}
    assert "correct horse" not in ran.out + ran.err
    assert recorder.asked[0] == ("POST", "/api/hub/me/password", {"password": "correct horse battery"})


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("--role", "moderator"), {"role": "moderator"}),
        (("--restrict",), {"restricted": True}),
        (("--allow",), {"restricted": False}),
    ],
)
def test_an_account_is_changed_by_what_is_given_alone(
    easel: Easel, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], body: dict[str, object]
) -> None:
    answer = {"id": 7, "username": "mira", "role": "moderator", "restricted": True}
    recorder = Recorder(monkeypatch, answer)
    ran = easel("account", "change", 7, *arguments)
    assert (ran.code, ran.out) == (0, "account 7: mira (moderator, restricted)\n")
    assert recorder.asked == [("PATCH", "/api/hub/accounts/7", body)]


def test_a_key_may_be_limited_to_scopes_and_days(easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch, {"id": "k", "name": "ci", "key": "s3cret"})
    assert easel("key", "create", "ci", "--scope", "read", "--scope", "publish", "--days", 7).code == 0
    ((method, path, body),) = recorder.asked
    assert (method, path) == ("POST", "/api/hub/keys")
    assert body["scopes"] == ["read", "publish"]
    assert body["expiresAt"].endswith("+00:00")


def test_accounts_are_listed_to_the_last_page(easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"id": 7, "username": "mira", "role": "member", "restricted": True, "createdAt": "2026-05-01T00:00:00.000Z"}
    recorder = Recorder(monkeypatch, {"items": [row]})
    assert easel("account", "list").out == "7\tmira\tmember\trestricted\n"
    assert recorder.asked == [("GET", "/api/hub/accounts?cursor=0&limit=200", None)]
