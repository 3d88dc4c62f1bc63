"""A model as a repository: its names, revisions and commits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain.model import File, Model, Version
from services.catalog.domain.repos import commit_of, find_revision, id_in_name, repo_at, slug

DAY = datetime(2026, 3, 1, tzinfo=UTC)
replace = msgspec.structs.replace


def file(number: int, name: str, state: str = "clean") -> File:
    return msgspec.convert(
        {
            "id": number, "upload_id": f"u{number}", "name": name, "type": "Model", "size_bytes": 10, "state": state,
            "sha256": f"{number:064x}", "scanned_at": DAY, "created_at": DAY,
        },
        File,
    )  # fmt: skip


def version(number: int, name: str, *files: File, state: str = "published") -> Version:
    facts = {
        "id": number, "name": name, "base_model": "Other", "state": state, "created_at": DAY, "updated_at": DAY,
        "published_at": DAY + timedelta(days=number),
    }  # fmt: skip
    return replace(msgspec.convert(facts, Version), files=files)


def model(*versions: Version) -> Model:
    return Model(
        id=12, owner_id=1, owner="Ada", name="Harbour Lights", type="Checkpoint", created_at=DAY, updated_at=DAY,
        versions=versions,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Quayside Sketch", "quayside-sketch"),
        ("  Anything -- V4.5 (pruned)! ", "anything-v4-5-pruned"),
        ("Café Crème", "cafe-creme"),
        ("星空", "model"),
        ("2024", "model-2024"),
        ("a" * 100, "a" * 60),
        ("word " * 30, "word-" * 11 + "word"),
    ],
)
def test_a_slug_is_the_plain_form_of_a_name(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.text(max_size=80))
def test_a_slug_is_always_a_name_that_clients_accept_and_never_one_with_an_id(name: str) -> None:
    made = slug(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)
    assert len(made) <= 66
    assert id_in_name(made) is None
    assert id_in_name(f"{made}.77") == 77


@pytest.mark.parametrize(
    ("name", "expected"),
    [("12", 12), ("harbour-lights.12", 12), ("Old-Name.12", 12), ("harbour-lights", None), ("a.b.12", None),
     ("x.12345678901", None), ("sdxl-12", None), (".12", None)],
)  # fmt: skip
def test_an_id_in_a_name_is_told_from_a_slug_that_ends_in_digits(name: str, expected: int | None) -> None:
    assert id_in_name(name) == expected


def test_a_commit_names_the_version_and_its_files_and_nothing_else() -> None:
    first, second = file(1, "a.safetensors"), file(2, "b.yaml")
    commit = commit_of(version(5, "v1", first, second))
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    assert commit_of(version(5, "renamed", second, first)) == commit
    assert commit_of(version(5, "v1", first, second, file(3, "c.yaml", "dangerous"))) == commit
    others = [
        version(6, "v1", first, second),
        version(5, "v1", first),
        version(5, "v1", replace(first, name="z"), second),
    ]
    assert len({commit, *map(commit_of, others)}) == 4


def test_a_revision_is_main_a_commit_a_name_or_an_id() -> None:
    old, new = version(5, "v1/beta", file(1, "a.safetensors")), version(6, "v2", file(2, "b.safetensors"))
    draft = version(7, "v3", file(3, "c.safetensors"), state="draft")
    shown = model(old, new, draft)
    assert find_revision(shown, "main") == new
    assert find_revision(shown, "v1/beta") == old
    assert find_revision(shown, "5") == old
    assert find_revision(shown, commit_of(old)) == old
    for unknown in ("v3", "7", commit_of(draft), "v9", "", "0" * 40, "V2", "refs/pr/1"):
        assert find_revision(shown, unknown) is None, unknown


def test_of_two_versions_of_one_name_the_newest_is_meant_and_a_name_goes_before_an_id() -> None:
    one, two, three = version(5, "v1"), version(6, "v1"), version(7, "5")
    assert find_revision(model(one, two), "v1") == two
    assert find_revision(model(one, three), "5") == three


def test_a_repository_shows_clean_files_under_the_names_they_were_uploaded_with() -> None:
    shown = version(5, "v1", file(1, "my weights.safetensors"), file(2, "bad.ckpt", "dangerous"), file(3, "c.yaml"))
    repo = repo_at(model(shown), shown, "harbour-lights")
    assert [entry.path for entry in repo.files] == ["my weights.safetensors", "c.yaml"]
    assert repo.files[0].target.name == "harbourLights_v1.safetensors"
    assert (repo.creator, repo.name, repo.commit) == ("Ada", "harbour-lights", commit_of(shown))
