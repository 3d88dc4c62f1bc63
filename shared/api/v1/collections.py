"""`/collections`, and `/articles`, of which a hub has none."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from shared.api.v1.foundation import V1, Metadata


class CollectionUser(V1, frozen=True, kw_only=True):
    """Whose collection it is."""

    id: int
    username: str


class CollectionTag(V1, frozen=True, kw_only=True):
    """A tag of a collection; the hub's have none."""

    id: int
    name: str


class Collection(V1, frozen=True, kw_only=True):
    """A public collection. `item_count` is in lists alone, `tags` in the collection's own document alone."""

    id: int
    name: str
    description: str | None
    type: str = "Model"
    nsfw_level: int | None
    read: str = "Public"
    is_public: bool = True
    item_count: int | UnsetType = UNSET
    cover_image_url: str | None
    user: CollectionUser
    tags: list[CollectionTag] | UnsetType = UNSET


class CollectionList(V1, frozen=True, kw_only=True):
    """Answer of `/collections`."""

    items: list[Collection]
    metadata: Metadata


class ListOfNothing(V1, frozen=True, kw_only=True):
    """Articles."""

    items: list[dict[str, Any]] = []
    metadata: Metadata = Metadata()
