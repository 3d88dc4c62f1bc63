"""HTTP of the upload service, for the gateway alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from litestar import Controller, delete, get, post
from litestar.status_codes import HTTP_200_OK

from services.upload import domain
from services.upload.domain import Session
from services.upload.repository import Repository
from services.upload.settings import UploadSettings
from shared.actor import Actor
from shared.api.hub import CompleteUpload, PartNumbers, PartUrl, PartUrls, Upload, UploadPage
from shared.api.inside import OpenUpload
from shared.clock import new_id, now, wire_time
from shared.engines.s3 import NoSuchObject, Store, StoreRefused
from shared.problems import Conflict, Unauthorized
from shared.telemetry import logger

log = logger(__name__)
_URL_LIFETIME = timedelta(hours=1)


def _known(actor: Actor) -> Actor:
    if not actor.is_known:
        raise Unauthorized("Send an API key: Authorization: Bearer <key>.")
    return actor


def _require_open(session: Session) -> None:
    if session.status != "open":
        raise Conflict(f"This upload is {session.status}. Open a new one.")


class Uploads(Controller):
    """`/uploads`: sessions of resumable multipart uploads. The bytes go to the store, not through here."""

    path = "/uploads"

    @post()
    async def open_upload(
        self, data: OpenUpload, actor: Actor, uploads: Repository, store: Store, limits: UploadSettings
    ) -> Upload:
        """Open an upload into the bucket that nobody can read."""
        _known(actor)
        domain.check_name(data.name)
        domain.check_type(data.type)
        domain.check_size(data.size_bytes, limits.max_file_bytes)
        upload_id = new_id()
        key = upload_id
        store_upload = await store.open_multipart(store.incoming, key)
        session = domain.open_session(
            data, upload_id=upload_id, file_id=await uploads.next_file_id(), owner_id=actor.account_id,
            owner=actor.username, store_upload_id=store_upload, object_key=key, part_bytes=limits.part_bytes,
            now=now(), lifetime=timedelta(hours=limits.upload_hours),
        )  # fmt: skip
        await uploads.insert(session)
        return domain.to_upload(session, [])

    @get()
    async def list_uploads(
        self, actor: Actor, uploads: Repository, store: Store, version_id: int | None = None
    ) -> UploadPage:
        """The caller's open uploads with the parts they have, for a client that was restarted."""
        sessions = await uploads.list_open(_known(actor).account_id, version_id)
        shown = await asyncio.gather(*(_with_parts(session, store, uploads) for session in sessions))
        return UploadPage(items=[upload for upload in shown if upload.status == "open"])

    @get("/{upload_id:str}")
    async def get_upload(self, upload_id: str, actor: Actor, uploads: Repository, store: Store) -> Upload:
        """One upload with the parts the store has."""
        return await _with_parts(await uploads.get(upload_id, _known(actor).account_id), store, uploads)

    @post("/{upload_id:str}/urls", status_code=HTTP_200_OK)
    async def sign_parts(
        self, upload_id: str, data: PartNumbers, actor: Actor, uploads: Repository, store: Store, limits: UploadSettings
    ) -> PartUrls:
        """Addresses to PUT parts to. Asking for them keeps the upload alive."""
        session = await uploads.get(upload_id, _known(actor).account_id)
        _require_open(session)
        domain.check_part_numbers(session, data.parts)
        await uploads.touch(upload_id, now() + timedelta(hours=limits.upload_hours))
        urls = [
            PartUrl(
                number=number,
                size_bytes=domain.part_size(session, number),
                url=store.sign_part(store.incoming, session.object_key, session.store_upload_id, number, _URL_LIFETIME),
            )
            for number in data.parts
        ]
        return PartUrls(urls=urls, expires_at=wire_time(now() + _URL_LIFETIME))

    @post("/{upload_id:str}/complete", status_code=HTTP_200_OK)
    async def complete(
        self, upload_id: str, data: CompleteUpload, actor: Actor, uploads: Repository, store: Store
    ) -> Upload:
        """Join the parts and queue the scan. Safe to repeat after any interruption."""
        session = await uploads.get(upload_id, _known(actor).account_id)
        if session.status == "complete":
            return domain.to_upload(session, [])
        _require_open(session)
        await _join(session, data, store)
        await uploads.complete(session, now())
        return domain.to_upload(await uploads.get(upload_id, actor.account_id), [])

    @delete("/{upload_id:str}")
    async def abort(self, upload_id: str, actor: Actor, uploads: Repository, store: Store) -> None:
        """Give an upload up; one that is given up already stays so."""
        session = await uploads.get(upload_id, _known(actor).account_id)
        if session.status == "complete":
            raise Conflict("All bytes have arrived already. Remove the file from its version instead.")
        await store.abort_multipart(store.incoming, session.object_key, session.store_upload_id)
        await uploads.close(session, "aborted")


async def _with_parts(session: Session, store: Store, uploads: Repository) -> Upload:
    """The upload with its parts. One whose parts were joined by a call that then broke off is completed here."""
    if session.status != "open":
        return domain.to_upload(session, [])
    try:
        stored = await store.list_parts(store.incoming, session.object_key, session.store_upload_id)
    except NoSuchObject:
        return await _without_parts(session, store, uploads)
    return domain.to_upload(session, stored)


async def _without_parts(session: Session, store: Store, uploads: Repository) -> Upload:
    """An open upload that the store does not know: joined already, or lost (some stores forget parts when they die)."""
    try:
        await store.stat(store.incoming, session.object_key)
    except NoSuchObject:
        fresh = await store.open_multipart(store.incoming, session.object_key)
        reopened = await uploads.reopen(session, fresh)
        if reopened.store_upload_id != fresh:
            await store.abort_multipart(store.incoming, session.object_key, fresh)
            return await _with_parts(reopened, store, uploads)
        log.warning("the store had lost an upload; it begins anew", upload_id=session.id)
        return domain.to_upload(reopened, [])
    await _require_joined(session, store)
    await uploads.complete(session, now())
    return domain.to_upload(await uploads.get(session.id, session.owner_id), [])


async def _require_joined(session: Session, store: Store) -> None:
    """Raise Conflict unless the whole object is in the store."""
    try:
        joined = await store.stat(store.incoming, session.object_key)
    except NoSuchObject:
        raise Conflict(
            "The store no longer has this upload's parts. Ask for the upload and send what it lacks."
        ) from None
    if joined.size_bytes != session.size_bytes:
        raise Conflict(f"The store has {joined.size_bytes:,} bytes instead of {session.size_bytes:,}.")


async def _join(session: Session, data: CompleteUpload, store: Store) -> None:
    """Join the parts in the store; an object of the right size that is there already was joined by an earlier call."""
    try:
        stored = await store.list_parts(store.incoming, session.object_key, session.store_upload_id)
        parts = domain.check_complete(session, data.parts, stored)
        await store.complete_multipart(store.incoming, session.object_key, session.store_upload_id, parts)
    except NoSuchObject:
        await _require_joined(session, store)
    except StoreRefused as error:
        raise Conflict(f"The store could not join the parts: {error}. Send them again.") from error
