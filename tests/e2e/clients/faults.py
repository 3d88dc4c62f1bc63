"""The ways in which a hub could break its clients, each for itself."""

from __future__ import annotations

from collections.abc import Iterator

from tests.e2e.clients.proxy import Fault, Passed
from tests.hub_driver import Json


def _dictionaries(value: object) -> Iterator[Json]:
    """Every object in a document, at any depth."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _dictionaries(each)
    elif isinstance(value, list):
        for each in value:
            yield from _dictionaries(each)


def _in_objects(has: str, change: str, value: object = None) -> Fault:
    """In every object that has one field, another (or the same) is replaced; a callable makes the new from the old."""

    def spoil(passed: Passed) -> None:
        document = passed.document
        for each in _dictionaries(document):
            if has in each and change in each:
                each[change] = value(each[change]) if callable(value) else value
        if document is not None:
            passed.document = document

    return Fault(spoil)


def _on_bytes(name: str, change: str | None) -> Fault:
    """A header of the bytes, replaced (`{}` is what it was) or removed."""

    def spoil(passed: Passed) -> None:
        if passed.path.startswith("/store/") and name in passed.headers:
            if change is None:
                del passed.headers[name]
            else:
                passed.headers[name] = change.format(passed.headers[name])

    return Fault(spoil)


def _null_hash(hashes: Json) -> Json:
    return {**hashes, "AutoV3": None}


def _relative(passed: Passed) -> None:
    if passed.status == 307:
        passed.headers["location"] = "/" + passed.headers["location"].split("/", 3)[3]


def _streamed(passed: Passed) -> None:
    """As if the file had been answered where a redirect to it belongs."""
    if passed.status == 307:
        passed.status, passed.body = 200, b"the bytes"
        del passed.headers["location"]


def _null_next_page(passed: Passed) -> None:
    document = passed.document
    if document is not None and "metadata" in document and "items" in document:
        document["metadata"].setdefault("nextPage", None)
        passed.document = document


def _no_416(passed: Passed) -> None:
    if passed.status == 416:
        passed.status = 200
        del passed.headers["content-range"]


SIZE_ROUNDED = _in_objects("sizeKB", "sizeKB", lambda size: round(size + 0.5))
SHA256_LOWER = _in_objects("SHA256", "SHA256", str.lower)
HASH_NULL = _in_objects("sizeKB", "hashes", _null_hash)
DESCRIPTION_NULL = _in_objects("modelVersions", "description")
CURSOR_INTEGER = _in_objects("nextCursor", "nextCursor", lambda _: 7)
METADATA_NULL = _in_objects("sizeKB", "metadata")
RANGE_IGNORED = Fault(drops=frozenset({"range"}))
NAME_ENCODED_AFTER = _on_bytes("content-disposition", "{}; filename*=UTF-8''name.safetensors")

BYTES_WITHOUT_REDIRECT = Fault(_streamed)
LOCATION_RELATIVE = Fault(_relative)
NEXT_PAGE_NULL = Fault(_null_next_page)
NO_DISPOSITION = _on_bytes("content-disposition", None)
NO_416 = Fault(_no_416)
