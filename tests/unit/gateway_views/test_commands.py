"""Commands that pages show must be ones that the `easel` command takes."""

import shlex
from typing import Any

import pytest
import typer.main

from cli.app import app
from services.gateway.pages import PUBLISH_COMMAND
from services.gateway.views.commands import pull_command, report_commands, review_commands
from services.gateway.views.wire import read_model


@pytest.fixture
def commands(make_model: Any) -> list[str]:
    model = read_model(make_model())
    latest, older = model.model_versions
    return [
        PUBLISH_COMMAND,
        pull_command(model, latest),
        pull_command(model, older),
        review_commands(latest, "http://hub.example").cli,
        report_commands(model, "http://hub.example").cli,
    ]


def test_shown_commands_are_accepted(commands: list[str]) -> None:
    for line in commands:
        program, name, *arguments = shlex.split(line)
        assert program == "easel"
        group: Any = typer.main.get_command(app)
        group.commands[name].make_context(name, arguments)
