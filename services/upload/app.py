"""Wiring of the upload API: sessions, and the housekeeping of what was forgotten or refused."""

from __future__ import annotations

import asyncio

from litestar import Litestar
from litestar.di import Provide
from prometheus_client import Gauge

from services.upload.repository import Repository
from services.upload.routes import Uploads
from services.upload.settings import UploadSettings
from shared.clock import now
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.engines.s3 import Store
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service

BACKLOG = Gauge("easel_scan_backlog_bytes", "Bytes that wait for a scanner or are being scanned.")
_HOUSEKEEPING_SECONDS = 30.0
_BACKLOG_SECONDS = 5.0


def create_app() -> Litestar:
    """The upload service's application."""
    settings = UploadSettings()
    mongo = Mongo(settings, "upload")
    kafka = Kafka(settings)
    store = Store(settings)
    uploads = Repository(mongo, Outbox(mongo, "upload"))

    async def keep_house() -> None:
        while True:
            for session in await uploads.list_expired(now()):
                await store.abort_multipart(store.incoming, session.object_key, session.store_upload_id)
                await uploads.close(session, "expired")
            for scan in await uploads.list_discardable(now()):
                await store.delete(store.incoming, scan.object_key)
                await uploads.discarded(scan.file_id)
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)

    async def measure_backlog() -> None:
        while True:
            BACKLOG.set(await uploads.backlog_bytes())
            await asyncio.sleep(_BACKLOG_SECONDS)

    return create_service(
        "upload",
        settings,
        components=[
            mongo,
            store,
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("housekeeping", keep_house),
            Loop("backlog", measure_backlog),
        ],
        routes=[Uploads],
        dependencies={
            "uploads": Provide(lambda: uploads, sync_to_thread=False),
            "store": Provide(lambda: store, sync_to_thread=False),
            "limits": Provide(lambda: settings, sync_to_thread=False),
        },
    )
