"""What lists show of models reaches collections alike, whether it is read in batches or one at a time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.reviews.collection_rules import Collection, new_collection
from services.reviews.collection_store import Collections, Listing
from shared.actor import Actor
from shared.api.collections import NewCollection
from shared.engines.mongo import Mongo, Session
from shared.outbox import Outbox
from tests.integration.inner_service import own_database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER = Actor(account_id=1, username="owner")
MODELS = range(1, 5)


@pytest.fixture
async def mongo(engine_environment: Mapping[str, str]) -> AsyncIterator[Mongo]:
    async with own_database(engine_environment, "reviews", Collections) as mongo:
        yield mongo


async def shown(mongo: Mongo, batches: Sequence[Sequence[Listing]]) -> list[tuple[list[int], int, int, int | None]]:
    """What three collections show after these words, read in these batches."""
    collections = Collections(mongo, Outbox(mongo, "reviews"))
    for name in ("models", "collections", "collection_items"):
        await mongo[name].delete_many({})
    made: list[Collection] = []
    for number in range(3):
        ask = NewCollection(name=f"Kept {number}")
        made.append(await collections.create(1, lambda each, ask=ask: new_collection(each, ask, OWNER, NOON)))  # type: ignore[misc]
        for model_id in MODELS[number:]:
            await collections.add(made[-1], model_id, NOON + timedelta(minutes=model_id))
    for batch in batches:

        async def read(session: Session, batch: Sequence[Listing] = batch) -> None:
            await collections.models_listed(batch, session)

        await mongo.transact(read)
    found = [await collections.find(each.id) for each in made]
    return [
        (await collections.list_models(each.id), each.item_count, each.level, each.cover_model_id)
        for each in found
        if each is not None
    ]


@pytest.mark.parametrize("seed", range(8))
async def test_batches_end_as_single_events_do(mongo: Mongo, seed: int) -> None:
    chance = random.Random(seed)
    said = [Listing(model, seq, chance.choice([None, 1, 4, 16])) for model in MODELS for seq in range(1, 6)]
    heard = chance.choices(said, k=30)  # some twice, some never, in any order
    batches: list[list[Listing]] = []
    while sum(map(len, batches)) < len(heard):
        at = sum(map(len, batches))
        batches.append(heard[at : at + chance.randrange(1, 12)])
    newest = {listing.model_id: listing for listing in sorted(heard, key=lambda listing: listing.seq)}
    visible = [model for model in reversed(MODELS) if model in newest and newest[model].level is not None]
    alone = await shown(mongo, [[listing] for listing in heard])
    assert alone[0][0] == visible
    assert [len(models) for models, *_ in alone] == [count for _, count, *_ in alone]
    assert await shown(mongo, batches) == alone
