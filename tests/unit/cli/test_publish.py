"""`easel publish` against a hub over HTTP: the whole way, its breaks, and its refusals."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import tenacity

from cli.errors import HubUnavailable
from tests.unit.cli.conftest import Easel
from tests.unit.cli.stand_in_hub import PART_BYTES, StandInHub

CONTENT = bytes(range(256)) * 20  # 5120 bytes: five full parts and one of 120


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "harbour.safetensors"
    path.write_bytes(CONTENT)
    return path


def arguments(weights: Path, *more: object) -> tuple[object, ...]:
    named = ("--model-name", "Harbour Mix", "--type", "lora", "--base-model", "sd 1.5", "--json")
    return ("publish", weights, *named, *more)


class TestAWholePublication:
    def test_waiting_returns_when_the_version_is_public_and_found(
        self, hub: StandInHub, easel: Easel, weights: Path
    ) -> None:
        ran = easel(*arguments(weights, "--wait"))
        assert ran.code == 0, ran
        report = ran.json
        assert report["status"] == "Published" and report["findable"]
        assert report["files"][0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
        assert report["files"][0]["verdict"] == "clean"
        assert (report["modelId"], report["versionId"]) == (1, 11)
        assert hub.content[report["files"][0]["id"]] == CONTENT
        assert hub.versions[11]["found"] == hub.faults.polls_until_found + 1

    def test_without_waiting_it_returns_while_the_hub_still_examines(
        self, hub: StandInHub, easel: Easel, weights: Path
    ) -> None:
        report = easel(*arguments(weights)).json
        assert report["status"] == "Scanning"
        assert report["files"][0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()

    def test_values_are_sent_spelled_as_the_hub_spells_them(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        words = ("--tag", "sea", "--tag", "boats", "--trained-word", "harbr", "--description", "Soft light.")
        easel(*arguments(weights, *words, "--base-version", 7, "--version-name", "night"))
        model = {"name": "Harbour Mix", "type": "LORA", "description": "Soft light.", "tags": ["sea", "boats"]}
        version = {"name": "night", "baseModel": "SD 1.5", "trainedWords": ["harbr"], "baseVersionId": 7}
        assert hub.bodies == [model, version]

    def test_a_version_is_added_to_an_existing_model(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        model_id = hub.publish_directly(b"first")
        ran = easel("publish", weights, "--model", model_id, "--base-model", "Pony", "--wait", "--json")
        assert ran.json["modelId"] == model_id
        assert hub.bodies == [{"name": "v2.0", "baseModel": "Pony"}]

    def test_people_read_ids_and_address(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        ran = easel("publish", weights, "--model-name", "H", "--type", "LORA", "--base-model", "Pony", "--wait")
        assert "model 1, version 11: Published" in ran.out
        assert f"{hub.url}/versions/11" in ran.out
        assert "search does not find it yet" in ran.err


class TestBreaks:
    def test_a_part_that_fails_is_sent_again(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        hub.faults.put_failures[3] = 4
        assert easel(*arguments(weights)).code == 0
        assert sorted(hub.puts) == [1, 2, 3, 4, 5, 6]

    def test_the_next_run_goes_on_with_the_same_draft_and_sends_only_what_is_missing(
        self, hub: StandInHub, easel: Easel, weights: Path
    ) -> None:
        hub.faults.put_failures[6] = 5
        first = easel(*arguments(weights))
        assert first.code == 6
        assert first.json["error"]["versionId"] == 11
        assert "part 6" in first.json["error"]["detail"]
        stored = {part["number"] for part in hub.uploads["up-1"]["parts"]}
        hub.puts.clear()

        second = easel(*arguments(weights, "--wait"))
        assert second.code == 0, second
        assert second.json["resumed"] and second.json["versionId"] == 11
        assert set(hub.puts) == {1, 2, 3, 4, 5, 6} - stored
        assert hub.content[101] == CONTENT
        assert (len(hub.models), len(hub.versions), len(hub.uploads)) == (1, 1, 1)

    def test_ctrl_c_ends_at_once_and_the_next_run_goes_on(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        """Even while the store does not answer: a hanging connection must not hold the command."""
        hub.faults.hold_part = 6
        command = [sys.executable, "-m", "cli.app", *map(str, arguments(weights))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
        wait_until(lambda: len(hub.puts) == 5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 130, err
        # The store may have parts whose answer the command did not see any more.
        assert re.search(rb"[1-5] of 6 parts", out) and b"Run the same command again" in out

        hub.faults.hold_part = None
        hub.puts.clear()
        assert easel(*arguments(weights)).json["versionId"] == 11
        assert hub.puts == [6]

    def test_after_a_lost_answer_it_says_that_the_same_command_goes_on(
        self, hub: StandInHub, easel: Easel, weights: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lost(*_arguments: object) -> NoReturn:
            raise HubUnavailable("the connection broke", hint="The hub may have done it: look before you repeat.")

        with monkeypatch.context() as patch:
            patch.setattr("cli.publication.open_upload", lost)
            ran = easel(*arguments(weights))
        assert ran.code == 6
        assert ran.json["error"]["hint"] == "Model 1, version 11 remains. Run the same command again to go on."
        assert easel(*arguments(weights)).json["versionId"] == 11

    def test_a_part_that_the_store_lost_is_sent_again_at_the_end(
        self, hub: StandInHub, easel: Easel, weights: Path
    ) -> None:
        hub.faults.lose_part_at_complete = 2
        assert easel(*arguments(weights)).code == 0
        assert sorted(hub.puts) == [1, 2, 2, 3, 4, 5, 6]

    def test_a_finished_publication_is_not_made_twice(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        easel(*arguments(weights, "--wait"))
        again = easel(*arguments(weights, "--wait")).json
        assert (again["status"], again["resumed"], len(hub.versions)) == ("Published", True, 1)

    def test_a_changed_file_is_another_publication(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        easel(*arguments(weights))
        weights.write_bytes(CONTENT + b"more")
        assert not easel(*arguments(weights)).json["resumed"]
        assert len(hub.models) == 2

    def test_a_hub_that_was_reset_gets_a_new_draft(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        easel(*arguments(weights))
        hub.models.clear()
        hub.versions.clear()
        hub.uploads.clear()
        hub.publish_directly(b"someone else's")
        assert easel(*arguments(weights, "--wait")).json["status"] == "Published"
        assert len(hub.models) == 2

    def test_waiting_gives_up_and_says_how_far_it_came(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        hub.faults.polls_until_verdict = 10**9
        ran = easel(*arguments(weights, "--wait", "--timeout", 1))
        assert ran.code == 8
        assert "harbour.safetensors pending" in ran.json["error"]["detail"]
        assert ran.json["error"]["versionId"] == 11

    def test_bytes_that_arrive_changed_end_with_7(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        hub.faults.damage_at_complete = True
        ran = easel(*arguments(weights, "--wait"))
        assert ran.code == 7
        assert hashlib.sha256(CONTENT).hexdigest() in ran.json["error"]["detail"]

    def test_names_are_compared_in_one_normal_form(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        decomposed = weights.with_name("Hu\u0308tte.safetensors")  # as macOS writes it
        weights.rename(decomposed)
        hub.faults.put_failures[6] = 5
        assert easel(*arguments(decomposed)).code == 6
        assert easel(*arguments(decomposed)).code == 0
        assert [upload["name"] for upload in hub.uploads.values()] == ["H\u00fctte.safetensors"]


class TestRefusals:
    def test_a_dangerous_file_ends_with_4_and_its_findings(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        hub.faults.verdict = "dangerous"
        ran = easel(*arguments(weights, "--wait"))
        assert ran.code == 4
        error = ran.json["error"]
        assert "imports os.system" in error["detail"] and "data.pkl:0" in error["detail"]
        assert error["files"][0]["findings"][0]["code"] == "pickle.import"
        assert (error["modelId"], error["exitCode"]) == (1, 4)
        assert "draft remains" in error["hint"]

    def test_a_refused_publication_stays_refused_without_sending_it_again(
        self, hub: StandInHub, easel: Easel, weights: Path
    ) -> None:
        hub.faults.verdict = "dangerous"
        easel(*arguments(weights, "--wait"))
        hub.puts.clear()
        assert easel(*arguments(weights)).code == 4
        assert hub.puts == []

    def test_a_scan_that_could_not_be_finished_is_tried_again(
        self, hub: StandInHub, easel: Easel, weights: Path
    ) -> None:
        hub.faults.verdict = "failed"
        first = easel(*arguments(weights, "--wait"))
        assert first.code == 4 and "scanned anew" in first.json["error"]["hint"]
        hub.faults.verdict = "clean"
        assert easel(*arguments(weights, "--wait")).json["status"] == "Published"
        assert len(hub.versions) == 1

    @pytest.mark.parametrize("fault", ["refuse_version", "refuse_upload"])
    def test_a_model_made_for_a_version_that_the_hub_refuses_is_removed(
        self, hub: StandInHub, easel: Easel, weights: Path, fault: str
    ) -> None:
        setattr(hub.faults, fault, {"errors": [{"field": "name", "message": "is taken"}]})
        ran = easel(*arguments(weights))
        assert ran.code == 2
        assert "name: is taken" in ran.json["error"]["detail"]
        assert ran.json["error"]["draftRemoved"] and hub.models == {}

    def test_an_existing_model_is_never_removed(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        model_id = hub.publish_directly(b"first")
        hub.faults.refuse_version = {}
        assert easel("publish", weights, "--model", model_id, "--base-model", "Pony").code == 2
        assert model_id in hub.models

    def test_without_a_key_it_ends_with_5(
        self, hub: StandInHub, easel: Easel, weights: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("EASEL_TOKEN")
        ran = easel(*arguments(weights))
        assert ran.code == 5
        assert "EASEL_TOKEN" in ran.json["error"]["hint"]


class TestValidationBeforeAnythingIsMade:
    def test_unusable_files_are_refused(self, hub: StandInHub, easel: Easel, tmp_path: Path) -> None:
        empty = tmp_path / "empty.safetensors"
        empty.touch()
        for path, reason in ((tmp_path / "no.ckpt", "No such file"), (empty, "empty"), (tmp_path, "folder")):
            ran = easel(*arguments(path))
            assert ran.code == 2 and reason in ran.json["error"]["detail"]
        assert hub.requests == []

    def test_two_files_of_one_name_are_refused(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        other = weights.parent / "other"
        other.mkdir()
        (other / weights.name).write_bytes(b"x")
        ran = easel(*arguments(weights, other / weights.name))
        assert ran.code == 2 and "two of the files" in ran.json["error"]["detail"]

    @pytest.mark.parametrize(
        ("missing", "given"),
        [
            ("--model-name", ("--type", "LORA", "--base-model", "Pony")),
            ("--type", ("--model-name", "x", "--base-model", "Pony")),
            ("--base-model", ("--model-name", "x", "--type", "LORA")),
        ],
    )
    def test_a_missing_option_is_named(
        self, hub: StandInHub, easel: Easel, weights: Path, missing: str, given: tuple[str, ...]
    ) -> None:
        ran = easel("publish", weights, *given, "--json")
        assert ran.code == 2 and missing in ran.json["error"]["detail"]
        assert hub.requests == []

    def test_a_name_for_an_existing_model_is_a_contradiction(
        self, hub: StandInHub, easel: Easel, weights: Path
    ) -> None:
        ran = easel("publish", weights, "--model", 1, "--model-name", "x", "--base-model", "Pony", "--json")
        assert ran.code == 2 and "--model-name" in ran.json["error"]["detail"]

    def test_an_unknown_base_model_gets_a_suggestion(self, hub: StandInHub, easel: Easel, weights: Path) -> None:
        ran = easel("publish", weights, "--model-name", "x", "--type", "LORA", "--base-model", "SDXL", "--json")
        assert ran.code == 2 and "SDXL 1.0" in ran.json["error"]["hint"]
        assert hub.models == {}


def wait_until(condition: Callable[[], bool]) -> None:
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_delay(15),
        wait=tenacity.wait_fixed(0.02),
        retry=tenacity.retry_if_result(lambda is_so: not is_so),
    )
    retrying(condition)


def test_the_parts_of_the_stand_in_are_smaller_than_the_file() -> None:
    assert len(CONTENT) > 5 * PART_BYTES
