"""The HTTP client of the commands: the hub's address and key, readable errors, bounded retries.

`EASEL_URL` is the hub (default: the gateway of this machine), `EASEL_TOKEN` an API key. The key is sent to that
address only, never to an address that the hub merely names (a store, another host).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec
import tenacity

from cli.errors import CommandFailed, HubUnavailable, UsageInvalid
from cli.problems import failure_of

T = TypeVar("T")
Query = Sequence[tuple[str, str | int]]

USER_AGENT = "easel-cli/0.1"
ATTEMPTS = 4
PATIENT_ATTEMPTS = 8
"""A hub that has answered this command once is worth waiting for (about half a minute: a restart)."""

MAX_RETRY_AFTER_SECONDS = 60.0
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
NOT_DONE_STATUSES = frozenset({429, 503})
"""Statuses that say the request was not carried out, so that even one that creates something may be repeated."""

NOT_SENT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
TIMEOUT = httpx.Timeout(60.0, connect=10.0, pool=None)
TRANSFER_TIMEOUT = httpx.Timeout(120.0, connect=10.0, write=30.0, pool=None)
_backoff = tenacity.wait_exponential_jitter(initial=0.3, max=8.0, jitter=0.3)


def hub_url(environment: Mapping[str, str] = os.environ) -> str:
    """The hub's address without a final slash; without `EASEL_URL` this machine's gateway, at `EASEL_PORT`.

    Raises UsageInvalid for what is no http address.
    """
    text = environment.get("EASEL_URL") or f"http://127.0.0.1:{environment.get('EASEL_PORT') or 8000}"
    hint = "Set EASEL_URL to something like https://hub.example or http://127.0.0.1:8000."
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise UsageInvalid(f"{text!r} is no address of a hub: {error}", hint=hint) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageInvalid(f"{text!r} is no address of a hub: it must start with http:// or https://", hint=hint)
    return text.rstrip("/")


class HubClient:
    """Talks to one hub; safe to use from several threads. Close it, or use it in a `with` block."""

    def __init__(self, url: str, token: str | None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.url = url
        self._sleep = sleep
        self._attempts = ATTEMPTS
        self.has_token = bool(token)
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT)
        self.transfers = httpx.Client(
            headers={"User-Agent": USER_AGENT}, timeout=TRANSFER_TIMEOUT, follow_redirects=True
        )
        """For the bytes of files, whose addresses are signed and must be fetched without the key."""

    @classmethod
    def from_environment(cls) -> Self:
        """The client for `EASEL_URL` with the key in `EASEL_TOKEN`."""
        return cls(hub_url(), os.environ.get("EASEL_TOKEN") or None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()
        self.transfers.close()

    def get(self, path: str, kind: type[T], query: Query = ()) -> T:
        """GET `path` and decode the answer as `kind`."""
        return self._decode(self.send("GET", path, query=query), kind)

    def create(self, path: str, body: Mapping[str, object], kind: type[T]) -> T:
        """POST something that makes a new thing: repeated only if the hub certainly did not carry it out."""
        return self._decode(self.send("POST", path, body=body, repeatable=False), kind)

    def post(self, path: str, body: Mapping[str, object], kind: type[T]) -> T:
        """POST something that may be repeated without harm."""
        return self._decode(self.send("POST", path, body=body), kind)

    def delete(self, path: str) -> None:
        """DELETE `path`."""
        self.send("DELETE", path)

    def is_own(self, url: str) -> bool:
        """Whether an absolute `url` is at this hub, so that the key may be sent there."""
        there, here = httpx.URL(url), httpx.URL(self.url)
        return _origin(there) == _origin(here)

    def send(
        self, method: str, path: str, *, query: Query = (), body: Mapping[str, object] | None = None,
        repeatable: bool = True, redirect_is_answer: bool = False,
    ) -> httpx.Response:  # fmt: skip
        """One request with its retries; returns a 2xx answer (or the redirect) or raises a `CommandFailed`.

        Connection errors and 429/502/503/504 are tried several times, waiting as `Retry-After` asks.
        """

        def attempt() -> httpx.Response:
            parameters = httpx.QueryParams(list(query)) if query else None
            response = self._http.request(method, path, params=parameters, json=body)
            if response.status_code in (RETRIED_STATUSES if repeatable else NOT_DONE_STATUSES):
                raise Overloaded(response)
            self._attempts = PATIENT_ATTEMPTS
            return response

        retried_errors = (httpx.TransportError,) if repeatable else NOT_SENT_ERRORS
        retrying = tenacity.Retrying(
            stop=lambda state: state.attempt_number >= self._attempts,
            wait=_wait,
            sleep=self._sleep,
            retry=tenacity.retry_if_exception_type((Overloaded, *retried_errors)),
            reraise=True,
        )
        try:
            response = retrying(attempt)
        except Overloaded as overloaded:
            raise failure_of(overloaded.response) from overloaded
        except httpx.TransportError as error:
            raise self._unreachable(error, repeatable=repeatable) from error
        if response.is_success or (redirect_is_answer and response.is_redirect):
            return response
        raise failure_of(response)

    def _unreachable(self, error: httpx.TransportError, *, repeatable: bool) -> HubUnavailable:
        reason = str(error) or type(error).__name__
        if isinstance(error, NOT_SENT_ERRORS):
            detail = f"no hub answers at {self.url}: {reason}"
        else:
            detail = f"the connection to {self.url} broke: {reason}"
        hint = "Is it running (`easel doctor`), and is EASEL_URL right?"
        if not repeatable and not isinstance(error, NOT_SENT_ERRORS):
            hint = "The hub may have done it all the same: look before you repeat the command."
        return HubUnavailable(detail, hint=hint)

    def _decode(self, response: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError as error:
            where = f"{response.request.method} {response.request.url}"
            raise CommandFailed(
                f"{where} answered {response.status_code} with something else than the expected JSON: {error}",
                hint="Is EASEL_URL an Easel hub, and of a version that fits this command?",
            ) from error


class Overloaded(Exception):
    """The hub or a proxy in front of it cannot answer just now."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


def retry_after_seconds(response: httpx.Response) -> float | None:
    """What `Retry-After` asks (RFC 9110 section 10.2.3: seconds or a date), bounded; None without it."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdigit():
        return min(float(value), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(value)
        sent = parsedate_to_datetime(response.headers["Date"])
    except (ValueError, KeyError):
        return None
    return min(max((moment - sent).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = retry_after_seconds(error.response) if isinstance(error, Overloaded) else None
    return _backoff(state) if asked is None else asked


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    default_port = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, url.port or default_port


Json = dict[str, Any]
"""A JSON object that a command passes on as it stands."""
