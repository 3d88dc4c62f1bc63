"""Collections in Easel's own API."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shared.api.hub import Answer, Ask

CollectionName = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]
CollectionText = Annotated[str, Meta(max_length=2_000)]


class NewCollection(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/collections`."""

    name: CollectionName
    description: CollectionText = ""
    is_public: bool = False


class CollectionChange(Ask, frozen=True, kw_only=True):
    """Body of `PATCH /api/hub/collections/{id}`: what is absent stays as it is."""

    name: CollectionName | UnsetType = UNSET
    description: CollectionText | UnsetType = UNSET
    is_public: bool | UnsetType = UNSET


class HubCollection(Answer, frozen=True, kw_only=True):
    """Models that somebody keeps together. `nsfw_level` has the maturity bits of its models, 0 of an empty one."""

    id: int
    name: str
    description: str
    is_public: bool
    owner_id: int
    owner: str
    item_count: int
    nsfw_level: int
    cover_model_id: int | None
    followers: int
    created_at: str
    has_model: bool | UnsetType = UNSET
    """Whether the model that was asked about is in it."""


class CollectionPage(Answer, frozen=True, kw_only=True):
    """Collections, newest first."""

    items: list[HubCollection]
    next_cursor: str | UnsetType = UNSET


class ModelIds(Answer, frozen=True, kw_only=True):
    """Ids of models, the last added first."""

    items: list[int]
