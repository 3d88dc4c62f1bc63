"""The query of `GET /api/v1/images` as one typed value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from services.gateway.query_reader import FALSE, MAX_ID, TRUE, QueryReader
from shared.api import v1

_USERNAME = re.compile(r"[A-Za-z0-9_]*")
_PERIODS = {
    "Day": timedelta(days=1),
    "Week": timedelta(days=7),
    "Month": timedelta(days=30),
    "Year": timedelta(days=365),
}


class ImageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants to see. `levels` is a mask of maturity levels."""

    limit: int = 100
    page: int | None = None
    cursor: str | None = None
    image_id: int | None = None
    post_id: int | None = None
    model_id: int | None = None
    version_id: int | None = None
    user_id: int | None = None
    username: str | None = None
    sort: str = "Most Reactions"
    period: str = "AllTime"
    levels: int = v1.LEVEL_PG
    tags: tuple[int, ...] = ()
    type: str | None = None
    base_models: tuple[str, ...] = ()
    with_meta: bool = False
    flat_meta: bool | None = None
    with_tags: bool = False
    requiring_meta: bool = False

    @property
    def is_of_one_model(self) -> bool:
        """Asked by image or by model alone: such answers wrap `meta` and know no random order."""
        return self.image_id is not None or (self.model_id is not None and self.version_id is None)

    @property
    def meta_shape(self) -> Literal["none", "flat", "wrapped"]:
        """How generation data is shown."""
        if not self.with_meta:
            return "none"
        flat = not self.is_of_one_model if self.flat_meta is None else self.flat_meta
        return "flat" if flat else "wrapped"

    @property
    def can_match(self) -> bool:
        """Whether any picture of the hub can be meant: it has still pictures alone, and a post is one version's."""
        is_contradiction = self.post_id is not None and self.version_id not in (None, self.post_id)
        return self.type in (None, "image") and not is_contradiction

    def catalog_params(self, now: datetime, user_id: int | None) -> list[tuple[str, str]]:
        """The same, for the catalog; `user_id` is whose pictures, by id or by name."""
        version_id = self.version_id if self.version_id is not None else self.post_id
        since = now - _PERIODS[self.period] if self.period in _PERIODS else None
        params: dict[str, Any] = {
            "limit": self.limit, "levels": self.levels, "meta": self.meta_shape, "tags": self.with_tags,
            "oldest_first": self.sort == "Oldest", "without_meta": self.requiring_meta, "cursor": self.cursor,
            "skip": (self.page - 1) * self.limit if self.page else None, "image_id": self.image_id,
            "model_id": self.model_id if self.version_id is None else None, "version_id": version_id,
            "user_id": user_id,
            "since" if self.is_of_one_model else "published_since": since.isoformat() if since else None,
            "with_unlisted": any((self.image_id, self.post_id, self.model_id, self.version_id, user_id)),
        }  # fmt: skip
        sent = [(name, str(value)) for name, value in params.items() if value is not None]
        sent += [("base_models", value) for value in self.base_models]
        return sent + [("tag_ids", str(value)) for value in self.tags]


def _levels(read: QueryReader) -> int:
    """The levels to show: `browsingLevel` wins over `nsfw`, whose `true` means mature pictures alone."""
    mask = read.integer("browsingLevel", 0, 63)
    wanted = read.text("nsfw")
    if wanted is None or wanted.lower() in FALSE:
        named = v1.LEVEL_PG
    elif wanted.lower() in TRUE:
        named = v1.LEVEL_MATURE_MASK
    else:
        if wanted not in v1.LEVEL_MASKS:
            read.union_issue("nsfw", list(v1.LEVEL_MASKS))
        named = v1.LEVEL_MASKS.get(wanted, v1.LEVEL_PG)
    return mask or named


def parse_image_query(pairs: Sequence[tuple[str, str]], base_models: Sequence[str]) -> ImageQuery:
    """The typed query; unknown names are ignored. `base_models` are those that exist. Raises BadQuery."""
    read = QueryReader(pairs)
    limit = read.integer("limit", 0, 200)
    username = read.text("username")
    if username is not None and not _USERNAME.fullmatch(username):
        read.issues.append(
            {"code": "invalid_format", "path": ["username"], "message": "Invalid string: must match /^[A-Za-z0-9_]*$/"}
        )
    sent_type = read.text("type")
    query = ImageQuery(
        limit=100 if limit is None else max(1, limit),
        page=read.integer("page", 1, 1_000_000),
        cursor=read.text("cursor"),
        image_id=read.integer("imageId", 1, MAX_ID),
        post_id=read.integer("postId", 1, MAX_ID),
        model_id=read.integer("modelId", 1, MAX_ID),
        version_id=read.integer("modelVersionId", 1, MAX_ID),
        user_id=read.integer("userId", 1, MAX_ID),
        username=username,
        sort=read.choice("sort", v1.IMAGE_SORTS, "Most Reactions"),
        period=read.choice("period", v1.PERIODS, "AllTime"),
        levels=_levels(read),
        tags=read.integers("tags"),
        type=read.choice("type", v1.MEDIA_TYPES, "image") if sent_type is not None else None,
        base_models=read.choices("baseModels", base_models) if read.all("baseModels") else (),
        with_meta=read.boolean("withMeta", default=False),
        flat_meta=read.flag("flatMeta"),
        with_tags=read.boolean("withTags", default=False),
        requiring_meta=read.boolean("requiringMeta", default=False),
    )
    read.raise_issues()
    return query
