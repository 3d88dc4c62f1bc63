"""`easel scan`: one line for each file, whatever the files and folders are like."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from cli.found_files import find_files
from tests.unit.cli.conftest import Easel, Ran
from tests.unit.upload_scan.samples import hostile_pickle, safetensors, torch_zip

ROOT = Path(__file__).resolve().parents[3]
CLEAN = safetensors({"w": ("U8", (3_000_000,))})


def by_name(ran: Ran) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in ran.out.splitlines()]
    return {Path(line["path"]).name: line for line in lines}


def test_clean_files_end_with_0_and_carry_their_hashes(easel: Easel, tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(CLEAN)
    (tmp_path / "b.pt").write_bytes(torch_zip())
    ran = easel("scan", tmp_path, "--json")
    assert ran.code == 0
    found = by_name(ran)
    assert {name: line["verdict"] for name, line in found.items()} == {"a.safetensors": "clean", "b.pt": "clean"}
    assert found["a.safetensors"]["hashes"].keys() == {"SHA256", "AutoV1", "AutoV2", "AutoV3", "CRC32", "BLAKE3"}
    assert found["b.pt"]["format"] == "torch_zip"


def test_something_dangerous_ends_with_1_also_beside_something_invalid(easel: Easel, tmp_path: Path) -> None:
    (tmp_path / "clean.safetensors").write_bytes(CLEAN)
    (tmp_path / "cut.safetensors").write_bytes(CLEAN[:-1])
    (tmp_path / "evil.ckpt").write_bytes(torch_zip(hostile_pickle(2)))
    ran = easel("scan", tmp_path, "--json")
    assert ran.code == 1
    assert {name: line["verdict"] for name, line in by_name(ran).items()} == {
        "clean.safetensors": "clean",
        "cut.safetensors": "invalid",
        "evil.ckpt": "dangerous",
    }
    assert "getcwd" in json.dumps(by_name(ran)["evil.ckpt"]["findings"])


def test_something_invalid_alone_ends_with_2(easel: Easel, tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(CLEAN[:-1])
    assert easel("scan", tmp_path / "cut.safetensors").code == 2


def test_without_json_a_person_reads_verdict_path_and_reason(easel: Easel, tmp_path: Path) -> None:
    (tmp_path / "evil.ckpt").write_bytes(torch_zip(hostile_pickle(2)))
    ran = easel("scan", tmp_path)
    assert ran.out.startswith(f"dangerous  {tmp_path}/evil.ckpt  (torch_zip, ")
    assert "Re-save as safetensors" in ran.out
    assert "1 file: 1 dangerous" in ran.err


def test_no_bad_file_stops_the_rest(easel: Easel, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    os.mkfifo(folder / "a-pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "b-socket"))
        (folder / "c-broken-link").symlink_to(tmp_path / "gone")
        (folder / "d-ring").symlink_to("d-ring")
        (folder / "e-empty.pt").touch()
        (folder / "f-loop").symlink_to(folder)
        (folder / "z.safetensors").write_bytes(CLEAN)
        ran = easel("scan", tmp_path / "missing", folder, "/dev/null", "--json")
    assert ran.code == 2
    found = {name: (line["verdict"], [f["code"] for f in line["findings"]]) for name, line in by_name(ran).items()}
    assert found == {
        "missing": ("invalid", ["file.missing"]),
        "a-pipe": ("invalid", ["file.special"]),
        "b-socket": ("invalid", ["file.special"]),
        "c-broken-link": ("invalid", ["file.link"]),
        "d-ring": ("invalid", ["file.link"]),
        "e-empty.pt": ("invalid", ["file.empty"]),
        "z.safetensors": ("clean", []),
        "null": ("invalid", ["file.special"]),
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_invalid(easel: Easel, tmp_path: Path) -> None:
    (tmp_path / "secret.pt").touch(mode=0)
    (tmp_path / "folder").mkdir(mode=0)
    ran = easel("scan", tmp_path, "--json")
    assert ran.code == 2
    assert {line["findings"][0]["code"] for line in by_name(ran).values()} == {"file.unreadable"}


def test_a_file_that_has_gone_since_it_was_found_is_invalid(
    easel: Easel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.safetensors").write_bytes(CLEAN)
    (tmp_path / "b.safetensors").write_bytes(CLEAN)

    def find_then_lose(paths: list[str]) -> list[object]:
        found = list(find_files(paths))
        (tmp_path / "a.safetensors").unlink()
        return list(found)

    monkeypatch.setattr("cli.scanned.find_files", find_then_lose)
    found = by_name(easel("scan", tmp_path, "--json"))
    assert [line["verdict"] for line in found.values()] == ["invalid", "clean"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_come_through(easel: Easel, tmp_path: Path) -> None:
    names = [
        b"caf\xe9.safetensors",
        b"new\nline.safetensors",
        "モデル.safetensors".encode(),
        b"-x \x1b[31m.safetensors",
    ]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(CLEAN)
    ran = easel("scan", tmp_path, "--json")
    assert ran.code == 0
    assert sorted(os.fsencode(name) for name in by_name(ran)) == sorted(names)
    assert "\x1b" not in easel("scan", tmp_path).out


def test_hundreds_of_files_are_reported_in_order(easel: Easel, tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}.safetensors").write_bytes(safetensors())
    ran = easel("scan", tmp_path, "--json")
    assert ran.code == 0
    assert list(by_name(ran)) == [f"{number:03}.safetensors" for number in range(300)]


def test_a_folder_of_models_cannot_bring_modules_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(CLEAN)
    for name in ("services", "msgspec", "json", "gc", "blake3"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the folder')")
    command = [sys.executable, "-P", "-m", "cli.entry", "scan", "a.safetensors"]
    ran = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout[:5]) == (0, "clean"), ran


def test_the_script_says_the_same_and_loads_less(easel: Easel, tmp_path: Path) -> None:
    (tmp_path / "evil.pt").write_bytes(torch_zip(hostile_pickle(2)))
    (tmp_path / "a.safetensors").write_bytes(CLEAN)
    command = [sys.executable, "-X", "importtime", "-m", "cli.entry", "scan", str(tmp_path), "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, easel("scan", tmp_path, "--json").out)
    assert not {"typer", "pydantic", "blake3", "torch"} & {
        line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()
    }


@pytest.mark.parametrize("arguments", [["scan"], ["scan", "--help"], ["scan", "--wrong", "x"], ["--help"]])
def test_everything_else_goes_the_ordinary_way(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "cli.entry", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == (0 if "--help" in arguments else 2), ran


@pytest.mark.parametrize("module", ["cli.entry", "cli.app"])
def test_an_interrupted_scan_ends_with_130_and_leaves_no_process(module: str, tmp_path: Path) -> None:
    (tmp_path / "endless.safetensors").touch()
    os.truncate(tmp_path / "endless.safetensors", 1 << 40)
    command = [sys.executable, "-m", module, "scan", str(tmp_path), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ran:
        scanning = psutil.Process(ran.pid)
        for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.02), reraise=True):
            with attempt:
                started = scanning.children(recursive=True)
                assert len(started) == 2
        ran.send_signal(signal.SIGINT)
        output, _ = ran.communicate(timeout=30)
    assert ran.returncode == 130
    assert json.loads(output)["error"]["title"] == "Interrupted"
    assert psutil.wait_procs(started, timeout=10)[1] == []


def test_a_reader_that_leaves_is_no_crash(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number}.safetensors").write_bytes(safetensors())
    command = f"{sys.executable} -m cli.entry scan {tmp_path} --json | head -1"
    ran = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout.count("\n") == 1
    assert ran.stderr == ""


def test_a_single_import_can_be_allowed_and_one_that_runs_code_cannot(easel: Easel, tmp_path: Path) -> None:
    path = tmp_path / "settings.pkl"
    path.write_bytes(b"\x80\x02cargparse\nNamespace\n)\x81}U\x05stepsK\x03sb.")
    assert easel("scan", path, "--json").code == 1
    ran = easel("scan", path, "--json", "--allow-import", "argparse.Namespace")
    assert (ran.code, [found["code"] for found in by_name(ran)[path.name]["findings"]]) == (0, ["info.import-allowed"])
    refused = easel("scan", path, "--allow-import", "os.system")
    assert refused.code == 2
    assert "os.system cannot be allowed" in refused.err
