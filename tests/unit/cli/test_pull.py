"""`easel pull`: resumed, verified, and never under its name before it is right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from cli.errors import CommandFailed
from tests.unit.cli.conftest import Easel
from tests.unit.cli.stand_in_hub import StandInHub

CONTENT = bytes(range(256)) * 40  # 10240 bytes
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def model_id(hub: StandInHub) -> int:
    return hub.publish_directly(CONTENT)


def leave_part(folder: Path, content: bytes, *, sha256: str = DIGEST, etag: str | None = None) -> None:
    """What an interrupted pull leaves behind."""
    folder.mkdir(exist_ok=True)
    (folder / "boat.safetensors.part").write_bytes(content)
    stored_etag = f'"{hashlib.md5(CONTENT).hexdigest()}"' if etag is None else etag
    note = {"sha256": sha256, "sizeBytes": len(CONTENT), "etag": stored_etag}
    (folder / "boat.safetensors.part.json").write_text(json.dumps(note))


class TestTargets:
    @pytest.mark.parametrize("target", ["1", DIGEST, DIGEST.upper(), DIGEST[:10], "0x" + DIGEST])
    def test_by_id_and_by_any_hash(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path, target: str
    ) -> None:
        ran = easel("pull", target, "-o", tmp_path / "new" / "folder", "--json")
        assert ran.code == 0, ran
        file = ran.json["files"][0]
        assert Path(file["path"]).read_bytes() == CONTENT
        assert (file["sha256"], file["status"], ran.json["modelId"]) == (DIGEST, "downloaded", 1)

    def test_by_version(self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path) -> None:
        assert easel("pull", "--version", 1, "-o", tmp_path, "--json").json["versionId"] == 1

    def test_a_version_of_another_model_is_refused(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        hub.publish_directly(b"other")
        assert easel("pull", 2, "--version", 1, "-o", tmp_path).code == 2

    def test_unknown_ones_end_with_3(self, hub: StandInHub, easel: Easel, tmp_path: Path) -> None:
        ran = easel("pull", 77, "-o", tmp_path, "--json")
        assert ran.code == 3 and "No model with id 77" in ran.json["error"]["detail"]

    def test_only_the_primary_file_unless_all_are_wanted(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        hub.content[50] = b"steps: 20"
        digest = hashlib.sha256(hub.content[50]).hexdigest()
        hub.versions[1]["files"].append({"id": 50, "name": "boat.yaml", "sizeBytes": 9, "sha256": digest})
        easel("pull", 1, "-o", tmp_path / "one")
        easel("pull", 1, "-o", tmp_path / "all", "--all")
        easel("pull", digest, "-o", tmp_path / "hash")
        assert names(tmp_path / "one") == ["boat.safetensors"]
        assert names(tmp_path / "all") == ["boat.safetensors", "boat.yaml"]
        assert names(tmp_path / "hash") == ["boat.yaml"]


class TestResuming:
    def test_a_broken_connection_goes_on_where_it_broke(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        hub.faults.cut_downloads_after = [4000, 3000]
        ran = easel("pull", 1, "-o", tmp_path, "--json")
        assert ran.code == 0, ran
        assert hub.range_headers == ["", "bytes=4000-", "bytes=7000-"]
        assert (tmp_path / "boat.safetensors").read_bytes() == CONTENT
        assert names(tmp_path) == ["boat.safetensors"]

    def test_the_next_run_goes_on_from_the_part(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        leave_part(tmp_path, CONTENT[:6000])
        assert easel("pull", 1, "-o", tmp_path).code == 0
        assert hub.range_headers == ["bytes=6000-"]

    def test_a_complete_part_only_needs_its_name(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        leave_part(tmp_path, CONTENT)
        assert easel("pull", 1, "-o", tmp_path).code == 0
        assert hub.range_headers == []

    def test_a_store_that_ignores_ranges_does_not_double_the_file(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        hub.faults.ignore_ranges = True
        leave_part(tmp_path, CONTENT[:6000])
        assert easel("pull", 1, "-o", tmp_path).code == 0
        assert (tmp_path / "boat.safetensors").read_bytes() == CONTENT

    def test_a_part_of_other_stored_bytes_is_started_anew_by_its_etag(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        leave_part(tmp_path, b"?" * 6000, etag='"an-older-object"')
        assert easel("pull", 1, "-o", tmp_path).code == 0
        assert hub.range_headers == ["bytes=6000-"]
        assert (tmp_path / "boat.safetensors").read_bytes() == CONTENT

    def test_a_part_of_another_file_is_thrown_away(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        leave_part(tmp_path, b"?" * 6000, sha256="0" * 64)
        assert easel("pull", 1, "-o", tmp_path).code == 0
        assert hub.range_headers == [""]

    def test_no_more_bytes_in_many_attempts_ends_with_6_and_keeps_the_part(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cli.download.ATTEMPTS_WITHOUT_PROGRESS", 2)
        hub.faults.cut_downloads_after = [4000, 0, 0, 0, 0]
        ran = easel("pull", 1, "-o", tmp_path, "--json")
        assert ran.code == 6
        assert (tmp_path / "boat.safetensors.part").stat().st_size == 4000
        assert names(tmp_path) == ["boat.safetensors.part", "boat.safetensors.part.json"]

    def test_ctrl_c_keeps_what_has_arrived(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(_: object, size_bytes: int) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as during:
            during.setattr("cli.output.SilentProgress.advance", interrupt)
            ran = easel("pull", 1, "-o", tmp_path, "--json")
        assert ran.code == 130 and "same command" in ran.json["error"]["hint"]
        assert (tmp_path / "boat.safetensors.part").stat().st_size > 0
        assert easel("pull", 1, "-o", tmp_path).code == 0


class TestVerification:
    def test_wrong_bytes_end_with_7_and_leave_nothing(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        hub.faults.serve_instead = b"x" * len(CONTENT)
        ran = easel("pull", 1, "-o", tmp_path, "--json")
        assert ran.code == 7
        assert ran.json["error"]["expectedSha256"] == DIGEST
        assert names(tmp_path) == []

    def test_a_damaged_part_is_noticed(self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path) -> None:
        leave_part(tmp_path, b"?" + CONTENT[1:6000])
        assert easel("pull", 1, "-o", tmp_path).code == 7
        assert easel("pull", 1, "-o", tmp_path).code == 0

    def test_a_file_that_is_there_already_is_not_fetched(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        (tmp_path / "boat.safetensors").write_bytes(CONTENT)
        assert easel("pull", 1, "-o", tmp_path, "--json").json["files"][0]["status"] == "present"
        assert hub.range_headers == []

    def test_another_file_of_that_name_is_kept_unless_told(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        target = tmp_path / "boat.safetensors"
        target.write_bytes(b"mine")
        assert easel("pull", 1, "-o", tmp_path).code == 1
        assert target.read_bytes() == b"mine"
        assert easel("pull", 1, "-o", tmp_path, "--overwrite").code == 0
        assert target.read_bytes() == CONTENT

    def test_the_key_is_not_sent_to_the_store(
        self, hub: StandInHub, easel: Easel, model_id: int, tmp_path: Path
    ) -> None:
        """The stand-in's store answers 400 to a key, as S3 stores do."""
        assert easel("pull", 1, "-o", tmp_path).code == 0
        assert ("GET", "/store/file/1") in hub.requests


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("a.safetensors", "a.safetensors"),
        ("../../.bashrc", ".bashrc"),
        ("C:\\x\\a.pt", "a.pt"),
        ("/etc/passwd", "passwd"),
    ],
)
def test_a_name_from_the_hub_stays_in_the_folder(named: str, kept: str) -> None:
    from cli.download import safe_name

    assert safe_name(named) == kept


@pytest.mark.parametrize("named", ["", "..", "a/..", "a/", "a\x00b", "a\nb"])
def test_a_name_that_is_none_is_refused(named: str) -> None:
    from cli.download import safe_name

    with pytest.raises(CommandFailed):
        safe_name(named)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())
