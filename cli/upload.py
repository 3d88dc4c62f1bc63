"""Sends one file to the hub in parts, several at a time, going on where an earlier attempt stopped.

Addresses of parts are signed for a limited time, so each is asked for only when its part is about to be sent.
A part that fails is sent again with a new address; parts that the store already has are not sent at all.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass
from typing import TypeVar

import httpx
import tenacity

from cli.client import HubClient
from cli.documents import PartUrls, Upload, UploadPage
from cli.errors import CommandFailed, HubUnavailable, Interrupted, UsageInvalid
from cli.local_file import LocalFile, read_range
from cli.output import Progress

T = TypeVar("T")

PARTS_IN_FLIGHT = 4
ATTEMPTS_PER_PART = 5
COMPLETE_ROUNDS = 2
"""How often to send what the store turns out to lack when the upload is closed."""

_wait_before_part = tenacity.wait_exponential_jitter(initial=0.5, max=15.0, jitter=0.5)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A file that the hub now holds, and the SHA-256 of the bytes on this side."""

    upload: Upload
    sha256: str


class PartNotStored(Exception):
    """One attempt to store a part failed; another may succeed."""


class Stopped(Exception):
    """Another part failed for good or the user pressed Ctrl-C, so this one need not go on."""


def open_upload(client: HubClient, version_id: int, file: LocalFile) -> Upload:
    """The upload of this file that is still open from an earlier attempt, or a new one."""
    page = client.get("/api/hub/uploads", UploadPage, [("versionId", version_id)])
    for upload in page.items:
        is_same_file = (upload.version_id, upload.name, upload.size_bytes) == (version_id, file.name, file.size_bytes)
        if upload.status == "open" and is_same_file:
            return client.get(f"/api/hub/uploads/{upload.id}", Upload)
    body = {"name": file.name, "sizeBytes": file.size_bytes, "type": file.file_type}
    return client.create(f"/api/hub/versions/{version_id}/uploads", body, Upload)


def send_file(client: HubClient, upload: Upload, file: LocalFile, progress: Progress) -> Sent:
    """Send the parts that are missing and close the upload.

    Raises UsageInvalid if the file changes meanwhile, Interrupted on Ctrl-C, HubUnavailable if a part fails
    `ATTEMPTS_PER_PART` times; in each case the stored parts are kept for the next run.
    """
    transfer = Transfer(client, upload, file, progress)
    sha256 = transfer.run()
    for _ in range(COMPLETE_ROUNDS):
        if not file.is_unchanged():
            raise UsageInvalid(f"{file.path} changed while it was sent", hint="Publish it again when it is finished.")
        try:
            return Sent(upload=transfer.complete(), sha256=sha256)
        except CommandFailed as failure:
            if failure.status not in (400, 409, 422):
                raise
            # The store may have lost a part that it once confirmed: ask, and send what is missing.
            now = client.get(f"/api/hub/uploads/{upload.id}", Upload)
            if now.status == "complete":
                return Sent(upload=now, sha256=sha256)
            transfer = Transfer(client, now, file, progress)
            if not transfer.missing:
                raise
            transfer.run(with_hash=False)
    return Sent(upload=transfer.complete(), sha256=sha256)


class Transfer:
    """The parts of one upload on their way."""

    def __init__(self, client: HubClient, upload: Upload, file: LocalFile, progress: Progress) -> None:
        self._client = client
        self._upload = upload
        self._file = file
        self._progress = progress
        self._stop = threading.Event()
        self.etags = {
            part.number: part.etag for part in upload.parts if part.size_bytes == upload.part_length(part.number)
        }
        self.missing = [number for number in range(1, upload.part_count + 1) if number not in self.etags]
        progress.reset(sum(map(upload.part_length, self.etags)))

    def run(self, *, with_hash: bool = True) -> str:
        """Send the missing parts and meanwhile hash the file; returns the SHA-256, or "" without `with_hash`."""
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in self.missing:
            waiting.put(number)
        workers = [in_daemon_thread(lambda: self._send_parts(waiting)) for _ in range(PARTS_IN_FLIGHT)]
        digest = in_daemon_thread(self._hash) if with_hash else None
        try:
            self._settle(workers)
            return digest.result() if digest is not None else ""
        except KeyboardInterrupt as interrupt:
            stored = f"{len(self.etags)} of {self._upload.part_count} parts of {self._file.name} are stored"
            raise Interrupted(f"interrupted; {stored}", hint="Run the same command again to go on.") from interrupt
        finally:
            self._stop.set()

    def complete(self) -> Upload:
        """Close the upload; the hub then assembles and examines the file."""
        parts = [{"number": number, "etag": self.etags[number]} for number in sorted(self.etags)]
        return self._client.post(f"/api/hub/uploads/{self._upload.id}/complete", {"parts": parts}, Upload)

    def _settle(self, workers: list[Future[None]]) -> None:
        """Wait for all workers; raises the first failure at once (the others see `_stop` and end by themselves)."""
        done, _ = wait(workers, return_when=FIRST_EXCEPTION)
        for worker in done:
            worker.result()

    def _send_parts(self, waiting: queue.SimpleQueue[int]) -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            self._send_part(number)

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for chunk in read_range(self._file.path, 0, self._file.size_bytes):
            self._raise_if_stopped()
            digest.update(chunk)
        return digest.hexdigest()

    def _send_part(self, number: int) -> None:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS_PER_PART),
            wait=_wait_before_part,
            retry=tenacity.retry_if_exception_type((PartNotStored, HubUnavailable, httpx.TransportError)),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            self.etags[number] = retrying(self._attempt, number)
        except (PartNotStored, httpx.TransportError) as error:
            reason = str(error) or type(error).__name__
            raise HubUnavailable(
                f"part {number} of {self._file.name} could not be stored in {ATTEMPTS_PER_PART} attempts: {reason}",
                hint="The stored parts are kept: run the same command again to go on.",
            ) from error

    def _attempt(self, number: int) -> str:
        self._raise_if_stopped()
        path = f"/api/hub/uploads/{self._upload.id}/urls"
        url = self._client.post(path, {"parts": [number]}, PartUrls).urls[0].url
        length = self._upload.part_length(number)
        sent = Counter(self._progress)
        try:
            body = self._body(number, length, sent)
            # A stated length keeps httpx from chunked encoding, which stores refuse.
            response = self._client.transfers.put(url, content=body, headers={"Content-Length": str(length)})
            etag: str = response.headers.get("ETag", "").strip('"')
            if not response.is_success or not etag:
                raise PartNotStored(f"the store answered {response.status_code} {response.text[:200]}".rstrip())
        except BaseException:
            sent.take_back()
            raise
        return etag

    def _body(self, number: int, length: int, sent: Counter) -> Iterator[bytes]:
        offset = (number - 1) * self._upload.part_size_bytes
        remaining = length
        for chunk in read_range(self._file.path, offset, length):
            self._raise_if_stopped()
            remaining -= len(chunk)
            yield chunk
            sent.add(len(chunk))
        if remaining:
            raise UsageInvalid(f"{self._file.path} became shorter while it was sent")

    def _sleep(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise Stopped


class Counter:
    """The bytes one attempt has shown as progress, to be taken back when it fails."""

    def __init__(self, progress: Progress) -> None:
        self._advance: Callable[[int], None] = progress.advance
        self._bytes = 0

    def add(self, size_bytes: int) -> None:
        """Count bytes as sent."""
        self._bytes += size_bytes
        self._advance(size_bytes)

    def take_back(self) -> None:
        """Uncount all of them."""
        self._advance(-self._bytes)
        self._bytes = 0


def in_daemon_thread(work: Callable[[], T]) -> Future[T]:
    """Run `work` beside; unlike a pool's thread, one stuck on a dead connection cannot delay the end after Ctrl-C."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="easel-upload", daemon=True).start()
    return future
