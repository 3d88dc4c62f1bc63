"""Bodies of the bulk hash lookups: a bare JSON array of SHA-256."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import OpenAPIMediaType, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from services.gateway.declared import Declared
from shared.json_body import read_json
from shared.problems import Invalid

_HASH_LENGTH = 64
_NO_LIST = {"code": "invalid_type", "expected": "array", "path": [], "message": "Invalid input: expected array"}


def parse_hashes(body: bytes, most: int) -> list[str]:
    """The hashes as they were sent. Raises Invalid with the text that clients know."""
    try:
        sent = read_json(body, Any)
    except Invalid as problem:
        raise _refusal([{"code": "custom", "path": [], "message": problem.detail}]) from None
    if not isinstance(sent, list):
        raise no_list()
    if len(sent) > most:
        message = f"Too big: expected array to have <={most} items"
        raise _refusal([{"code": "too_big", "origin": "array", "maximum": most, "path": [], "message": message}])
    issues = [_issue(place, value) for place, value in enumerate(sent) if not _is_hash(value)]
    if issues:
        raise _refusal(issues[:100])
    return sent


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == _HASH_LENGTH


def _issue(place: int, value: object) -> dict[str, Any]:
    if not isinstance(value, str):
        return {
            "code": "invalid_type", "expected": "string", "path": [place],
            "message": "Invalid input: expected string",
        }  # fmt: skip
    code, sign = ("too_small", ">") if len(value) < _HASH_LENGTH else ("too_big", "<")
    message = f"Invalid string: expected string to have {sign}={_HASH_LENGTH} characters"
    return {"code": code, "origin": "string", "path": [place], "message": message}


def no_list() -> Invalid:
    """What a body that is no array is refused with, and so is a request that has none."""
    return _refusal([_NO_LIST])


def _refusal(issues: list[dict[str, Any]]) -> Invalid:
    return Invalid(f"Request must include an array of SHA256 Hashes. {json.dumps(issues, separators=(',', ':'))}")


def _body(most: int) -> RequestBody:
    one = Schema(type=OpenAPIType.STRING, min_length=_HASH_LENGTH, max_length=_HASH_LENGTH)
    schema = Schema(type=OpenAPIType.ARRAY, items=one, max_items=most)
    return RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=True)


@dataclass
class HundredHashes(Declared):
    """A route whose body is up to 100 hashes, for the OpenAPI document."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.request_body = _body(100)


@dataclass
class TenThousandHashes(Declared):
    """A route whose body is up to 10,000 hashes, for the OpenAPI document."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.request_body = _body(10_000)
