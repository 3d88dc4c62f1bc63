"""Bodies are read strictly, and what is wrong with one is said of the field that is wrong."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.api import accounts, hub
from shared.json_body import read_json, require_json
from shared.problems import Invalid, WrongMediaType


@pytest.mark.parametrize(
    ("body", "kind", "field", "message"),
    [
        (b'{"parts":["1"]}', hub.PartNumbers, "parts[0]", "must be a whole number, not a text"),
        (b'{"parts":[0]}', hub.PartNumbers, "parts[0]", "must be a whole number >= 1"),
        (b'{"parts":[{"number":1}]}', hub.CompleteUpload, "parts[0].etag", "is missing"),
        (b'{"name":"a","sizeBytes":"4"}', hub.NewUpload, "sizeBytes", "must be a whole number, not a text"),
        (b'{"name":"a","sizeBytes":true}', hub.NewUpload, "sizeBytes", "must be a whole number, not true or false"),
        (b'{"name":"a","sizeBytes":4,"metadata":{"size":"x"}}', hub.NewUpload, "metadata.size",
         "'x' is not known; use one of full, pruned"),
        (b'{"name":"a","sizeBytes":4,"metadata":{"fp":1}}', hub.NewUpload, "metadata.fp",
         "must be a text or null, not a whole number"),
        (b'{"name":"a","sizeBytes":4,"metadata":{"zz":1}}', hub.NewUpload, "metadata.zz", "is not a known field"),
        (b'{"name":"a","type":"LORA","nsfw":"true"}', hub.NewModel, "nsfw", "must be true or false, not a text"),
        (b'{"name":"a","type":"LORA","nsfw":1}', hub.NewModel, "nsfw", "must be true or false, not a whole number"),
        (b'{"username":"a b"}', accounts.NewAccount, "username",
         "must be 2 to 40 letters (a to z), digits or underscores"),
        (b'{"username":"mira\\n"}', accounts.NewAccount, "username",
         "must be 2 to 40 letters (a to z), digits or underscores"),
        (b'{"name":"a","scopes":["read","x"]}', accounts.NewKey, "scopes[1]",
         "'x' is not known; use one of administer, community, moderate, publish, read"),
        (b"[]", hub.NewModel, "body", "must be an object, not a list"),
        (b"null", hub.NewModel, "body", "must be an object, not null"),
        (b'{"name":"\xff"}', hub.NewModel, "body", "is not UTF-8"),
        (b"[" * 100_000, Any, "body", "is nested too deeply"),
        (b'{"tags":' + b"[" * 3_000 + b"]" * 3_000 + b"}", dict[str, Any], "body", "is nested too deeply"),
    ],
)  # fmt: skip
def test_the_field_and_what_it_must_be(body: bytes, kind: Any, field: str, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_json(body, kind)
    assert refused.value.extra == {"errors": [{"field": field, "message": message}]}
    assert message in refused.value.detail


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{} x", b"\xef\xbb\xbf{}", b'{"a":NaN}', b'"\\ud800"', '"ä"'.encode("utf-16")]
)
def test_what_is_not_json_at_all(body: bytes) -> None:
    with pytest.raises(Invalid, match="The body is not"):
        read_json(body, Any)


@pytest.mark.parametrize("name", [" ", "\xa0", "\n", "a\n", "a\x00", "\x1b[31m", "a\x7f", ""])
def test_names_are_one_line_without_control_characters(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_json(msgspec.json.encode({"name": name, "type": "LORA"}), hub.NewModel)
    assert refused.value.fields == ["name"]


@pytest.mark.parametrize("name", ["a", " Harbour Mix ", "港の絵", "a\u202eb", "x" * 200])
def test_other_names_are_free(name: str) -> None:
    body = msgspec.json.encode({"name": name, "type": "LORA"})
    assert read_json(body, hub.NewModel).name == name


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary(max_size=200) | _VALUES.map(lambda value: json.dumps(value).encode()))
@example(b'{"name":1e400,"type":"LORA"}')
@example(b'{"sizeBytes":' + b"1" * 5_000 + b"}")
@example(b'{"a`b - at `$.x`":1}')
def test_any_bytes_are_read_or_refused_with_fields(body: bytes) -> None:
    for kind in (hub.NewModel, hub.NewUpload, hub.CompleteUpload, accounts.NewKey):
        try:
            read_json(body, kind)
        except Invalid as refused:
            assert refused.fields


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/plain", None), ("application/x-www-form-urlencoded", None), ("multipart/form-data; boundary=x", None),
        ("application/x-msgpack", None), ("application/json; charset=utf-16", None), ("application/json", "gzip"),
    ],
)  # fmt: skip
def test_other_formats_are_not_guessed_at(content_type: str, encoding: str | None) -> None:
    with pytest.raises(WrongMediaType):
        require_json(content_type, encoding)


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "Application/JSON; charset=UTF-8", "application/x+json"]
)
def test_json_by_any_of_its_names(content_type: str | None) -> None:
    require_json(content_type, None)
    require_json(content_type, "identity")
