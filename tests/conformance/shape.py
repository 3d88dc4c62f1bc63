"""Says where a JSON document is not what a program expects of it.

Expectations are paths with kinds: `items[].files[].sizeKB: number`. `[]` is every element of a list that must not be
empty, `[*]` of one that may be. A name with `?` may be missing, a kind with `?` may be null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_MISSING: Final = object()
_PART = re.compile(r"(?P<name>[^\[\]?]*)(?P<list>\[\*?\])?(?P<optional>\?)?")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "integer": _is_integer,
    "number": lambda value: _is_integer(value) or isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str) and value != "",
    "time": lambda value: isinstance(value, str) and _TIME.fullmatch(value) is not None,
    "url": lambda value: isinstance(value, str) and value.startswith(("http://", "https://")),
    "upper hex": lambda value: isinstance(value, str) and re.fullmatch(r"[0-9A-F]+", value) is not None,
    "object": lambda value: isinstance(value, dict),
    "object of strings": lambda value: isinstance(value, dict) and all(isinstance(x, str) for x in value.values()),
    "list": lambda value: isinstance(value, list),
    "list of texts": lambda value: isinstance(value, list) and all(isinstance(x, str) and x for x in value),
}


def faults(document: Any, expected: Mapping[str, str]) -> list[str]:
    """One line for each place that is not as expected."""
    return [fault for path, kind in expected.items() for fault in _check(document, path, kind)]


def _check(document: Any, path: str, kind: str) -> Iterator[str]:
    is_right, may_be_null = KINDS[kind.removesuffix("?")], kind.endswith("?")
    for where, value in _values(document, path.split("."), ""):
        if value is _MISSING:
            yield f"{where} is missing"
        elif not (is_right(value) or (may_be_null and value is None)):
            yield f"{where} is no {kind}: {value!r:.80}"


def _values(document: Any, parts: list[str], where: str) -> Iterator[tuple[str, Any]]:
    if not parts:
        yield where, document
        return
    match = _PART.fullmatch(parts[0])
    assert match is not None, parts[0]
    name, is_list = match["name"], match["list"]
    if name:
        where = f"{where}.{name}".removeprefix(".")
        found = document.get(name, _MISSING) if isinstance(document, dict) else _MISSING
    else:
        found = document
    if found is _MISSING and match["optional"]:
        return
    if found is _MISSING or not is_list:
        yield from [(where, _MISSING)] if found is _MISSING else _values(found, parts[1:], where)
        return
    if not isinstance(found, list) or (is_list == "[]" and not found):
        yield f"{where}[]", _MISSING
        return
    for index, each in enumerate(found):
        yield from _values(each, parts[1:], f"{where}[{index}]")
