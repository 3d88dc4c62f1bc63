"""The query of `GET /api/v1/models`: what clients send, in all their spellings, as one typed value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from shared.api import v1

_TRUE = {"true", "1", "yes", "on", "y", "enabled"}
_FALSE = {"false", "0", "no", "off", "n", "disabled"}
_MAX_ID = 2**31 - 1


class BadQuery(Exception):
    """The query is not valid; `issues` say which parameter and which values are."""

    def __init__(self, issues: list[dict[str, Any]]) -> None:
        super().__init__(json.dumps(issues))
        self.issues = issues


class ModelQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants to see."""

    limit: int = 100
    page: int | None = None
    cursor: str | None = None
    query: str | None = None
    ids: tuple[int, ...] = ()
    version_ids: tuple[int, ...] = ()
    tag: str | None = None
    username: str | None = None
    types: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    file_formats: tuple[str, ...] = ()
    sort: str = "Highest Rated"
    period: str = "AllTime"
    nsfw: bool = False

    @property
    def levels(self) -> int:
        """Mask of maturity levels that may be shown."""
        return v1.LEVEL_ALL if self.nsfw else v1.LEVEL_PG

    @property
    def is_plain_browse(self) -> bool:
        """Whether the database alone can answer, newest first, when search is down."""
        return not (
            self.query or self.ids or self.version_ids or self.tag or self.username or self.types or self.base_models
            or self.file_formats
        )  # fmt: skip

    def search_params(self) -> list[tuple[str, str]]:
        """The same, for the search service."""
        params: list[tuple[str, Any]] = [("limit", self.limit), ("sort", self.sort), ("period", self.period)]
        params += [("levels", self.levels), ("nsfw", str(self.nsfw).lower())]
        for name, value in (("query", self.query), ("cursor", self.cursor), ("tag", self.tag)):
            params += [(name, value)] if value else []
        params += [("username", self.username)] if self.username else []
        params += [("page", self.page)] if self.page and not self.cursor else []
        params += [("ids", value) for value in self.ids]
        params += [("modelVersionIds", value) for value in self.version_ids]
        params += [("types", value) for value in self.types]
        params += [("baseModels", value) for value in self.base_models]
        params += [("fileFormats", value) for value in self.file_formats]
        return [(name, str(value)) for name, value in params]


class _Reader:
    """Reads parameters and collects what is wrong with them."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs
        self.issues: list[dict[str, Any]] = []

    def all(self, *names: str) -> list[str]:
        """Every value sent under these names, repeated or comma-joined, empty ones left out."""
        values = [value for name, value in self._pairs if name in names or name.removesuffix("[]") in names]
        return [part.strip() for value in values for part in value.split(",") if part.strip()]

    def text(self, *names: str) -> str | None:
        """The last value; an empty one counts as absent."""
        values = [value for name, value in self._pairs if name in names and value.strip()]
        return values[-1].strip() if values else None

    def sent_empty(self, name: str) -> bool:
        """Whether the parameter came along with nothing in it: how some clients ask for the legal values."""
        return any(key == name and not value.strip() for key, value in self._pairs)

    def choices(self, name: str, known: Sequence[str]) -> tuple[str, ...]:
        """Values out of a list."""
        values = self.all(name)
        strange = [value for value in values if value not in known]
        if strange or (self.sent_empty(name) and not values):
            self._union_issue(name, known)
        return tuple(dict.fromkeys(values))

    def choice(self, name: str, known: Sequence[str], default: str) -> str:
        """One value out of a list."""
        value = self.text(name)
        if self.sent_empty(name) or (value is not None and value not in known):
            options = "|".join(f'"{option}"' for option in known)
            self.issues.append(
                {
                    "code": "invalid_value", "values": list(known), "path": [name],
                    "message": f"Invalid option: expected one of {options}",
                }
            )  # fmt: skip
            return default
        return value or default

    def integers(self, *names: str) -> tuple[int, ...]:
        """A list of ids."""
        found = []
        for value in self.all(*names):
            if value.isdecimal() and len(value) <= 10 and 0 < int(value) <= _MAX_ID:
                found.append(int(value))
            else:
                self._type_issue(names[0], "number", value)
        return tuple(dict.fromkeys(found))

    def integer(self, name: str, low: int, high: int) -> int | None:
        """One whole number within bounds."""
        value = self.text(name)
        if value is None:
            return None
        if not value.lstrip("+-").isdecimal() or len(value) > 12:
            self._type_issue(name, "number", value)
            return None
        number = int(value)
        if not low <= number <= high:
            bound, code = (f">={low}", "too_small") if number < low else (f"<={high}", "too_big")
            self.issues.append(
                {"code": code, "path": [name], "message": f"Invalid value: expected number to be {bound}"}
            )
        return number

    def boolean(self, name: str, default: bool) -> bool:
        """A yes or no in any of the spellings."""
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in _TRUE | _FALSE:
            self._type_issue(name, "boolean", value)
        return value.lower() in _TRUE

    def _type_issue(self, name: str, expected: str, value: str) -> None:
        self.issues.append(
            {
                "code": "invalid_type", "expected": expected, "path": [name],
                "message": f"Invalid input: expected {expected}, received {value[:40]!r}",
            }
        )  # fmt: skip

    def _union_issue(self, name: str, known: Iterable[str]) -> None:
        inner = {"code": "invalid_value", "values": list(known), "path": [], "message": "Invalid option"}
        self.issues.append({"code": "invalid_union", "errors": [[inner]], "path": [name], "message": "Invalid input"})


def parse_model_query(pairs: Sequence[tuple[str, str]]) -> ModelQuery:
    """The typed query; unknown names are ignored. Raises BadQuery with every issue found."""
    read = _Reader(pairs)
    limit = read.integer("limit", 0, 100)
    username = read.text("username", "user")
    query = ModelQuery(
        limit=100 if limit is None else max(1, limit),
        page=read.integer("page", 1, 1_000_000),
        cursor=read.text("cursor"),
        query=read.text("query"),
        ids=read.integers("ids"),
        version_ids=read.integers("modelVersionIds"),
        tag=read.text("tag", "tagname"),
        username=username.replace(" ", "_", 1) if username else None,
        types=read.choices("types", v1.MODEL_TYPES),
        base_models=tuple(dict.fromkeys(read.all("baseModels"))),
        file_formats=read.choices("fileFormats", v1.FILE_FORMATS),
        sort=read.choice("sort", v1.MODEL_SORTS, "Highest Rated"),
        period=read.choice("period", v1.PERIODS, "AllTime"),
        nsfw=read.boolean("nsfw", default=False),
    )
    if read.issues:
        raise BadQuery(read.issues)
    return query
