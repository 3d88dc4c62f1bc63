import shlex
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.gateway.views.files import badge_state, file_view, file_views, is_pickle, pick_download
from services.gateway.views.wire import File, HubFile, HubVersion, Version


def _file(answer: dict[str, Any]) -> File:
    return msgspec.convert(answer, File)


def _hub_file(state: str, findings: list[dict[str, Any]] | None = None) -> HubFile:
    return msgspec.convert({"id": 31, "name": "x", "state": state, "findings": findings or []}, HubFile)


@pytest.mark.parametrize(
    ("pickle", "virus", "state"),
    [
        ("Success", "Success", "clean"),
        ("Success", "Pending", "pending"),
        ("Pending", "Pending", "pending"),
        ("Success", "Danger", "dangerous"),
        ("Danger", "Error", "dangerous"),
        ("Error", "Success", "failed"),
        ("Success", "Skipped", "pending"),
    ],
)
def test_badge_is_the_worse_of_both_results(make_file: Any, pickle: str, virus: str, state: str) -> None:
    file = _file(make_file(pickleScanResult=pickle, virusScanResult=virus))
    assert badge_state(file, None) == state


@pytest.mark.parametrize("state", ["uploading", "pending", "dangerous", "invalid", "failed"])
def test_only_a_clean_file_has_a_download(make_file: Any, state: str) -> None:
    view = file_view(_file(make_file()), _hub_file(state))
    assert view.download_url is None
    assert view.download_command is None
    assert view.badge.state != "clean"


def test_clean_file_says_when_it_was_scanned(make_file: Any) -> None:
    view = file_view(_file(make_file()), _hub_file("clean"))
    assert view.download_url == "http://hub.example:8000/api/download/models/12"
    assert view.badge.text == "Scanned, clean"
    assert view.badge.scanned is not None
    assert view.badge.scanned.text == "11 Feb 2026"


def test_clean_without_an_antivirus_says_so(make_file: Any) -> None:
    view = file_view(_file(make_file(virusScanResult="Pending")), _hub_file("clean"))
    assert view.badge.text == "Scanned, clean; not virus scanned"
    assert view.download_url is not None


@pytest.mark.parametrize(
    ("name", "format_name", "expected"),
    [
        ("a.safetensors", "SafeTensor", False),
        ("a.ckpt", "PickleTensor", True),
        ("A.CKPT", None, True),
        ("a.pt", "Other", True),
        ("a.gguf", "GGUF", False),
    ],
)
def test_pickles_are_known_by_format_or_name(
    make_file: Any, name: str, format_name: str | None, expected: bool
) -> None:
    metadata = {"format": format_name} if format_name else {}
    assert is_pickle(_file(make_file(name=name, metadata=metadata))) is expected


def test_findings_of_the_scan_are_shown(make_file: Any) -> None:
    finding = {"code": "import-not-allowed", "location": "data.pkl > 12", "message": "Calls os.system"}
    view = file_view(_file(make_file()), _hub_file("dangerous", [finding]))
    assert [(found.code, found.location) for found in view.findings] == [("import-not-allowed", "data.pkl > 12")]


def test_traits_leave_out_what_goes_without_saying(make_file: Any) -> None:
    view = file_view(_file(make_file(metadata={"format": "GGUF", "quantType": "Q4_K_M", "fp": "None"})), None)
    assert view.traits == ("GGUF", "Q4_K_M")


def test_hashes_come_in_a_fixed_order(make_file: Any) -> None:
    hashes = {"CRC32": "1", "BLAKE3": "2", "SHA256": "3", "AutoV2": "4", "Other": "5"}
    view = file_view(_file(make_file(hashes=hashes)), None)
    assert [name for name, _ in view.hashes] == ["SHA256", "AutoV2", "CRC32", "BLAKE3"]


@pytest.mark.parametrize("name", ["a b.safetensors", "$(touch pwned).safetensors", "it's; rm -rf ~.ckpt", "-o.ckpt"])
def test_commands_treat_the_name_as_one_word(make_file: Any, name: str) -> None:
    view = file_view(_file(make_file(name=name)), None)
    assert view.download_command is not None
    assert shlex.split(view.download_command) == ["curl", "-L", "-C", "-", "-o", name, view.download_url]


def test_check_command_accepts_the_right_bytes_and_refuses_others(make_file: Any, tmp_path: Path) -> None:
    sha256_of_hello = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
    view = file_view(_file(make_file(name="my model.bin", hashes={"SHA256": sha256_of_hello})), None)
    assert view.check_command is not None

    def check(content: bytes) -> int:
        (tmp_path / "my model.bin").write_bytes(content)
        return subprocess.run(["sh", "-c", view.check_command or ""], cwd=tmp_path, check=False).returncode

    assert check(b"hello") == 0
    assert check(b"hell0") != 0


def test_primary_file_comes_first_and_is_picked(make_file: Any, make_version: Any) -> None:
    files = [make_file(id=1, primary=False), make_file(id=2)]
    views = file_views(msgspec.convert(make_version(files=files), Version), None)
    assert [view.id for view in views] == [2, 1]
    picked = pick_download(views)
    assert picked is not None
    assert picked.id == 2


def test_next_clean_file_is_picked_where_the_primary_is_not_clean(make_file: Any, make_version: Any) -> None:
    version = msgspec.convert(make_version(files=[make_file(id=1), make_file(id=2, primary=False)]), Version)
    hub = msgspec.convert(
        {"id": 12, "name": "v", "status": "Published", "files": [{"id": 1, "name": "x", "state": "failed"}]}, HubVersion
    )
    picked = pick_download(file_views(version, hub))
    assert picked is not None
    assert picked.id == 2


def test_no_file_is_picked_where_none_is_clean(make_file: Any, make_version: Any) -> None:
    version = msgspec.convert(make_version(files=[make_file(virusScanResult="Danger")]), Version)
    assert pick_download(file_views(version, None)) is None
