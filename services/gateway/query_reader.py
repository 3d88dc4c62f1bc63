"""Reads the parameters of the compatible API in all the spellings that clients use, and says what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from shared.problems import Invalid

TRUE = frozenset({"true", "1", "yes", "on", "y", "enabled"})
FALSE = frozenset({"false", "0", "no", "off", "n", "disabled"})
MAX_ID = 2**31 - 1
_WHOLE = re.compile(r"[+-]?[0-9]{1,12}")
BodyShape = Literal["wrapped", "plain", "bare"]
"""How an endpoint tells of a bad query: under `error`, as that object alone, or as the list of issues alone."""


class BadQuery(Exception):
    """The query is not valid; `issues` say which parameter and which values are."""

    def __init__(self, issues: list[dict[str, Any]], shape: BodyShape = "wrapped") -> None:
        super().__init__(json.dumps(issues))
        self.issues = issues
        self.shape = shape

    def body(self) -> object:
        """The answer. `message` is a string that holds a JSON array; two clients learn the legal values from it."""
        named = {"name": "ZodError", "message": json.dumps(self.issues, ensure_ascii=False, separators=(",", ":"))}
        return {"wrapped": {"error": named}, "plain": named, "bare": self.issues}[self.shape]


class BadCursor(Invalid):
    """The cursor is not one of this list, or not one of this hub."""


class QueryReader:
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

    def was_sent(self, name: str) -> bool:
        """Whether the parameter came along, with or without a value."""
        return any(key == name for key, _ in self._pairs)

    def truthy(self, name: str) -> bool:
        """Yes for any text that does not say no: how the public site reads some of its parameters."""
        value = self.text(name)
        return value is not None and value.lower() not in FALSE

    def choices(self, name: str, known: Sequence[str]) -> tuple[str, ...]:
        """Values out of a list."""
        values = self.all(name)
        strange = [value for value in values if value not in known]
        if strange or (self.sent_empty(name) and not values):
            self.union_issue(name, known)
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

    def flag(self, name: str) -> bool | None:
        """A yes or no, or None when it was not sent."""
        return self.boolean(name, default=False) if self.text(name) is not None else None

    def integers(self, *names: str) -> tuple[int, ...]:
        """A list of ids."""
        found = []
        for value in self.all(*names):
            if value.isascii() and value.isdecimal() and len(value) <= 10 and 0 < int(value) <= MAX_ID:
                found.append(int(value))
            else:
                self._type_issue(names[0], "number", value)
        return tuple(dict.fromkeys(found))

    def integer(self, name: str, low: int, high: int) -> int | None:
        """One whole number within bounds."""
        value = self.text(name)
        if value is None:
            return None
        if not _WHOLE.fullmatch(value):
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
        if value.lower() not in TRUE | FALSE:
            self._type_issue(name, "boolean", value)
        return value.lower() in TRUE

    def raise_issues(self, shape: BodyShape = "wrapped") -> None:
        """Raise BadQuery with every issue found, if there is one."""
        if self.issues:
            raise BadQuery(self.issues, shape)

    def _type_issue(self, name: str, expected: str, value: str) -> None:
        self.issues.append(
            {
                "code": "invalid_type", "expected": expected, "path": [name],
                "message": f"Invalid input: expected {expected}, received {value[:40]!r}",
            }
        )  # fmt: skip

    def union_issue(self, name: str, known: Iterable[str]) -> None:
        """Note that a value is none of these."""
        inner = {"code": "invalid_value", "values": list(known), "path": [], "message": "Invalid option"}
        self.issues.append({"code": "invalid_union", "errors": [[inner]], "path": [name], "message": "Invalid input"})
