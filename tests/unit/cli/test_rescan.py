"""`easel rescan`: which files it asks for, and how it watches."""

from __future__ import annotations

from typing import Any

import pytest

from cli.client import HubClient
from tests.unit.cli.conftest import Easel

DONE: dict[str, Any] = {
    "id": 3, "askedBy": "root", "createdAt": "2026-03-01T12:00:00.000Z", "files": 4, "filesLeft": 0,
    "sizeBytes": 4096, "bytesLeft": 0, "clean": 3, "refused": 1, "failed": 0,
}  # fmt: skip


class Hub:
    """Answers a rescan that is done after some looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
        self.bodies: list[Any] = []
        self.looks = looks
        monkeypatch.setattr(HubClient, "create", self._create)
        monkeypatch.setattr(HubClient, "get", self._get)
        monkeypatch.setattr("cli.rescan._POLL_SECONDS", 0.001)

    def _create(self, path: str, body: Any, _kind: type) -> dict[str, Any]:
        assert path == "/api/hub/moderation/rescans"
        self.bodies.append(body)
        return {**DONE, "filesLeft": 4, "bytesLeft": 4096}

    def _get(self, path: str, _kind: type) -> dict[str, Any]:
        assert path == "/api/hub/moderation/rescans/3"
        self.looks -= 1
        return DONE if self.looks <= 0 else {**DONE, "filesLeft": 1, "bytesLeft": 1024}


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ((), {"all": False, "sha256": []}),
        (("--all",), {"all": True, "sha256": []}),
        (("--rules-older-than", "2026-11-24"), {"all": False, "sha256": [], "rulesOlderThan": "2026-11-24"}),
        (("--version", 12), {"all": False, "sha256": [], "versionId": 12}),
        (("--sha256", "ab", "--sha256", "cd"), {"all": False, "sha256": ["ab", "cd"]}),
    ],
)
def test_it_asks_for_the_files_that_are_meant(
    easel: Easel, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], asked: object
) -> None:
    hub = Hub(monkeypatch, looks=3)
    ran = easel("rescan", *arguments, "--json")
    assert (ran.code, ran.json, hub.bodies) == (0, DONE, [asked])


def test_it_says_what_has_come_of_it(easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(monkeypatch, looks=1)
    assert easel("rescan", "--all").out == "rescan 3: 4 of 4 files, 3 clean, 1 refused\n"


def test_it_can_only_be_started_or_only_be_watched(easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch, looks=2)
    assert easel("rescan", "--no-wait", "--json").json["filesLeft"] == 4
    assert easel("rescan", "--follow", 3, "--json").json == DONE
    assert len(hub.bodies) == 1


def test_waiting_ends_with_how_to_watch_on(easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(monkeypatch, looks=10**9)
    ran = easel("rescan", "--timeout", 0.01, "--json")
    assert ran.code == 8 and "--follow 3" in ran.json["error"]["hint"]


def test_two_ways_to_say_which_are_refused(easel: Easel) -> None:
    assert easel("rescan", "--all", "--version", 1).code == 2
