"""Fetches one file of a version: resumable, verified, and visible under its name only when it is complete.

The bytes go to `NAME.part`; `NAME.part.json` beside it says what they are part of. The hub answers a download with
a redirect to a signed address, which is asked for anew at every attempt and fetched without the API key.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import msgspec
import tenacity

from cli.client import HubClient
from cli.documents import V1File
from cli.errors import CommandFailed, HashMismatch, HubUnavailable, Interrupted
from cli.local_file import sha256_of
from cli.output import Progress, size_text
from cli.problems import failure_of

ATTEMPTS_WITHOUT_PROGRESS = 6
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class PartNote(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a `.part` file is part of: the wanted content, and the store's ETag for `If-Range`."""

    sha256: str
    size_bytes: int
    etag: str


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Where a file is now, and whether it had to be fetched."""

    path: Path
    status: Literal["downloaded", "present"]


class Broken(Exception):
    """The transfer stopped early; the next attempt goes on from there."""


def safe_name(name: str) -> str:
    """The last component of a file name from the hub; raises CommandFailed if that is no usable name.

    A name like `../../.bashrc` must not leave the folder the user chose.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    if last in ("", ".", "..") or any(ord(character) < 32 for character in last):
        raise CommandFailed(f"the hub names a file {name!r}, which is no usable file name")
    return last


def fetch_file(
    client: HubClient, file: V1File, folder: Path, progress: Progress, *, overwrite: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:  # fmt: skip
    """Put `file` into `folder` under its name, verified by size and SHA-256.

    Raises HashMismatch (the `.part` is removed, so that the next run starts afresh), HubUnavailable when attempts
    bring no more bytes, Interrupted on Ctrl-C (the `.part` stays), CommandFailed if another file has the name.
    """
    sha256 = file.sha256
    if sha256 is None:
        raise CommandFailed(f"the hub states no SHA-256 for {file.name}, so it could not be verified")
    target = folder / safe_name(file.name)
    if target.exists() and not overwrite:
        if target.is_file() and target.stat().st_size == file.size_bytes and sha256_of(target) == sha256:
            progress.reset(file.size_bytes)
            return Fetched(path=target, status="present")
        raise CommandFailed(f"{target} exists and is another file", hint="Move it away, or use --overwrite.")
    part = Part(target, sha256, file.size_bytes)
    free = shutil.disk_usage(folder).free
    if file.size_bytes - part.size > free:
        raise CommandFailed(f"{file.name} needs {size_text(file.size_bytes)}, but {folder} has {size_text(free)} free")
    try:
        _fetch_part(client, file, part, progress, sleep)
    except KeyboardInterrupt as interrupt:
        kept = f"{size_text(part.size)} of {size_text(file.size_bytes)} are in {part.path}"
        raise Interrupted(f"interrupted; {kept}", hint="Run the same command again to go on.") from interrupt
    part.finish()
    return Fetched(path=target, status="downloaded")


class Part:
    """The unfinished file on disk with the note beside it."""

    def __init__(self, target: Path, sha256: str, size_bytes: int) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._note_path = target.with_name(target.name + ".part.json")
        self._sha256 = sha256
        self._size_bytes = size_bytes
        self.etag = ""
        self._load()

    @property
    def size(self) -> int:
        """The bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def missing_bytes(self) -> int:
        """The bytes still to come."""
        return self._size_bytes - self.size

    def note(self, etag: str) -> None:
        """Write down what the bytes belong to, before the first of them arrives."""
        self.etag = etag
        note = PartNote(sha256=self._sha256, size_bytes=self._size_bytes, etag=etag)
        self._note_path.write_bytes(msgspec.json.encode(note))

    def discard(self) -> None:
        """Forget the bytes."""
        self.path.unlink(missing_ok=True)
        self._note_path.unlink(missing_ok=True)
        self.etag = ""

    def finish(self) -> None:
        """Verify the bytes and give them their name; raises HashMismatch and discards them if they are wrong."""
        actual_size, actual = self.size, sha256_of(self.path)
        if (actual_size, actual) != (self._size_bytes, self._sha256):
            self.discard()
            raise HashMismatch(
                f"{self.target.name}: expected SHA-256 {self._sha256} ({self._size_bytes} bytes), "
                f"got {actual} ({actual_size} bytes); the bytes were removed",
                hint="Try again. If it happens again, the hub's store is damaged: tell its operator.",
                extra={"expectedSha256": self._sha256, "actualSha256": actual},
            )
        self.path.replace(self.target)
        self._note_path.unlink(missing_ok=True)

    def _load(self) -> None:
        """Take up an earlier attempt at the same content; anything else is discarded."""
        try:
            note = msgspec.json.decode(self._note_path.read_bytes(), type=PartNote)
        except (FileNotFoundError, msgspec.DecodeError):
            # No note, or one cut short by a crash: the bytes cannot be trusted to belong here.
            self.discard()
            return
        if (note.sha256, note.size_bytes) != (self._sha256, self._size_bytes) or self.missing_bytes < 0:
            self.discard()
        else:
            self.etag = note.etag


def _fetch_part(
    client: HubClient, file: V1File, part: Part, progress: Progress, sleep: Callable[[float], None]
) -> None:
    seen, last_progress = part.size, 1

    def is_stuck(state: tenacity.RetryCallState) -> bool:
        nonlocal seen, last_progress
        if part.size > seen:
            seen, last_progress = part.size, state.attempt_number
        return state.attempt_number - last_progress >= ATTEMPTS_WITHOUT_PROGRESS

    retrying = tenacity.Retrying(
        stop=is_stuck,
        wait=tenacity.wait_exponential_jitter(initial=0.3, max=10.0, jitter=0.5),
        retry=tenacity.retry_if_exception_type((Broken, HubUnavailable, httpx.TransportError)),
        sleep=sleep,
        reraise=True,
    )
    try:
        retrying(_attempt, client, file, part, progress)
    except (Broken, httpx.TransportError) as error:
        raise HubUnavailable(
            f"{file.name} stopped at {size_text(part.size)} of {size_text(file.size_bytes)}: "
            f"{str(error) or type(error).__name__}",
            hint=f"What arrived is kept in {part.path}: run the same command again to go on.",
        ) from error


def _attempt(client: HubClient, file: V1File, part: Part, progress: Progress) -> None:
    """One connection: from where the part ends to the end of the file, or until it breaks."""
    progress.reset(part.size)
    if part.path.exists() and part.missing_bytes == 0:
        return
    headers = {"Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if part.etag.startswith('"'):
            # Only a strong ETag may stand in If-Range (RFC 9110 section 13.1.5).
            headers["If-Range"] = part.etag
    with client.transfers.stream("GET", signed_url(client, file.download_url), headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.discard()
            raise Broken("the store has fewer bytes than this part")
        if not response.is_success:
            response.read()
            failure = failure_of(response)
            # A signed address that has run out answers 400 or 403: the next attempt asks for another.
            may_pass = response.status_code in (400, 403, 429) or response.is_server_error
            raise Broken(failure.detail) if may_pass else failure
        if "text/html" in response.headers.get("Content-Type", ""):
            raise CommandFailed(f"the address of {file.name} answers with a web page instead of a file")
        starts_at = _start_of(response)
        if starts_at != part.size:
            # The content changed or the store ignores ranges: what is here cannot be continued.
            part.discard()
            if starts_at:
                raise Broken(f"the store sent bytes from {starts_at} on, which were not asked for")
            progress.reset(0)
        if not part.size:
            part.note(response.headers.get("ETag", ""))
        with part.path.open("ab") as sink:
            # As they come: chunks of a set size would hold back, and at a break lose, up to one of them.
            for chunk in response.iter_raw():
                sink.write(chunk)
                progress.advance(len(chunk))
            sink.flush()
            os.fsync(sink.fileno())
    if part.missing_bytes > 0:
        raise Broken(f"the connection ended {size_text(part.missing_bytes)} early")


def signed_url(client: HubClient, download_url: str) -> str:
    """Where the bytes are: what the hub redirects to, asked with the key if the address is the hub's own."""
    if not client.is_own(download_url):
        return download_url
    response = client.send("GET", download_url, redirect_is_answer=True)
    if not response.is_redirect:
        raise CommandFailed(f"{download_url} answered {response.status_code} instead of a redirect to the file")
    return str(response.url.join(response.headers["Location"]))


def _start_of(response: httpx.Response) -> int:
    """The offset of the first byte sent; some stores answer a range with 200 and a `Content-Range`."""
    found = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    return int(found.group(1)) if found else 0
