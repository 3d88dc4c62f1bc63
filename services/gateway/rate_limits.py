"""Rate limits: so many requests for each account, or for each address of those without one."""

from __future__ import annotations

import ipaddress
import math
import time
from functools import lru_cache
from typing import NoReturn

import limits
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from services.gateway.domain.access import Caller
from services.gateway.domain.accounts import MAX_USERNAME
from services.gateway.settings import GatewaySettings
from shared.problems import Forbidden, TooMany, Unavailable
from shared.telemetry import logger

log = logger(__name__)
_NO_SIGN_IN = "Signing in is not possible at the moment; try again."
_MESSAGE = "Rate limit exceeded, please retry shortly."
_DOWNLOADS = (
    "We've noticed an unusual amount of downloading from your account. Wait a while, or ask the hub's operator."
)


@lru_cache(maxsize=10_000)
def network_of(address: str) -> str:
    """What is counted as one stranger: an IPv4 address, or the /64 that one IPv6 customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


@lru_cache(maxsize=10_000)
def is_this_machine(address: str) -> bool:
    """Whether it is a loopback address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class RateLimits:
    """Counts requests and raises TooMany for one over the limit."""

    def __init__(self, settings: GatewaySettings) -> None:
        try:
            storage = storage_from_string(settings.rate_limit_storage.get_secret_value(), wrap_exceptions=True)
        except ConfigurationError as error:
            raise SystemExit(f"EASEL_RATE_LIMIT_STORAGE cannot be used: {error}") from None
        if not isinstance(storage, Storage):
            raise SystemExit("EASEL_RATE_LIMIT_STORAGE must be asynchronous: async+memory://, async+mongodb://…")
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._anonymous = _parsed(settings.rate_limit_anonymous)
        self._account = _parsed(settings.rate_limit_key)
        self._sign_in = _parsed(settings.rate_limit_sign_in)
        self._wrong_password = _parsed(settings.rate_limit_guesses)
        self._downloads = _parsed(settings.rate_limit_downloads)
        self._blocked = [ipaddress.ip_network(network, strict=False) for network in settings.blocked]

    async def count(self, caller: Caller, address: str) -> None:
        """One request. While the storage is away it passes: the hub goes on without its limits."""
        known = caller.actor.is_known
        limit = self._account if known else self._anonymous
        who = ("account", str(caller.actor.account_id)) if known else ("address", network_of(address))
        try:
            await self._hit(limit, *who)
        except StorageError as error:
            log.warning("rate limits cannot be counted", error=repr(error))

    async def count_sign_in(self, address: str) -> None:
        """One attempt to sign in or up. Without the storage nobody may: else passwords could be guessed then."""
        try:
            await self._hit(self._sign_in, "sign-in", network_of(address))
        except StorageError as error:
            raise Unavailable(_NO_SIGN_IN) from error

    async def require_not_guessed_at(self, username: str) -> None:
        """Raise TooMany while too many wrong passwords were sent for a name, from wherever they came."""
        limit, who = self._wrong_password, _guessed(username)
        try:
            if limit is not None and not await self._limiter.test(limit, *who):
                await self._refuse(limit, *who)
        except StorageError as error:
            raise Unavailable(_NO_SIGN_IN) from error

    async def count_wrong_password(self, username: str) -> None:
        """One wrong password for a name, whether or not somebody has it: else the limit would tell which there are."""
        try:
            if self._wrong_password is not None:
                await self._limiter.hit(self._wrong_password, *_guessed(username))
        except StorageError as error:
            raise Unavailable(_NO_SIGN_IN) from error

    def require_not_blocked(self, address: str) -> None:
        """Raise Forbidden for an address that may not download."""
        if self._blocked and any(_address(address) in network for network in self._blocked):
            raise Forbidden("Forbidden")

    async def count_download(self, caller: Caller, address: str) -> None:
        """One download."""
        known = caller.actor.is_known
        who = ("account", str(caller.actor.account_id)) if known else ("address", network_of(address))
        try:
            await self._hit(self._downloads, "downloads", *who)
        except TooMany as problem:
            raise TooMany(_DOWNLOADS, retry_after_seconds=int((problem.headers or {})["Retry-After"])) from None
        except StorageError as error:
            log.warning("downloads cannot be counted", error=repr(error))

    async def _hit(self, limit: limits.RateLimitItem | None, *who: str) -> None:
        if limit is None or await self._limiter.hit(limit, *who):
            return
        await self._refuse(limit, *who)

    async def _refuse(self, limit: limits.RateLimitItem, *who: str) -> NoReturn:
        ends = (await self._limiter.get_window_stats(limit, *who)).reset_time
        raise TooMany(_MESSAGE, retry_after_seconds=max(1, math.ceil(ends - time.time())))


def _guessed(username: str) -> tuple[str, str]:
    """What wrong passwords for a name are counted under; what is too long to be a name is no reason to keep it."""
    return "wrong password", username.lower()[: MAX_USERNAME + 1]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return ipaddress.IPv6Address("::")
    return (found.ipv4_mapped or found) if found.version == 6 else found


def _parsed(text: str) -> limits.RateLimitItem | None:
    return None if text == "off" else limits.parse(text)
