"""MongoDB. The driver is imported here and nowhere else, so that its successor can take its place in one file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne, ReturnDocument, UpdateOne
from pymongo.errors import ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from shared.settings import Settings

__all__ = [
    "ASCENDING",
    "DESCENDING",
    "Collection",
    "DuplicateKeyError",
    "IndexModel",
    "Mongo",
    "OperationFailure",
    "PyMongoError",
    "ReplaceOne",
    "ReturnDocument",
    "Session",
    "UpdateOne",
    "initiate_replica_set",
    "is_outage",
]

Document: TypeAlias = dict[str, Any]
Collection: TypeAlias = "AsyncIOMotorCollection[Document]"
Session: TypeAlias = AsyncIOMotorClientSession
T = TypeVar("T")

_SERVER_WAIT_MS = 3_000
_TRANSACTION_SECONDS = 6.0
_ALREADY_INITIALIZED = 23


def is_outage(error: BaseException) -> bool:
    """Whether the error says that the server is away, as opposed to having refused what was asked."""
    return isinstance(error, ConnectionFailure) or (
        isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError")
    )


def _again_while(label: str) -> AsyncRetrying:
    """Try again while the driver labels the error so (specification of transactions, "Error Labels")."""
    return AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, PyMongoError) and error.has_error_label(label)),
        wait=wait_random_exponential(multiplier=0.01, max=0.5),
        stop=stop_after_delay(_TRANSACTION_SECONDS),
        reraise=True,
    )


async def initiate_replica_set(member: str) -> None:
    """Make a replica set of one member (host:port), which transactions and change streams need; once is enough."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        f"mongodb://{member}/?directConnection=true", serverSelectionTimeoutMS=_SERVER_WAIT_MS
    )
    try:
        config = {"_id": "rs0", "members": [{"_id": 0, "host": member}]}
        await client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise
    finally:
        client.close()


class Mongo:
    """One service's database: `<prefix>_<service>`. A component of the service: start, check, stop."""

    name = "mongo"

    def __init__(self, settings: Settings, service: str) -> None:
        self._url = settings.mongo_url.get_secret_value()
        self._database_name = f"{settings.mongo_prefix}_{service}"
        self._indexes: dict[str, Sequence[IndexModel]] = {}
        self._client: AsyncIOMotorClient[Document] = self._connect()

    def _connect(self) -> AsyncIOMotorClient[Document]:
        return AsyncIOMotorClient(
            self._url, tz_aware=True, serverSelectionTimeoutMS=_SERVER_WAIT_MS, connectTimeoutMS=_SERVER_WAIT_MS,
            w="majority", journal=True, maxPoolSize=50, appname=self._database_name,
        )  # fmt: skip

    @property
    def database(self) -> AsyncIOMotorDatabase[Document]:
        """The service's own database."""
        return self._client[self._database_name]

    def __getitem__(self, collection: str) -> Collection:
        return self.database[collection]

    def index(self, indexes: Mapping[str, Sequence[IndexModel]]) -> None:
        """Name the indexes that `start` makes sure of. Call before the service starts."""
        for collection, wanted in indexes.items():
            self._indexes[collection] = [*self._indexes.get(collection, ()), *wanted]

    async def start(self) -> None:
        """Reach the primary and make the indexes.

        It is looked for with clients of their own: one that has seen the server before its replica set was made never
        finds it again, and this one must live as long as the collections that repositories have taken from it.
        """
        scout = self._connect()
        try:
            hello = await scout.admin.command("hello")
        finally:
            scout.close()
        if not hello.get("isWritablePrimary"):
            raise ConnectionFailure("the replica set has no primary yet")
        for collection, wanted in self._indexes.items():
            await self[collection].create_indexes(list(wanted))

    async def check(self) -> None:
        """Raise if the server does not answer."""
        await self._client.admin.command("ping")

    async def stop(self) -> None:
        """Close all connections."""
        self._client.close()

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run `work` in one transaction, again on a transient conflict: it must leave no trace outside of the session.

        Not the driver's `with_transaction`: Motor's commits outside of its own retries (as it leaves the context of
        `start_transaction`), and tries for two minutes while the server is away. Callers wait ten seconds.
        """

        async def once(session: Session) -> T:
            session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority", j=True))
            try:
                result = await work(session)
            except BaseException:
                await session.abort_transaction()
                raise
            # As a loop: tenacity's call form does not await what Motor's methods return, which are futures.
            async for attempt in _again_while("UnknownTransactionCommitResult"):
                with attempt:
                    await session.commit_transaction()
            return result

        async with await self._client.start_session() as session:
            return await _again_while("TransientTransactionError")(once, session)

    async def next_id(self, kind: str) -> int:
        """The next positive 32-bit id of a kind. Ids are never given twice; a failed request leaves a gap."""
        row: Document = await self["sequences"].find_one_and_update(
            {"_id": kind}, {"$inc": {"value": 1}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return int(row["value"])
