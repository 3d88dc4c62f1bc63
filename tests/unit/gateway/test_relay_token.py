"""Signed addresses of the relay: good for one thing, for a while, from this hub alone."""

from __future__ import annotations

import time
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.relay_token import DownloadGrant, Grants, PartGrant
from shared.problems import Forbidden

HOUR = timedelta(hours=1)
GRANTS = Grants("s" * 32)
DOWNLOAD = DownloadGrant(version_id=10, file_id=3, object_key="ab" * 32, name="a b.safetensors", size_bytes=1 << 40)
PART = PartGrant(url="http://store/key?partNumber=1&uploadId=x%3D", size_bytes=5)


def test_a_grant_comes_back_as_it_was_given() -> None:
    assert GRANTS.read(GRANTS.issue(DOWNLOAD), DownloadGrant, HOUR) == DOWNLOAD
    assert GRANTS.read(GRANTS.issue(PART), PartGrant, HOUR) == PART


def test_a_token_stands_in_a_path_as_it_is() -> None:
    token = GRANTS.issue(DOWNLOAD)
    assert all(letter.isascii() and (letter.isalnum() or letter in "-_.") for letter in token)


@pytest.mark.parametrize(("grant", "other"), [(DOWNLOAD, PartGrant), (PART, DownloadGrant)])
def test_a_token_of_one_kind_is_no_good_for_the_other(
    grant: msgspec.Struct, other: type[DownloadGrant] | type[PartGrant]
) -> None:
    with pytest.raises(Forbidden, match="has signed"):
        GRANTS.read(GRANTS.issue(grant), other, HOUR)


def test_another_hubs_token_is_refused() -> None:
    with pytest.raises(Forbidden, match="has signed"):
        GRANTS.read(Grants("t" * 32).issue(DOWNLOAD), DownloadGrant, HOUR)


def test_an_old_token_says_that_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    token = GRANTS.issue(DOWNLOAD)
    issued = time.time()
    monkeypatch.setattr("time.time", lambda: issued + 3599)
    assert GRANTS.read(token, DownloadGrant, HOUR) == DOWNLOAD
    monkeypatch.setattr("time.time", lambda: issued + 3602)
    with pytest.raises(Forbidden, match="expired"):
        GRANTS.read(token, DownloadGrant, HOUR)


TOKEN = GRANTS.issue(DOWNLOAD)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("abcABC019-_."))
def test_a_token_with_any_letter_changed_is_refused(place: int, letter: str) -> None:
    forged = TOKEN[:place] + letter + TOKEN[place + 1 :]
    try:
        found = GRANTS.read(forged, DownloadGrant, HOUR)
    except Forbidden:
        return
    assert found == DOWNLOAD  # the last letter of a base64 text has bits that mean nothing


@given(st.text(max_size=60))
def test_any_text_is_refused(token: str) -> None:
    with pytest.raises(Forbidden):
        GRANTS.read(token, DownloadGrant, HOUR)
