"""Request bodies: JSON, read strictly into the struct that the route wants, and told clearly what is wrong with them.

Litestar's own way is lenient, as it has one for parameters and bodies: it takes `"1"` for a number and `"true"` for a
yes, and takes `data.` out of the middle of names of fields.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from litestar import Request
from msgspec import inspect

from shared.api.accounts import USERNAME
from shared.api.hub import NO_NUL, ONE_LINE, OPEN_OR_CLOSED
from shared.problems import FieldError, Invalid, WrongMediaType

_PLACE: Final = re.compile(r"^(?P<text>.*?)(?: - at `(?P<place>.+)`)?$", re.DOTALL)
_NAMED: Final = re.compile(r"^Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)
_EXPECTED: Final = re.compile(r"^Expected `(?P<wanted>[^`]+)`(?:, got `(?P<got>[^`]+)`| (?P<rule>.+))?$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|(\[[^\]]*\])")
_KINDS: Final = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "null", "uuid": "a UUID",
}  # fmt: skip
_PATTERNS: Final = {
    ONE_LINE: "must be one line of text: not blank, no control characters",
    OPEN_OR_CLOSED: "must be open or closed",
    NO_NUL: "must not contain the character NUL",
    USERNAME: "must be 2 to 40 letters (a to z), digits or underscores",
}
_RULES: Final = {f"matching regex {pattern!r}": words for pattern, words in _PATTERNS.items()}


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON is read into the type of the route's `data`."""

    async def json(self) -> Any:
        """The body as that type. Raises Invalid, or WrongMediaType for anything but plain JSON."""
        require_json(self.headers.get("content-type"), self.headers.get("content-encoding"))
        field = self.route_handler.parsed_data_field
        return read_json(await self.body(), field.annotation if field is not None else Any)


def require_json(content_type: str | None, content_encoding: str | None) -> None:
    """Raise WrongMediaType for a body that says it is no JSON, no UTF-8, or compressed. One that says nothing is."""
    if content_encoding and content_encoding.strip().lower() != "identity":
        raise WrongMediaType("Send the body as it is, without Content-Encoding.")
    kind, *parameters = [part.strip().lower() for part in (content_type or "").split(";")]
    if kind and kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise WrongMediaType(f"Send JSON with Content-Type: application/json, not {kind[:60]}.")
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            raise WrongMediaType("Send JSON in UTF-8.")


def read_json(body: bytes, kind: Any) -> Any:
    """The JSON in `body` as a value of `kind`. Raises Invalid, which names the field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        wrong = explain(str(error), kind)
        raise Invalid(f"{wrong.field}: {wrong.message}", errors=[wrong]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"is not JSON: {error}"
    except RecursionError:
        message = "is nested too deeply"
    raise Invalid(f"The body {message}.", errors=[FieldError("body", message)])


def explain(text: str, kind: Any = Any, field: str = "") -> FieldError:
    """What msgspec says of a value, as a field and what it must be. `field` is where the value is."""
    found = _PLACE.match(text)
    reason, place = (found["text"], found["place"] or "") if found else (text, "")
    inside = place.removeprefix("$").lstrip(".")
    path = ".".join(part for part in (field, inside) if part)
    if named := _NAMED.match(reason):
        missing = named["what"].startswith("missing")
        name = named["name"][:80]
        return FieldError(f"{path}.{name}" if path else name, "is missing" if missing else "is not a known field")
    return FieldError(path or "body", _reason(reason, place, kind))


def _reason(reason: str, place: str, kind: Any) -> str:
    if reason.startswith("Invalid enum value"):
        options = _options(place, kind)
        said = reason.removeprefix("Invalid enum value ")[:80]
        return f"{said} is not known; use one of {', '.join(options)}" if options else f"{said} is not known"
    expected = _EXPECTED.match(reason)
    if expected is None:
        return reason
    if expected["rule"] is not None:
        return _RULES.get(expected["rule"]) or f"must be {_kind(expected['wanted'])} {expected['rule']}"
    got = f", not {_kind(expected['got'])}" if expected["got"] else ""
    return f"must be {_kind(expected['wanted'])}{got}"


def _kind(name: str) -> str:
    return " or ".join(_KINDS.get(part, part) for part in name.split(" | "))


def _options(place: str, kind: Any) -> list[str]:
    """The values that may stand at a place of a type."""
    found = [inspect.type_info(kind)]
    for name, index in _STEP.findall(place.removeprefix("$")):
        found = [inner for each in _alternatives(found) for inner in _inside(each, name, index)]
    return [
        str(value) for each in _alternatives(found) if isinstance(each, inspect.LiteralType) for value in each.values
    ]


def _alternatives(types: list[inspect.Type]) -> list[inspect.Type]:
    return [one for each in types for one in (each.types if isinstance(each, inspect.UnionType) else (each,))]


def _inside(kind: inspect.Type, name: str, index: str) -> list[inspect.Type]:
    if index:
        return [kind.item_type] if isinstance(kind, inspect.ListType | inspect.VarTupleType) else []
    if isinstance(kind, inspect.StructType):
        return [field.type for field in kind.fields if field.encode_name == name]
    return [kind.value_type] if isinstance(kind, inspect.DictType) else []
