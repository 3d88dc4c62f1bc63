"""The smaller commands, and what holds for all: exit codes, one JSON document, a quick start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.app import app, main
from cli.errors import EXIT_CODE_HELP, ExitCode, NotFound, UsageInvalid
from cli.lookup import Meaning, meaning_of
from cli.output import size_text
from tests.unit.cli.conftest import Easel
from tests.unit.cli.stand_in_hub import StandInHub


class TestSearchAndGet:
    def test_search_prints_the_hubs_answer(self, hub: StandInHub, easel: Easel) -> None:
        hub.publish_directly(b"a")
        hub.publish_directly(b"b")
        ran = easel("search", "boat 2", "--json")
        assert [item["id"] for item in ran.json["items"]] == [2]

    def test_search_in_a_pipe_prints_a_line_for_each_model(self, hub: StandInHub, easel: Easel) -> None:
        hub.publish_directly(b"a")
        assert easel("search", "boat").out == "1\tBoat 1\tLORA\tSD 1.5\tmira\t3\t1\n"

    def test_finding_nothing_is_no_failure(self, hub: StandInHub, easel: Easel) -> None:
        ran = easel("search", "submarine")
        assert (ran.code, ran.out) == (0, "Nothing found.\n")

    def test_get_shows_a_published_model(self, hub: StandInHub, easel: Easel) -> None:
        hub.publish_directly(b"a")
        assert easel("get", 1, "--json").json["name"] == "Boat 1"
        assert "boat.safetensors" in easel("get", 1).out

    def test_get_shows_ones_own_draft(self, hub: StandInHub, easel: Easel) -> None:
        hub.publish_directly(b"a")
        hub.versions[1]["status"] = "Refused"
        hub.versions[1]["statusReason"] = "a file may run code"
        assert easel("get", 1, "--json").json["versions"][0]["status"] == "Refused"
        assert "a file may run code" in easel("get", 1).out
        assert "is Refused" in easel("get", "--version", 1).out

    def test_get_of_something_unknown_ends_with_3(self, hub: StandInHub, easel: Easel) -> None:
        assert easel("get", 5).code == 3
        assert easel("get", "ab" * 32).code == 3
        assert easel("get").code == 2


class TestWhatATargetMeans:
    @pytest.mark.parametrize(
        ("text", "meaning"),
        [
            ("12", Meaning(12, None)),
            ("2147483647", Meaning(2147483647, "2147483647")),
            ("2147483648", Meaning(None, "2147483648")),
            ("12345678", Meaning(12345678, "12345678")),
            ("C0FFEE1234", Meaning(None, "c0ffee1234")),
            ("0xC0FFEE1234", Meaning(None, "c0ffee1234")),
            ("AB" * 32, Meaning(None, "ab" * 32)),
            ("9" * 64, Meaning(None, "9" * 64)),
        ],
    )
    def test_ids_and_hashes(self, text: str, meaning: Meaning) -> None:
        assert meaning_of(text) == meaning

    @pytest.mark.parametrize("text", ["", "0", "-1", "boat", "abc", "²", "g" * 64, "12345678901"])
    def test_neither(self, text: str) -> None:
        with pytest.raises(UsageInvalid):
            meaning_of(text)


class TestOneJsonDocument:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("get", "5"),
            ("get",),
            ("nonsense",),
            ("search",),
            ("pull", "x"),
            ("publish", "x"),
            ("key",),
            ("review", "1", "t"),
        ],
    )
    def test_failures_and_wrong_arguments_are_one_too(
        self, hub: StandInHub, easel: Easel, arguments: tuple[str, ...]
    ) -> None:
        ran = easel(*arguments, "--json")
        error = ran.json["error"]
        assert ran.code == error["exitCode"] != 0
        assert {"type", "title", "detail"} <= error.keys()
        assert ran.err == ""

    def test_without_it_failures_go_to_stderr(self, hub: StandInHub, easel: Easel) -> None:
        ran = easel("get", 5)
        assert ran.out == "" and ran.err.startswith("error: ")

    def test_the_unexpected_is_reported_with_its_trace(
        self, hub: StandInHub, easel: Easel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cli.client.HubClient.get", lambda *_: 1 / 0)
        ran = easel("search", "x", "--json")
        assert ran.code == 1
        assert "ZeroDivisionError" in ran.json["error"]["detail"] and "Traceback" in ran.err

    def test_an_interrupt_ends_with_130(self, hub: StandInHub, easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("cli.client.HubClient.get", interrupt)
        ran = easel("search", "x", "--json")
        assert (ran.code, ran.json["error"]["exitCode"]) == (130, 130)


class TestTheEntry:
    def test_every_exit_code_is_explained_in_the_help(self, easel: Easel) -> None:
        shown = " ".join(easel("--help").out.split())
        assert set(EXIT_CODE_HELP) == set(ExitCode)
        for code, text in EXIT_CODE_HELP.items():
            assert f"{int(code)} {text}" in shown

    def test_no_arguments_show_the_help(self, easel: Easel) -> None:
        ran = easel()
        assert ran.code == 0 and "Usage: easel" in ran.out

    def test_the_help_does_not_load_what_only_commands_need(self) -> None:
        """Start-up time is kept by not importing, which a clock could only suggest."""
        program = (
            "import sys, cli.app; "
            "print(sorted({'httpx', 'rich', 'tenacity', 'msgspec', 'litestar', 'pydantic'} & set(sys.modules)))"
        )
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == "[]"

    def test_an_error_keeps_the_hubs_status(self) -> None:
        problem = NotFound("no model 5", status=404, extra={"modelId": 5}).problem()
        assert (problem["status"], problem["modelId"], problem["exitCode"]) == (404, 5, 3)

    def test_a_reader_that_leaves_is_no_accident(self, hub: StandInHub) -> None:
        for _ in range(60):
            hub.publish_directly(b"a")
        command = f"{sys.executable} -m cli.app search boat --limit 100 | head -n 1"
        ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        assert ran.stdout.startswith("1\tBoat 1") and ran.stderr == ""


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (7 * 2**30, "7.0 GiB"), (2**41, "2.0 TiB")],
)
def test_sizes_are_in_binary_units(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


class Recorder:
    """Answers every request with `answer` and keeps what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
        import httpx

        self.asked: list[tuple[str, str, Any]] = []

        def handle(request: httpx.Request) -> httpx.Response:
            body = json.loads(request.content) if request.content else None
            self.asked.append((request.method, request.url.raw_path.decode(), body))
            return httpx.Response(204) if answer is None else httpx.Response(201, json=answer)

        transport = httpx.MockTransport(handle)
        real = httpx.Client
        monkeypatch.setattr(httpx, "Client", lambda **options: real(**options, transport=transport))


class TestRequestsOfTheSmallCommands:
    @pytest.mark.parametrize(
        ("arguments", "request_made"),
        [
            (
                ("review", 4, "--up", "Lovely"),
                ("POST", "/api/hub/versions/4/reviews", {"recommended": True, "text": "Lovely"}),
            ),
            (
                ("review", 4, "--down", "Noisy"),
                ("POST", "/api/hub/versions/4/reviews", {"recommended": False, "text": "Noisy"}),
            ),
            (
                ("report", 5, "--reason", "stolen", "--details", "mine"),
                (
                    "POST",
                    "/api/hub/reports",
                    {"subjectType": "model", "subjectId": 5, "reason": "stolen", "details": "mine"},
                ),
            ),
            (
                ("takedown", 5, "--reason", "stolen"),
                ("POST", "/api/hub/moderation/takedowns", {"modelId": 5, "reason": "stolen"}),
            ),
            (
                ("account", "create", "mira", "--role", "creator"),
                ("POST", "/api/hub/accounts", {"username": "mira", "role": "creator"}),
            ),
            (("key", "create", "ci"), ("POST", "/api/hub/keys", {"name": "ci"})),
        ],
    )
    def test_posts(
        self, easel: Easel, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], request_made: object
    ) -> None:
        answer = {"id": 9, "username": "mira", "role": "creator", "name": "ci", "key": "s3cret"}
        recorder = Recorder(monkeypatch, answer)
        ran = easel(*arguments, "--json")
        assert (ran.code, ran.json) == (0, answer)
        assert recorder.asked == [request_made]

    @pytest.mark.parametrize(
        ("arguments", "path"),
        [
            (("restore", 5), "/api/hub/moderation/takedowns/5"),
            (("delete", 5, "--yes"), "/api/hub/models/5"),
            (("key", "revoke", "a/b"), "/api/hub/keys/a%2Fb"),
        ],
    )
    def test_deletes(
        self, easel: Easel, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], path: str
    ) -> None:
        recorder = Recorder(monkeypatch, None)
        ran = easel(*arguments, "--json")
        assert ran.code == 0 and isinstance(ran.json, dict)
        assert recorder.asked == [("DELETE", path, None)]

    def test_a_new_key_is_alone_on_stdout(self, easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
        """So that `EASEL_TOKEN=$(easel key create ci)` works."""
        Recorder(monkeypatch, {"id": 9, "name": "ci", "key": "s3cret"})
        assert easel("key", "create", "ci").out == "s3cret\n"

    def test_keys_are_listed(self, easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
        Recorder(monkeypatch, {"items": [{"id": 9, "name": "ci", "createdAt": "2026-01-01T00:00:00.000Z"}]})
        assert easel("key", "list").out == "9\tci\t2026-01-01T00:00:00.000Z\teverything\t\n"

    def test_a_review_needs_a_direction(self, easel: Easel) -> None:
        assert easel("review", 4, "Hm").code == 2


def test_the_application_can_be_extended(tmp_path: Path) -> None:
    """Other sub-commands register on `cli.app.app`; `main` runs them and takes their exit codes."""
    import typer

    registered = list(app.registered_commands)

    @app.command("extra")
    def extra() -> None:
        raise typer.Exit(6)

    try:
        assert main(["extra"]) == 6
    finally:
        app.registered_commands[:] = registered
