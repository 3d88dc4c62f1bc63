"""`easel search-index rebuild`: what it asks for, and how it watches."""

from __future__ import annotations

from typing import Any

import pytest

from cli.client import HubClient
from tests.unit.cli.conftest import Easel

DONE: dict[str, Any] = {
    "id": "r", "askedAt": "2026-03-01T12:00:00.000Z", "total": 40, "done": 40, "endedAt": "2026-03-01T12:00:03.000Z",
}  # fmt: skip
OPEN: dict[str, Any] = {**DONE, "done": 20, "endedAt": None}


class Hub:
    """Answers a rebuild that is done after some looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
        self.asked = 0
        self.looks = looks
        monkeypatch.setattr(HubClient, "post", self._post)
        monkeypatch.setattr(HubClient, "get", self._get)
        monkeypatch.setattr("cli.search_index._POLL_SECONDS", 0.001)

    def _post(self, path: str, _body: Any, _kind: type) -> dict[str, Any]:
        assert path == "/api/hub/search/rebuild"
        self.asked += 1
        return {**OPEN, "done": 0}

    def _get(self, path: str, _kind: type) -> dict[str, Any]:
        assert path == "/api/hub/search/rebuild"
        self.looks -= 1
        return DONE if self.looks <= 0 else OPEN


def test_it_asks_once_and_waits_until_the_index_is_made(easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch, looks=3)
    assert easel("search-index", "rebuild").out == "search index made again: 40 of 40 models\n"
    assert (hub.asked, hub.looks) == (1, 0)


def test_it_only_watches_with_follow_and_does_not_wait_if_told_so(
    easel: Easel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(monkeypatch, looks=1)
    assert easel("search-index", "rebuild", "--follow", "--json").json == DONE
    assert hub.asked == 0
    assert easel("search-index", "rebuild", "--no-wait", "--json").json == {**OPEN, "done": 0}


def test_a_rebuild_that_takes_too_long_says_how_to_watch_on(easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(monkeypatch, looks=10_000)
    ran = easel("search-index", "rebuild", "--timeout", "0")
    assert ran.code != 0 and "--follow" in ran.err
