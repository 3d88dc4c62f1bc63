"""The object store, any that speaks S3. The client library is synchronous, so each call runs in a thread.

Stays on what all stores do: no user metadata, no bucket policies, no server-side compose (docs/decisions/0003).
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote, urlsplit

import msgspec
import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.datatypes import Part as MinioPart
from minio.error import InvalidResponseError, S3Error, ServerError

from shared.engines.store_errors import NoSuchObject, StoreDown, StoreRefused
from shared.settings import Settings

__all__ = ["BLOCK_BYTES", "NoSuchObject", "ObjectInfo", "Store", "StoreDown", "StoreRefused", "StoredPart"]

T = TypeVar("T")
BLOCK_BYTES: Final = 1 << 20
_LARGEST_COPY_BYTES: Final = 5 * (1 << 30)
"""S3 copies at most 5 GiB in one request (AWS: CopyObject)."""


class StoredPart(msgspec.Struct, frozen=True, rename="camel"):
    """One part of a multipart upload that the store has."""

    number: int
    etag: str
    size_bytes: int


class ObjectInfo(msgspec.Struct, frozen=True):
    """Size in bytes and entity tag of an object."""

    size_bytes: int
    etag: str


@contextmanager
def _plain_errors(what: str) -> Iterator[None]:
    """Turn the library's exceptions into the three that callers know."""
    try:
        yield
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchUpload", "NoSuchBucket", "NoSuchObject"):
            raise NoSuchObject(what) from error
        raise StoreRefused(f"{what}: {error.code} {error.message}") from error
    except InvalidResponseError as error:
        # Some stores send their errors as text/xml, which the library does not read: look for the code ourselves.
        text = str(error)
        if "NoSuch" in text or "404" in text:
            raise NoSuchObject(what) from error
        raise StoreRefused(f"{what}: {text[:300]}") from error
    except (ServerError, urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreDown(f"{what}: {error}") from error


def _client(address: str, settings: Settings) -> Minio:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise ValueError(f"an S3 address is http(s)://host[:port] without a path, not {address!r}")
    return Minio(
        parts.netloc,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        region=settings.s3_region,
        secure=parts.scheme == "https",
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=3, read=120), retries=urllib3.Retry(total=2, backoff_factor=0.2), maxsize=16
        ),
    )


class Store:
    """The buckets of a hub. A component of the service: start, check, stop."""

    name = "s3"

    def __init__(self, settings: Settings) -> None:
        self._inside = _client(settings.s3_endpoint, settings)
        self._public = _client(settings.s3_public_url, settings) if settings.s3_public_url else None
        self._public_names = settings.s3_public_names
        self.incoming = f"{settings.s3_prefix}-incoming"
        self.models = f"{settings.s3_prefix}-models"
        self.images = f"{settings.s3_prefix}-images"

    @property
    def has_public_address(self) -> bool:
        """Whether browsers reach the store themselves; otherwise the gateway relays its bytes."""
        return self._public is not None

    async def _run(self, what: str, call: Callable[[], T]) -> T:
        def guarded() -> T:
            with _plain_errors(what):
                return call()

        return await asyncio.to_thread(guarded)

    async def start(self) -> None:
        """Raise unless the store answers and has the hub's buckets (the migrate job makes them)."""
        for bucket in (self.incoming, self.models, self.images):
            if not await self.has_bucket(bucket):
                raise StoreRefused(f"bucket {bucket} is missing: run `python -m shared.migrate`")

    async def check(self) -> None:
        """Raise if the store does not answer."""
        await self.has_bucket(self.models)

    async def stop(self) -> None:
        """Nothing is held open."""

    async def has_bucket(self, bucket: str) -> bool:
        """Whether the bucket is there."""
        try:
            return await self._run(f"look for bucket {bucket}", lambda: self._inside.bucket_exists(bucket))
        except NoSuchObject:
            return False

    async def make_bucket(self, bucket: str) -> None:
        """Make the bucket if it is missing."""
        if not await self.has_bucket(bucket):
            await self._run(f"make bucket {bucket}", lambda: self._inside.make_bucket(bucket))

    async def stat(self, bucket: str, key: str) -> ObjectInfo:
        """Size and tag of an object; NoSuchObject if there is none."""
        found = await self._run(f"stat {bucket}/{key}", lambda: self._inside.stat_object(bucket, key))
        return ObjectInfo(int(found.size or 0), str(found.etag or ""))

    async def put(self, bucket: str, key: str, data: bytes, content_type: str) -> None:
        """Write a small object."""
        await self._run(
            f"put {bucket}/{key}",
            lambda: self._inside.put_object(bucket, key, io.BytesIO(data), len(data), content_type=content_type),
        )

    async def read(self, bucket: str, key: str) -> AsyncIterator[bytes]:
        """The bytes of an object in blocks of 1 MiB; NoSuchObject before the first if there is none."""
        response = await self._run(f"get {bucket}/{key}", lambda: self._inside.get_object(bucket, key))
        try:
            while block := await self._run(f"read {bucket}/{key}", lambda: response.read(BLOCK_BYTES)):
                yield block
        finally:
            response.close()
            response.release_conn()

    async def download(self, bucket: str, key: str, path: str) -> None:
        """Write an object to a local file."""
        await self._run(f"download {bucket}/{key}", lambda: self._inside.fget_object(bucket, key, path))

    async def copy(self, source_bucket: str, source_key: str, bucket: str, key: str) -> None:
        """Copy an object inside the store; over 5 GiB its bytes go through this process instead."""
        size = (await self.stat(source_bucket, source_key)).size_bytes
        if size <= _LARGEST_COPY_BYTES:
            source = CopySource(source_bucket, source_key)
            await self._run(f"copy to {bucket}/{key}", lambda: self._inside.copy_object(bucket, key, source))
        else:
            await self._run(
                f"copy to {bucket}/{key}", lambda: self._pass_through(source_bucket, source_key, bucket, key)
            )

    def _pass_through(self, source_bucket: str, source_key: str, bucket: str, key: str) -> None:
        response = self._inside.get_object(source_bucket, source_key)
        try:
            self._inside.put_object(
                bucket, key, cast(Any, response), length=-1, part_size=64 << 20,
                content_type="application/octet-stream",
            )  # fmt: skip
        finally:
            response.close()
            response.release_conn()

    async def delete(self, bucket: str, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        try:
            await self._run(f"delete {bucket}/{key}", lambda: self._inside.remove_object(bucket, key))
        except NoSuchObject:
            return

    # Multipart. The library keeps these calls private, so its version is pinned and they are used here alone.

    async def open_multipart(self, bucket: str, key: str) -> str:
        """Begin a multipart upload; its id."""
        headers: dict[str, Any] = {"Content-Type": "application/octet-stream"}
        return await self._run(
            f"open upload of {bucket}/{key}", lambda: self._inside._create_multipart_upload(bucket, key, headers)
        )

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> list[StoredPart]:
        """The parts the store has; NoSuchObject when the upload is finished, aborted or unknown."""
        found: list[StoredPart] = []
        marker: str | None = None
        while True:
            call = partial(self._inside._list_parts, bucket, key, upload_id, part_number_marker=marker)
            page = await self._run(f"list parts of {bucket}/{key}", call)
            found += [StoredPart(part.part_number, part.etag.strip('"'), int(part.size or 0)) for part in page.parts]
            if not page.is_truncated:
                return found
            marker = str(page.next_part_number_marker)

    async def complete_multipart(self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the parts (number and ETag, in order). StoreRefused when one is missing or another's."""
        joined = [MinioPart(number, etag) for number, etag in parts]
        await self._run(
            f"complete upload of {bucket}/{key}",
            lambda: self._inside._complete_multipart_upload(bucket, key, upload_id, joined),
        )

    async def abort_multipart(self, bucket: str, key: str, upload_id: str) -> None:
        """Give the parts back; an upload that is not there is fine."""
        try:
            await self._run(
                f"abort upload of {bucket}/{key}", lambda: self._inside._abort_multipart_upload(bucket, key, upload_id)
            )
        except NoSuchObject:
            return

    # Addresses. Signing is arithmetic: no call to the store.

    def sign_part(self, bucket: str, key: str, upload_id: str, number: int, valid: timedelta) -> str:
        """An address to PUT one part to: the store's public one if it has one, else its inner one (for the relay)."""
        return (self._public or self._inside).get_presigned_url(
            "PUT", bucket, key, expires=valid, extra_query_params={"partNumber": str(number), "uploadId": upload_id}
        )

    def sign_get(
        self, bucket: str, key: str, valid: timedelta, *, method: str = "GET", disposition: str | None = None,
        content_type: str | None = None, inside: bool = False, name: str | None = None,
    ) -> str:  # fmt: skip
        """An address to GET (or HEAD) an object from, with the reply's Content-Disposition and -Type set by it.

        A public one ends in `name` where something before the store takes it off again (deploy/store-front).
        """
        headers: dict[str, Any] = {}
        if disposition:
            headers["response-content-disposition"] = disposition
        if content_type:
            headers["response-content-type"] = content_type
        client = self._inside if inside or self._public is None else self._public
        address = client.get_presigned_url(method, bucket, key, expires=valid, response_headers=headers or None)
        if name is None or client is self._inside or not self._public_names:
            return address
        path, question, query = address.partition("?")
        return f"{path}/{quote(name)}{question}{query}"
