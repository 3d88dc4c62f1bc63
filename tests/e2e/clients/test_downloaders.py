"""Programs that download anything: curl, wget, and aria2 with its many connections at once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.clients.conftest import Shelf
from tests.e2e.clients.environments import Environments
from tests.e2e.clients.proxy import Proxy
from tests.hub_driver import HubDriver

SECONDS = 60


def run(folder: Path, program: str | Path, *arguments: str) -> str:
    """What a program printed. One that is not on this machine is not tested."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run(
        [found, *arguments], cwd=folder, env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def key_header(shelf: Shelf) -> str:
    return f"Authorization: Bearer {shelf.key}"


def test_curl_takes_the_name_from_the_hub_and_goes_on_with_a_cut_file(
    hub: HubDriver, shelf: Shelf, tmp_path: Path
) -> None:
    pier = shelf.pier
    name, whole = pier.primary, pier.files[pier.primary]
    url = f"{hub.url}/api/download/models/{pier.version_id}"
    run(tmp_path, "curl", "-fsSLOJ", "-H", key_header(shelf), url)
    assert (tmp_path / name).read_bytes() == whole
    (tmp_path / name).write_bytes(whole[:1_000_001])
    run(tmp_path, "curl", "-fsSL", "-C", "-", "-o", name, url)
    assert (tmp_path / name).read_bytes() == whole


def test_wget_takes_the_name_from_the_hub_and_knows_when_a_file_is_whole(
    hub: HubDriver, shelf: Shelf, tmp_path: Path
) -> None:
    pier = shelf.pier
    name, whole = pier.primary, pier.files[pier.primary]
    url = f"{hub.url}/api/download/models/{pier.version_id}?token={shelf.key}"
    run(tmp_path, "wget", "--content-disposition", "--no-verbose", url)
    assert (tmp_path / name).read_bytes() == whole
    (tmp_path / name).write_bytes(whole[:1_000_001])
    run(tmp_path, "wget", "--continue", "--no-verbose", "-O", name, url)
    assert (tmp_path / name).read_bytes() == whole
    assert "nothing to do" in run(tmp_path, "wget", "--continue", "-O", name, url)
    assert (tmp_path / name).read_bytes() == whole


def test_aria2_fetches_pieces_over_many_connections_through_the_redirect(
    proxy: Proxy, shelf: Shelf, environments: Environments, tmp_path: Path
) -> None:
    harbour = shelf.harbour
    run(
        tmp_path, environments.bin("aria2") / "aria2c", "--no-conf", "--split=16", "--max-connection-per-server=16",
        "--min-split-size=1M", "--max-download-limit=4M", "--file-allocation=none", f"--header={key_header(shelf)}",
        f"--checksum=sha-256={harbour.sha256()}", f"{proxy.url}/api/download/models/{harbour.version_id}",
    )  # fmt: skip
    assert (tmp_path / harbour.primary).read_bytes() == harbour.files[harbour.primary]
    assert sum(each.status == 206 for each in proxy.passed) >= 2


@pytest.mark.parametrize("program", ["curl", "wget", "aria2c"])
def test_a_key_that_is_kept_over_a_redirect_to_another_port_does_no_harm(
    proxy: Proxy, other_port: Proxy, shelf: Shelf, environments: Environments, tmp_path: Path, program: str
) -> None:
    """Some tell only host names apart, and some none at all; a signed address must not mind."""
    proxy.shown_host = other_port.url.removeprefix("http://")
    pier, out = shelf.pier, "kept.safetensors"
    url = f"{proxy.url}/api/download/models/{pier.version_id}"
    header = key_header(shelf)
    if program == "curl":
        run(tmp_path, "curl", "-fsSL", "--location-trusted", "-H", header, "-o", out, url)
    elif program == "wget":
        run(tmp_path, "wget", "--no-verbose", f"--header={header}", "-O", out, url)
    else:
        run(tmp_path, environments.bin("aria2") / "aria2c", "--no-conf", f"--header={header}", f"--out={out}", url)
    assert (tmp_path / out).read_bytes() == pier.files[pier.primary]
    assert proxy.passed[0].status == 307
    assert all(each.sent["authorization"] == f"Bearer {shelf.key}" for each in other_port.passed)
    assert other_port.passed
