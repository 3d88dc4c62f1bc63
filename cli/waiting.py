"""Waits until a published version can be found, or until the hub has refused it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from cli.client import HubClient
from cli.documents import HubVersion, V1ModelPage
from cli.errors import CommandFailed, HubUnavailable, NotFound, WaitTimedOut
from cli.verdict import raise_if_refused

SEARCH_PAGES = 5
"""A model that shares its name with many may be some pages down."""

_pause = tenacity.wait_exponential(multiplier=0.4, exp_base=1.5, max=5.0)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait, and with what clock."""

    timeout_seconds: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class NotYet(Exception):
    """What is waited for has not happened; the message says how far it is."""


def wait_until_published(
    client: HubClient, version_id: int, patience: Patience, note: Callable[[str], None]
) -> HubVersion:
    """Wait for the verdict and then until search and model page show the version.

    Raises RefusedByScan with the findings, WaitTimedOut saying how far it came, CommandFailed for a version that
    was taken down or unpublished. While the hub does not answer, waiting goes on until the time is over.
    """
    ends_at = patience.now() + patience.timeout_seconds
    version = _poll(lambda: _settled(client, version_id), version_id, patience, ends_at, note)
    raise_if_refused(version)
    if version.status != "Published":
        raise CommandFailed(f"version {version.id} is {version.status}: {version.status_reason or 'no reason given'}")
    _poll(lambda: _findable(client, version), version_id, patience, ends_at, note)
    return version


def _settled(client: HubClient, version_id: int) -> HubVersion:
    version = client.get(f"/api/hub/versions/{version_id}", HubVersion)
    if version.status in ("Draft", "Scanning"):
        files = ", ".join(f"{file.name} {file.state}" for file in version.files)
        raise NotYet(f"being examined ({files})")
    return version


def _findable(client: HubClient, version: HubVersion) -> None:
    path = f"/api/v1/models/{version.model_id}"
    try:
        model = client.get(path, dict)
    except NotFound as missing:
        raise NotYet("published, its page is not there yet") from missing
    if version.id not in [each["id"] for each in model["modelVersions"]]:
        raise NotYet("published, its model's page does not show it yet")
    if not _search_shows(client, str(model["name"]), version):
        raise NotYet("published, search does not find it yet")


def _search_shows(client: HubClient, name: str, version: HubVersion) -> bool:
    query: list[tuple[str, str | int]] = [
        ("query", name), ("ids", version.model_id), ("nsfw", "true"), ("limit", 100),
    ]  # fmt: skip
    cursor: str | int | None = None
    for _ in range(SEARCH_PAGES):
        page = client.get("/api/v1/models", V1ModelPage, query if cursor is None else [*query, ("cursor", cursor)])
        for model in page.items:
            if model.id == version.model_id:
                return version.id in [each.id for each in model.model_versions]
        cursor = page.metadata.next_cursor
        if cursor is None:
            return False
    return False


def _poll(
    look: Callable[[], tenacity.WrappedFnReturnT], version_id: int, patience: Patience, ends_at: float,
    note: Callable[[str], None],
) -> tenacity.WrappedFnReturnT:  # fmt: skip
    said = ""

    def tell(state: tenacity.RetryCallState) -> None:
        nonlocal said
        text = str(state.outcome.exception()) if state.outcome is not None else ""
        if text != said:
            said = text
            note(f"version {version_id}: {text}")

    retrying = tenacity.Retrying(
        stop=lambda state: patience.now() >= ends_at,
        wait=_pause,
        sleep=patience.sleep,
        retry=tenacity.retry_if_exception_type((NotYet, HubUnavailable)),
        before_sleep=tell,
        reraise=True,
    )
    try:
        return retrying(look)
    except NotYet as not_yet:
        raise WaitTimedOut(
            f"after {patience.timeout_seconds:g} s version {version_id} is still {not_yet}",
            hint="It goes on by itself: run the same command again to wait on, or look with "
            f"`easel get --version {version_id}`.",
            extra={"versionId": version_id},
        ) from not_yet
