"""Addresses that begin with a creator's name do not meet the hub's own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from services.gateway.domain.accounts import RESERVED
from services.gateway.lfs_pointer import pointer_oid, pointer_size


def test_nobody_can_sign_up_with_the_first_part_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_SECRET", "-" * 32)
    from services.gateway.app import create_app

    first_parts = {path.split("/")[1] for route in create_app().routes if (path := route.path) != "/"}
    could_be_names = {part for part in first_parts if re.fullmatch(r"[A-Za-z0-9_]{2,40}", part)}
    assert {"api", "models", "store"} <= could_be_names <= RESERVED


def test_a_pointer_has_the_id_that_git_gives_it(tmp_path: Path) -> None:
    sha256 = "ab" * 32
    pointer = tmp_path / "pointer"
    pointer.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize 12345\n")
    by_git = subprocess.run(["git", "hash-object", pointer], capture_output=True, text=True, check=True).stdout.strip()
    assert pointer_oid(sha256, 12345) == by_git
    assert pointer_size(sha256, 12345) == pointer.stat().st_size
