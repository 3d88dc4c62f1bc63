"""`/images`."""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET, UnsetType

from shared.api.v1.foundation import V1, Metadata

NO_PICTURE: Final = "aa7daa2cb9f232bee553b953ee39a4089dc69b0bd9e99d60f3b9ddd32f60a2dd.png"
"""The key, like all keys the hash of its bytes, of the picture that stands for a version without any."""


class ImageStats(V1, frozen=True, kw_only=True):
    """Reactions and comments; the hub has none for pictures."""

    cry_count: int = 0
    laugh_count: int = 0
    like_count: int = 0
    dislike_count: int = 0
    heart_count: int = 0
    comment_count: int = 0


class ImageTag(V1, frozen=True, kw_only=True):
    """A tag by its number, which `/images?tags=` takes."""

    id: int
    name: str


class ImageItem(V1, frozen=True, kw_only=True):
    """One picture.

    `nsfw_level` is a name here and a number everywhere else, which is in `browsing_level`. `meta` is the generation
    data, or `{"id", "meta"}` around it when pictures of one model were asked for without `flatMeta`.
    """

    id: int
    url: str
    hash: str
    width: int
    height: int
    nsfw_level: str
    type: str = "image"
    nsfw: bool
    browsing_level: int
    created_at: str
    post_id: int
    stats: ImageStats = ImageStats()
    meta: dict[str, Any] | None
    username: str
    base_model: str
    model_version_ids: list[int]
    tags: list[ImageTag] | UnsetType = UNSET


class ImagePage(V1, frozen=True, kw_only=True):
    """Answer of `GET /api/v1/images`."""

    items: list[ImageItem]
    metadata: Metadata
