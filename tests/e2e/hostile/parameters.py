"""Every parameter of every route of the compatible API, with what it may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from services.gateway.query_reader import FALSE, TRUE
from shared.api import v1

MAX_ID = 2**31 - 1
Shape = Literal["zod", "zod bare", "zod list", "text", "cursor", "coded"]
"""How a refusal looks: section "Error bodies" of the API's reference."""
_WHOLE = re.compile(r"[+-]?[0-9]{1,12}")
_ID = re.compile(r"[0-9]{1,10}")


class Parameter(msgspec.Struct, frozen=True):
    """A parameter: whether a decoded value is one that it may have, and how others are refused."""

    route: str
    name: str
    may_be: Callable[[str], bool]
    shape: Shape = "zod"
    many: bool = False
    """Whether all of its repeated values count, not the last alone."""


def whole(low: int, high: int) -> Callable[[str], bool]:
    return lambda text: not text or (_WHOLE.fullmatch(text) is not None and low <= int(text) <= high)


def ids(text: str) -> bool:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return all(_ID.fullmatch(part) and 0 < int(part) <= MAX_ID for part in parts)


def one_id(text: str) -> bool:
    return ids(text) and "," not in text


def flag(text: str) -> bool:
    return not text or text.lower() in TRUE | FALSE


def one_of(*known: str, or_nothing: bool = False) -> Callable[[str], bool]:
    return lambda text: text in known or (or_nothing and not text)


def some_of(known: Sequence[str]) -> Callable[[str], bool]:
    def may_be(text: str) -> bool:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return bool(text) and all(part in known for part in parts)

    return may_be


def anything(_text: str) -> bool:
    return True


def label(text: str) -> bool:
    return len(text.strip()) <= 64


def nothing(text: str) -> bool:
    return not text


_ONE_ID = whole(1, MAX_ID)
_LEVEL = one_of(*v1.LEVEL_MASKS, *TRUE, *FALSE, or_nothing=True)
_ARTICLE_SORTS = (
    "Newest", "Recently Updated", "Most Reactions", "Most Comments", "Most Bookmarks", "Most Collected",
)  # fmt: skip


def _of(route: str, shape: Shape = "zod", **kinds: Callable[[str], bool]) -> list[Parameter]:
    many = (ids, anything)
    return [
        Parameter(route, name.removesuffix("_"), kind, shape, kind in many or "some_of" in kind.__qualname__)
        for name, kind in kinds.items()
    ]


PARAMETERS = [
    *_of(
        "/api/v1/models", limit=whole(0, 100), page=whole(1, 1_000_000), ids=ids, modelVersionIds=ids,
        types=some_of(v1.MODEL_TYPES), sort=one_of(*v1.MODEL_SORTS), period=one_of(*v1.PERIODS), nsfw=flag,
        fileFormats=some_of(v1.FILE_FORMATS), allowCommercialUse=some_of(v1.COMMERCIAL_USES),
        status=some_of(v1.MODEL_STATUSES), checkpointType=one_of(*v1.CHECKPOINT_TYPES), primaryFileOnly=flag,
        supportsGeneration=anything, fromPlatform=anything, earlyAccess=anything, archived=anything,
        query=anything, tag=anything, tagname=anything, username=anything,
        user=anything, baseModels=anything, rating=anything, token=anything, pageSize=anything,
        allowDifferentLicenses=anything,
    ),
    *_of("/api/v1/models", "cursor", cursor=nothing),
    *_of(
        "/api/v1/images", limit=whole(0, 200), page=whole(1, 1_000_000), postId=_ONE_ID, modelId=_ONE_ID,
        modelVersionId=_ONE_ID, imageId=_ONE_ID, userId=_ONE_ID, browsingLevel=whole(0, 63), tags=ids, withMeta=flag,
        flatMeta=flag, withTags=flag, requiringMeta=flag, sort=one_of(*v1.IMAGE_SORTS), period=one_of(*v1.PERIODS),
        type=one_of(*v1.MEDIA_TYPES, or_nothing=True),
        username=lambda text: re.fullmatch("[A-Za-z0-9_]*", text) is not None,
    ),
    *_of("/api/v1/images", "coded", cursor=nothing),
    *_of("/api/v1/creators", "zod list", limit=whole(1, 200), page=whole(0, 10_000), query=anything),
    *_of("/api/v1/tags", "zod list", limit=whole(1, 200), page=whole(0, 10_000), query=anything),
    *_of("/api/v1/users", "zod bare", ids=ids, query=anything),
    *_of(
        "/api/v1/articles", limit=whole(1, 100), tags=ids, nsfw=flag, sort=one_of(*_ARTICLE_SORTS), query=anything,
        username=anything, cursor=anything,
    ),
    *_of(
        "/api/v1/collections", limit=whole(1, 100), nsfw=flag, sort=one_of("Newest", "Most Followers"),
        query=lambda text: len(text) <= 100, cursor=_ONE_ID,
    ),
    *_of(
        "/api/v1/permissions/check", "text", entityIds=ids, userId=anything, entityType=anything, permission=anything
    ),
    *_of("/api/v1/model-files/{file}/tensor-metadata", "text", summaryOnly=anything),
    *_of("/api/v1/model-versions/mini/{version}", "text", epoch=anything, modelFileId=one_id),
    *_of(
        "/api/download/models/{version}", "text", type=one_of(*v1.FILE_TYPES, or_nothing=True),
        format=one_of(*v1.FILE_FORMATS, or_nothing=True),
        size=one_of("full", "pruned", or_nothing=True), fp=label, quantType=label,
        fileId=lambda text: not text or re.fullmatch("0|[1-9][0-9]{0,9}", text) is not None, token=anything,
    ),
]  # fmt: skip

VALUES = (
    "", "%20", "0", "1", "-1", "01", "+1", "%2B1", "1.0", "1e3", "0x10", "1_0", "2147483647", "2147483648",
    "9223372036854775808", "1" + "0" * 30, "1" * 5_000, "NaN", "Infinity", "null", "true", "%D9%A1", "%EF%BC%91",
    "%C2%B2", "%00", "1%00", "%FF", "%C3", "%ED%A0%80", "%ED%A0%BD%ED%B8%80", "%F4%90%80%80", "%F0%9F%92%A9",
    "%E2%80%AE", "%0D%0Ax-y:%20z", "%zz", "%", "a,b", ",,,", "1,%00", "%5B%5D", "%7B%22$gt%22:1%7D", "$ne", "*", ".*",
    "\\", "%22", "'%20or%201=1--", "%3Cscript%3E", "../..", "x" * 15_000, "%F0%9F%92%A9" * 1_200,
)  # fmt: skip
FREE_VALUES = (
    "", "%00", "%FF", "%ED%A0%80", "%F0%9F%92%A9", "%0D%0Ax-y:%20z", "%zz", "%5B%5D", "%7B%22$gt%22:1%7D", ".*", "\\",
    "%22", "'%20or%201=1--", "%3Cscript%3E", "x" * 15_000, "%F0%9F%92%A9" * 1_200,
)  # fmt: skip
"""For parameters that may be anything: what could break a database, a search or a header."""
REPEATED_VALUES = ("", "1", "-1", "%00", "%FF", "9223372036854775808")
