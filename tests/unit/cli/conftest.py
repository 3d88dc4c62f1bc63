"""A stand-in hub, a clean environment, and a way to run the command as its entry point does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.app import main
from tests.unit.cli.stand_in_hub import TOKEN, StandInHub, running_hub


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document; fails if there is anything else on stdout."""
        return json.loads(self.out)


Easel = Callable[..., Ran]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandInHub]:
    """A hub of its own for the test, named by the environment together with a fresh state folder and a key."""
    with running_hub() as hub:
        monkeypatch.setenv("EASEL_URL", hub.url)
        monkeypatch.setenv("EASEL_TOKEN", TOKEN)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        yield hub


@pytest.fixture
def easel(capsys: pytest.CaptureFixture[str]) -> Easel:
    """Run `easel ARGUMENTS…` in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ran(code=int(code), out=printed.out, err=printed.err)

    return run


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts are real but short, so that a test of many attempts stays fast."""
    import tenacity

    from cli import client, upload, waiting

    monkeypatch.setattr(client, "_backoff", tenacity.wait_fixed(0.01))
    monkeypatch.setattr(upload, "_wait_before_part", tenacity.wait_fixed(0.01))
    monkeypatch.setattr(waiting, "_pause", tenacity.wait_fixed(0.01))
