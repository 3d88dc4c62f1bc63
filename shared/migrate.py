"""Bring the engines to what this release needs: buckets and topics. Idempotent; `python -m shared.migrate`.

On a laptop, and as a Job in a cluster. Indexes are each service's own and made when it starts.
"""

from __future__ import annotations

import asyncio

from tenacity import AsyncRetrying, RetryCallState, stop_after_delay, wait_exponential_jitter

from shared.engines.kafka import make_topics
from shared.engines.mongo import initiate_replica_set
from shared.engines.s3 import Store
from shared.settings import Settings
from shared.telemetry import configure_logging, logger

log = logger(__name__)
_GIVE_UP_SECONDS = 300


class MigrateSettings(Settings):
    """`EASEL_MONGO_INITIATE` names the only member (host:port) of a replica set to make; for one machine alone."""

    mongo_initiate: str | None = None


async def migrate(settings: MigrateSettings) -> None:
    """Do it once; raises while an engine is away."""
    if settings.mongo_initiate:
        await initiate_replica_set(settings.mongo_initiate)
    store = Store(settings)
    for bucket in (store.incoming, store.models, store.images):
        await store.make_bucket(bucket)
    made = await make_topics(settings)
    log.info("engines are ready", topics_made=len(made))


async def migrate_patiently(settings: MigrateSettings) -> None:
    """Try again with growing pauses for up to five minutes."""

    def waiting(state: RetryCallState) -> None:
        log.info("waiting for the engines", error=repr(state.outcome.exception() if state.outcome else None))

    async for attempt in AsyncRetrying(
        stop=stop_after_delay(_GIVE_UP_SECONDS), wait=wait_exponential_jitter(0.1, max=2, jitter=0.2),
        after=waiting, reraise=True,
    ):  # fmt: skip
        with attempt:
            await migrate(settings)


def main() -> None:
    """Exit 0 when everything is there."""
    settings = MigrateSettings()
    configure_logging("migrate", settings.log_level)
    asyncio.run(migrate_patiently(settings))


if __name__ == "__main__":
    main()
