"""Wiring of the upload API: sessions, and the housekeeping of what was forgotten or refused."""

from __future__ import annotations

import asyncio

from litestar import Litestar
from litestar.di import Provide
from prometheus_client import Gauge

from services.upload.repository import Repository
from services.upload.rescans import Rescans
from services.upload.routes import Uploads
from services.upload.scan_routes import ScanReports
from services.upload.scans import Scans
from services.upload.settings import UploadSettings
from services.upload.shelf import Shelf, take_in
from services.upload.verdicts import AGAIN, FRESH
from shared.clock import now
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.engines.s3 import Store
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service

BACKLOG = Gauge("easel_scan_backlog_bytes", "Bytes that wait for a scanner or are being scanned.")
RESCAN_BACKLOG = Gauge("easel_rescan_backlog_bytes", "Bytes of files that are in line to be scanned again.")
_HOUSEKEEPING_SECONDS = 30.0
_BACKLOG_SECONDS = 5.0


def create_app() -> Litestar:
    """The upload service's application."""
    settings = UploadSettings()
    mongo = Mongo(settings, "upload")
    kafka = Kafka(settings)
    store = Store(settings)
    outbox = Outbox(mongo, "upload")
    uploads = Repository(mongo, outbox)
    scans = Scans(mongo, outbox)
    rescans = Rescans(mongo)
    shelf = Shelf(store, scans)

    async def keep_house() -> None:
        while True:
            for session in await uploads.list_expired(now()):
                await store.abort_multipart(store.incoming, session.object_key, session.store_upload_id)
                await uploads.close(session, "expired")
            for scan in await scans.list_discardable(now()):
                await shelf.clear(scan)
                await scans.discarded(scan.file_id)
            await take_in(scans, shelf)
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)

    async def measure_backlog() -> None:
        while True:
            BACKLOG.set(await scans.backlog_bytes(FRESH))
            RESCAN_BACKLOG.set(await scans.backlog_bytes(AGAIN))
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
        routes=[Uploads, ScanReports],
        dependencies={
            "rescans": Provide(lambda: rescans, sync_to_thread=False),
            "scans": Provide(lambda: scans, sync_to_thread=False),
            "uploads": Provide(lambda: uploads, sync_to_thread=False),
            "store": Provide(lambda: store, sync_to_thread=False),
            "limits": Provide(lambda: settings, sync_to_thread=False),
        },
    )
