"""Pages of pictures, creators and tags, from the rows that `projections` keeps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.catalog.domain.image_rows import ImageRow
from shared.engines.mongo import ASCENDING, DESCENDING, Mongo
from shared.problems import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ONE_BITS = (1, 2, 4, 8, 16)
_CURSOR = re.compile(r"([0-9]{1,10})\|([0-9]{1,14})")
_LAST_CHARACTER = "\U0010ffff"


class ImagesWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which pictures: `levels` is a mask, `cursor` what the page before gave.

    `since` is the earliest upload, `published_since` the earliest publication. Pictures of models that are only for
    those who know their address are shown with `with_unlisted` alone.
    """

    limit: int
    skip: int = 0
    cursor: str | None = None
    oldest_first: bool = False
    levels: int
    image_id: int | None = None
    model_id: int | None = None
    version_id: int | None = None
    user_id: int | None = None
    base_models: tuple[str, ...] = ()
    tag_ids: tuple[int, ...] = ()
    since: datetime | None = None
    published_since: datetime | None = None
    with_unlisted: bool = True
    without_meta: bool = False


class FoundImages(msgspec.Struct, frozen=True):
    """A page of rows, each with the numbers of its tags, and the cursor of the next page."""

    rows: list[tuple[ImageRow, dict[str, int]]]
    next: str | None


def _where(wanted: ImagesWanted) -> dict[str, Any]:
    exactly = {"_id": wanted.image_id, "model_id": wanted.model_id, "version_id": wanted.version_id}
    found: dict[str, Any] = {"level": {"$in": [bit for bit in _ONE_BITS if bit & wanted.levels]}}
    found |= {name: value for name, value in exactly.items() if value is not None}
    if wanted.user_id is not None:
        found["user_id"] = wanted.user_id
    if wanted.base_models:
        found["base_model"] = {"$in": list(wanted.base_models)}
    if wanted.tag_ids:
        found["tag_ids"] = {"$in": list(wanted.tag_ids)}
    if wanted.published_since is not None:
        found["published_at"] = {"$gte": wanted.published_since}
    if not wanted.with_unlisted:
        found["is_listed"] = True
    if wanted.without_meta:
        found["meta"] = {}
    bounds: dict[str, Any] = {"$gte": wanted.since} if wanted.since is not None else {}
    if wanted.cursor is not None:
        moment, image_id = _read_cursor(wanted.cursor)
        # The bound on the time lets the index begin there; the rest decides among pictures of the same moment.
        nearer, closed = ("$gt", "$gte") if wanted.oldest_first else ("$lt", "$lte")
        bounds[closed] = max(moment, wanted.since) if wanted.oldest_first and wanted.since is not None else moment
        found["$or"] = [{"created_at": {nearer: moment}}, {"created_at": moment, "_id": {closed: image_id}}]
    return found | ({"created_at": bounds} if bounds else {})


def _cursor(document: dict[str, Any]) -> str:
    return f"{document['_id']}|{(document['created_at'] - _EPOCH) // _MILLISECOND}"


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    """The first picture that was not shown yet. Raises Invalid for a text that is no cursor."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise Invalid("The cursor is not one that this hub made; start again without it.")
    return _EPOCH + int(found[2]) * _MILLISECOND, int(found[1])


class Images:
    """Public pictures in the order of their upload."""

    def __init__(self, mongo: Mongo) -> None:
        self._images = mongo["images"]

    async def find(self, wanted: ImagesWanted) -> FoundImages:
        """One page. Its cursor names the first picture that is not on it, so nothing is lost or shown twice."""
        way = ASCENDING if wanted.oldest_first else DESCENDING
        rows = self._images.find(_where(wanted)).sort([("created_at", way), ("_id", way)])
        skip = 0 if wanted.cursor else wanted.skip
        found = [document async for document in rows.skip(skip).limit(wanted.limit + 1)]
        following = _cursor(found[wanted.limit]) if len(found) > wanted.limit else None
        shown = [
            (
                msgspec.convert({"id": document["_id"], **document}, ImageRow),
                dict(zip(document["tags"], document["tag_ids"], strict=True)),
            )
            for document in found[: wanted.limit]
        ]
        return FoundImages(shown, following)

    async def newest_of(self, model_ids: Sequence[int], levels: int) -> dict[int, str]:
        """The key of the newest public picture of each of these models."""
        wanted = {"level": {"$in": [bit for bit in _ONE_BITS if bit & levels]}}
        found: dict[int, str] = {}
        for model_id in model_ids:
            row = await self._images.find_one(
                {"model_id": model_id, **wanted}, {"key": 1}, sort=[("created_at", DESCENDING), ("_id", DESCENDING)]
            )
            if row is not None:
                found[model_id] = row["key"]
        return found


class NamePage(msgspec.Struct, frozen=True):
    """Names with the number of their models. `total` is a lower bound when they were searched for."""

    items: list[tuple[str, int]]
    total: int
    has_more: bool


class Names:
    """Creators and tags of visible models."""

    def __init__(self, mongo: Mongo) -> None:
        self._creators = mongo["creators"]
        self._tags = mongo["tags"]

    async def creators(self, query: str | None, skip: int, limit: int) -> NamePage:
        """By name; those with `query` anywhere in their name, if given, by what follows it."""
        if query is None:
            rows = self._creators.find({}).sort([("username_lower", ASCENDING)])
        else:
            low, high = query.lower(), query.lower() + _LAST_CHARACTER
            # Anywhere in the name is at the beginning of one of its ends: a range of an index.
            rows = self._creators.find({"suffixes": {"$elemMatch": {"$gte": low, "$lt": high}}})
            rows = rows.hint([("suffixes", ASCENDING)])
        found = [(row["username"], int(row["models"])) async for row in rows.skip(skip).limit(limit + 1)]
        total = await self._creators.estimated_document_count() if query is None else skip + len(found)
        return NamePage(found[:limit], total, len(found) > limit)

    async def tags(self, query: str | None, skip: int, limit: int) -> NamePage:
        """The most used first; those that begin with `query`, if given, shortest first."""
        if query is None:
            rows = self._tags.find({}).sort([("models", DESCENDING), ("_id", ASCENDING)])
        else:
            rows = self._tags.find({"prefixes": query.lower()}).sort([("length", ASCENDING), ("_id", ASCENDING)])
        found = [(row["_id"], int(row["models"])) async for row in rows.skip(skip).limit(limit + 1)]
        total = await self._tags.estimated_document_count() if query is None else skip + len(found)
        return NamePage(found[:limit], total, len(found) > limit)
