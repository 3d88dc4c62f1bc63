"""Settings that contradict each other or cannot be read refuse to start, and say why."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.gateway.rate_limits import RateLimits, is_this_machine, network_of
from services.gateway.sessions import Cookies
from services.gateway.settings import GatewaySettings


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_SECRET", "s" * 32)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EASEL_RATE_LIMIT_KEY", "many"),
        ("EASEL_TRUSTED_PROXIES", "proxy.internal"),
        ("EASEL_SIGN_UP_ROLE", "administrator"),
        ("EASEL_OIDC_ISSUER", "https://id.example"),
        ("EASEL_SESSION_DAYS", "0"),
    ],
)
def test_a_wrong_value_refuses_to_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        GatewaySettings()


@pytest.mark.parametrize("storage", ["memory://", "nonsense://x", "async+redis://nowhere"])
def test_a_storage_for_limits_that_cannot_be_used_refuses_to_start(
    monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    monkeypatch.setenv("EASEL_RATE_LIMIT_STORAGE", storage)
    with pytest.raises(SystemExit, match="EASEL_RATE_LIMIT_STORAGE"):
        RateLimits(GatewaySettings())


def test_cookies_are_bound_to_the_host_where_people_come_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Cookies(GatewaySettings()).session == "easel-session"
    monkeypatch.setenv("EASEL_PUBLIC_URL", "https://hub.example/")
    cookies = Cookies(GatewaySettings())
    made = cookies.set(cookies.session, "x").to_header(header="")
    assert made.startswith("__Host-easel-session=x")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert attribute in made


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("testclient", "testclient"),
    ],
)
def test_one_customer_of_a_network_is_counted_as_one(address: str, counted_as: str) -> None:
    assert network_of(address) == counted_as


@pytest.mark.parametrize(("address", "is_own"), [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("", False)])
def test_this_machine_is_known_by_its_loopback_addresses(address: str, is_own: bool) -> None:
    assert is_this_machine(address) is is_own
