"""Whose downloads are refused before anything is looked up."""

from __future__ import annotations

import pytest

from services.gateway.domain.access import STRANGER, Caller
from services.gateway.rate_limits import RateLimits
from services.gateway.settings import GatewaySettings
from shared.actor import Actor
from shared.problems import Forbidden, TooMany

SOMEBODY = Caller(actor=Actor(7, "somebody", "member"))


def rates(monkeypatch: pytest.MonkeyPatch, **values: str) -> RateLimits:
    for name, value in {"SECRET": "-" * 32, **values}.items():
        monkeypatch.setenv(f"EASEL_{name}", value)
    return RateLimits(GatewaySettings())


async def test_nobody_is_counted_unless_the_operator_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = rates(monkeypatch)
    for _ in range(50):
        await limits.count_download(STRANGER, "203.0.113.7")


async def test_downloads_of_an_account_are_counted_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = rates(monkeypatch, RATE_LIMIT_DOWNLOADS="2/hour")
    await limits.count_download(SOMEBODY, "203.0.113.7")
    await limits.count_download(SOMEBODY, "203.0.113.8")
    with pytest.raises(TooMany, match="unusual amount of downloading") as refused:
        await limits.count_download(SOMEBODY, "203.0.113.9")
    assert int((refused.value.headers or {})["Retry-After"]) > 0
    await limits.count_download(STRANGER, "203.0.113.9")


@pytest.mark.parametrize(
    ("address", "is_blocked"),
    [("203.0.113.7", True), ("::ffff:203.0.113.7", True), ("203.0.114.7", False), ("2001:db8::1", True), ("x", False)],
)
def test_blocked_networks(monkeypatch: pytest.MonkeyPatch, address: str, is_blocked: bool) -> None:
    limits = rates(monkeypatch, BLOCKED_NETWORKS="203.0.113.0/24, 2001:db8::/32")
    if not is_blocked:
        limits.require_not_blocked(address)
        return
    with pytest.raises(Forbidden, match="Forbidden"):
        limits.require_not_blocked(address)
