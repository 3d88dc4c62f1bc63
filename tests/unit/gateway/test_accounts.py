"""Names, passwords, keys and the ways back after signing in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.accounts import (
    RESERVED,
    Account,
    require_changeable,
    require_name_to_sign_up,
    usernames_like,
)
from services.gateway.domain.keys import read_expiry
from services.gateway.domain.passwords import require_good_password
from services.gateway.domain.sessions import browser_name, local_path
from services.gateway.passwords import Passwords
from services.gateway.views.account import end_of
from shared.actor import Actor
from shared.problems import Conflict, Forbidden, Invalid

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class TestNames:
    @pytest.mark.parametrize("name", ["", "a", "a" * 41, "mira k", "mira-k", "míra", "../x", "<b>"])
    def test_a_name_that_is_none_is_refused(self, name: str) -> None:
        with pytest.raises(Invalid):
            require_name_to_sign_up(name)

    @pytest.mark.parametrize("name", ["admin", "Admin", "SUPPORT"])
    def test_the_hubs_own_names_cannot_be_taken(self, name: str) -> None:
        with pytest.raises(Conflict):
            require_name_to_sign_up(name)

    @pytest.mark.parametrize(
        ("preferred", "names"),
        [
            ("mira", ["mira", "mira_2", "mira_3"]),
            ("mira.k@example.org", ["mira_k", "mira_k_2", "mira_k_3"]),
            ("Åsa Öberg", ["Asa_Oberg", "Asa_Oberg_2", "Asa_Oberg_3"]),
            ("admin", ["admin_2", "admin_3", "admin_4"]),
            ("日本", ["user_2", "user_3", "user_4"]),
            ("", ["user_2", "user_3", "user_4"]),
        ],
    )
    def test_somebody_from_elsewhere_gets_a_name_near_theirs(self, preferred: str, names: list[str]) -> None:
        assert list(islice(usernames_like(preferred), 3)) == names

    @given(st.text(max_size=80))
    def test_every_proposed_name_could_also_be_signed_up_with(self, preferred: str) -> None:
        for name in islice(usernames_like(preferred), 3):
            assert require_name_to_sign_up(name) == name
            assert name.lower() not in RESERVED

    def test_no_change_can_leave_a_hub_without_an_administrator(self) -> None:
        first = Account(id=1, username="admin", role="administrator", created_at=NOW)
        second = Account(id=2, username="mira", role="administrator", created_at=NOW)
        with pytest.raises(Conflict, match="first administrator"):
            require_changeable(first, by=Actor(2, "mira", "administrator"))
        with pytest.raises(Conflict, match="their own"):
            require_changeable(second, by=Actor(2, "mira", "administrator"))
        require_changeable(second, by=Actor(1, "admin", "administrator"))


class TestPasswords:
    @pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaa", "mira_k-2026", "x" * 257])
    def test_a_weak_password_is_refused(self, password: str) -> None:
        with pytest.raises(Invalid):
            require_good_password(password, "mira_k")

    @pytest.mark.parametrize("password", ["correct horse", "пароль на весну", "mira_k likes long passwords"])
    def test_a_long_one_is_good_whatever_its_characters(self, password: str) -> None:
        assert require_good_password(password, "mira_k") == password

    async def test_only_the_right_password_is_right(self) -> None:
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        kept = await passwords.hash("correct horse")
        assert kept.startswith("$argon2id$")
        assert await passwords.is_right("correct horse", kept)
        assert not await passwords.is_right("correct horsf", kept)
        assert not await passwords.is_right("correct horse", None)
        assert not await passwords.is_right("correct horse", "not a hash")

    async def test_a_hash_with_other_parameters_is_outdated(self) -> None:
        before = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        today = Passwords(PasswordHasher(time_cost=2, memory_cost=128, parallelism=1))
        kept = await before.hash("correct horse")
        assert not before.is_outdated(kept)
        assert today.is_outdated(kept)
        assert await today.is_right("correct horse", kept), "an old hash is still the same password's"


class TestKeys:
    def test_a_key_ends_when_asked_and_never_after_the_one_that_made_it(self) -> None:
        tomorrow, later = NOW + timedelta(days=1), NOW + timedelta(days=9)
        assert read_expiry(None, NOW, None) is None
        assert read_expiry(None, NOW, tomorrow) == tomorrow
        assert read_expiry("2026-05-02T00:00:00Z", NOW, later) == tomorrow
        with pytest.raises(Forbidden):
            read_expiry("2026-05-10T00:00:00Z", NOW, tomorrow)

    @pytest.mark.parametrize("text", ["soon", "2026-04-30T00:00:00Z", "2026-06-01T00:00:00", ""])
    def test_an_end_that_is_no_time_in_the_future_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid):
            read_expiry(text, NOW, None)

    @pytest.mark.parametrize(("days", "end"), [("", None), ("7", NOW + timedelta(days=7)), ("8", None), ("x", None)])
    def test_the_form_offers_some_lifetimes_only(self, days: str, end: datetime | None) -> None:
        assert end_of(days, NOW) == end


class TestTheWayBack:
    @pytest.mark.parametrize("path", ["/", "/models/3?modelVersionId=4", "/account/keys"])
    def test_a_path_of_this_hub_is_kept(self, path: str) -> None:
        assert local_path(path) == path

    @pytest.mark.parametrize(
        "path", [None, "", "//evil.example", "/\\evil.example", "https://evil.example", "models", "/a\r\nset-cookie: x"]
    )
    def test_another_site_is_not(self, path: str | None) -> None:
        assert local_path(path) == "/"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/129.0 Safari/537.36 Edg/129.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.5", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_sessions_can_be_told_apart_by_their_browser(agent: str, name: str) -> None:
    assert browser_name(agent) == name
