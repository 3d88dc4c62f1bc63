"""Rules of collections: values in, values out. No I/O, no clock, no randomness.

Besides the collections that people make and name, everybody has two of a kind of their own: the models they favour and
those they have hidden from themselves. These are nobody else's business.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from services.reviews.domain import Value, require_known
from shared.actor import Actor
from shared.api.collections import CollectionChange, HubCollection, NewCollection
from shared.clock import wire_time
from shared.problems import Conflict, NotFound

Kind = Literal["models", "favorites", "hidden"]
OwnKind = Literal["favorites", "hidden"]
MOST_ITEMS = 2_000
"""Models in one collection: all of them can be asked for at once."""
MOST_COLLECTIONS = 200


class Collection(Value, frozen=True, kw_only=True):
    """Models that somebody keeps together. `level` has the maturity bits of all that can be seen of it.

    `item_count` is the number of models that can be seen, `cover_model_id` the one that was added last.
    """

    id: int
    kind: Kind = "models"
    owner_id: int
    owner: str
    name: str
    description: str = ""
    is_public: bool = False
    item_count: int = 0
    level: int = 0
    cover_model_id: int | None = None
    followers: int = 0
    created_at: datetime
    changed_at: datetime


def new_collection(collection_id: int, ask: NewCollection, actor: Actor, now: datetime) -> Collection:
    """An empty collection."""
    return Collection(
        id=collection_id,
        owner_id=actor.account_id,
        owner=actor.username,
        name=ask.name.strip(),
        description=ask.description.strip(),
        is_public=ask.is_public,
        created_at=now,
        changed_at=now,
    )


def own_collection(collection_id: int, kind: OwnKind, actor: Actor, now: datetime) -> Collection:
    """The collection of its own kind that everybody has."""
    return Collection(
        id=collection_id, kind=kind, owner_id=actor.account_id, owner=actor.username, name=kind.capitalize(),
        created_at=now, changed_at=now,
    )  # fmt: skip


def change_collection(before: Collection, ask: CollectionChange, now: datetime) -> Collection:
    """The collection with what was sent changed; the rest stays."""
    sent = {name: value for name in ask.__struct_fields__ if (value := getattr(ask, name)) is not msgspec.UNSET}
    sent |= {name: value.strip() for name, value in sent.items() if isinstance(value, str)}
    return msgspec.structs.replace(before, **sent, changed_at=now)


def require_readable(collection_id: int, collection: Collection | None, actor: Actor) -> Collection:
    """The collection, if it is public or the actor's. Raises NotFound, the same for hidden and missing."""
    if collection is None or not (collection.is_public or collection.owner_id == actor.account_id):
        raise NotFound(f"No collection with id {collection_id}")
    return collection


def require_own(collection_id: int, collection: Collection | None, actor: Actor) -> Collection:
    """The collection, if the actor may change it: its owner alone, moderators too if it is public."""
    require_known(actor)
    found = require_readable(collection_id, collection, actor)
    if found.owner_id != actor.account_id and not actor.may_moderate:
        raise NotFound(f"You have no collection with id {collection_id}")
    return found


def require_named(collection: Collection) -> Collection:
    """The collection, unless it is one of those that everybody has. Raises Conflict."""
    if collection.kind != "models":
        raise Conflict(f"{collection.name} is always there, and always its owner's alone.")
    return collection


def require_room(collection: Collection, kept: int) -> None:
    """Raise Conflict for one that is full; `kept` counts the models that cannot be seen as well."""
    if kept >= MOST_ITEMS:
        raise Conflict(f"{collection.name} has {MOST_ITEMS:,} models, which is the most; take some out first.")


def collection_view(collection: Collection, *, has_model: bool | None = None) -> HubCollection:
    """The collection as the API shows it."""
    return HubCollection(
        id=collection.id,
        name=collection.name,
        description=collection.description,
        is_public=collection.is_public,
        owner_id=collection.owner_id,
        owner=collection.owner,
        item_count=collection.item_count,
        nsfw_level=collection.level,
        cover_model_id=collection.cover_model_id,
        followers=collection.followers,
        created_at=wire_time(collection.created_at),
        has_model=msgspec.UNSET if has_model is None else has_model,
    )
