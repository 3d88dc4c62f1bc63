"""`easel dead-letters` where there is nothing to talk to. With engines: tests/integration/plumbing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.errors import ExitCode
from tests.unit.cli.conftest import Easel


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No engines in the environment, and no hub in the state folder."""
    monkeypatch.delenv("EASEL_KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.setenv("EASEL_STATE", str(tmp_path / "none"))
    return tmp_path / "none"


def test_without_a_hub_it_says_where_it_looked_and_makes_nothing(easel: Easel, nowhere: Path) -> None:
    ran = easel("dead-letters", "list")
    assert ran.code == ExitCode.FAILED
    assert str(nowhere) in ran.err and "easel up" in ran.err
    assert not nowhere.exists()


@pytest.mark.parametrize("arguments", [(), ("--all", "easel.usage:0:0"), ("easel.usage:0:0", "--topic", "easel.usage")])
def test_a_replay_says_which_ones(easel: Easel, arguments: tuple[str, ...]) -> None:
    ran = easel("dead-letters", "replay", *arguments, "--json")
    assert ran.code == ExitCode.USAGE
    assert ran.json["error"]["exitCode"] == ExitCode.USAGE
