"""The reference of the HTTP API, read from the hub's own OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from services.gateway.views.text import markdown

_METHODS = ("get", "post", "put", "patch", "delete")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A piece of a type's text; `href` leads to the shape it names."""

    text: str
    href: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldView:
    """One field of a shape, or one parameter (`place`: path or query)."""

    name: str
    type: tuple[Piece, ...]
    is_required: bool
    note: str
    place: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerView:
    """One status that an operation answers with."""

    status: str
    text: str
    type: tuple[Piece, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationView:
    """One method of one address."""

    anchor: str
    method: str
    path: str
    title: str
    text: Markup
    needs: str
    parameters: tuple[FieldView, ...]
    body: tuple[Piece, ...]
    answers: tuple[AnswerView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupView:
    """The operations of one tag."""

    name: str
    anchor: str
    operations: tuple[OperationView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShapeView:
    """One JSON object that requests or answers are made of."""

    name: str
    anchor: str
    text: Markup
    fields: tuple[FieldView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceView:
    """The whole reference."""

    title: str
    version: str
    text: str
    groups: tuple[GroupView, ...]
    shapes: tuple[ShapeView, ...]


def reference_view(document: Schema) -> ReferenceView:
    """The reference of an OpenAPI 3.1 document."""
    groups: dict[str, list[OperationView]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tag = (operation.get("tags") or ["Other"])[0]
                groups.setdefault(tag, []).append(_operation(path, method, operation))
    info = document["info"]
    return ReferenceView(
        title=info["title"],
        version=info["version"],
        text=info.get("description", ""),
        groups=tuple(
            GroupView(name=tag, anchor=f"group-{_anchor(tag)}", operations=tuple(found))
            for tag, found in groups.items()
        ),
        shapes=tuple(
            ShapeView(
                name=name,
                anchor=f"shape-{name}",
                text=markdown(schema.get("description")),
                fields=tuple(_fields(schema)),
            )
            for name, schema in sorted(document.get("components", {}).get("schemas", {}).items())
        ),
    )


def _operation(path: str, method: str, operation: Schema) -> OperationView:
    content = operation.get("requestBody", {}).get("content", {})
    title = _WORDS.sub(" ", operation.get("summary", "")).capitalize()
    return OperationView(
        anchor=f"{method}-{_anchor(path)}",
        method=method.upper(),
        path=path,
        title=title or path,
        text=markdown(operation.get("description")),
        needs=_needs(operation.get("security")),
        parameters=tuple(
            FieldView(
                name=parameter["name"], type=tuple(_type(parameter.get("schema", {}))), place=parameter["in"],
                is_required=parameter.get("required", False),
                note=_note(parameter.get("schema", {}), parameter.get("description", "")),
            )
            for parameter in operation.get("parameters", [])
        ),
        body=tuple(_content(content)),
        answers=tuple(
            AnswerView(
                status=status, text=answer.get("description", ""),
                type=tuple(_content(answer.get("content", {}))),
            )
            for status, answer in sorted(operation.get("responses", {}).items())
            if not status.startswith("4") or "$ref" in str(answer.get("content", {}))
        ),
    )  # fmt: skip


def _needs(security: list[dict[str, list[str]]] | None) -> str:
    """Who may call it, in words."""
    if not security:
        return "Open to everybody"
    if {} in security:
        return "Open to everybody; a key shows more"
    scopes = [scope for need in security for wanted in need.values() for scope in wanted]
    return f"Key with the scope {' or '.join(scopes)}" if scopes else "Key that is not limited to some scopes"


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _fields(schema: Schema) -> Iterator[FieldView]:
    required = set(schema.get("required", []))
    for name, inner in schema.get("properties", {}).items():
        note = _note(inner, inner.get("description", ""))
        yield FieldView(name=name, type=tuple(_type(inner)), is_required=name in required, note=note)


def _type(schema: Schema) -> Iterator[Piece]:
    """A schema in words: `list of Upload`, `string or null`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield Piece(text=name, href=f"#shape-{name}")
    elif options := schema.get("oneOf") or schema.get("anyOf"):
        for number, option in enumerate(options):
            if number:
                yield Piece(text=" or ")
            yield from _type(option)
    elif schema.get("type") == "array":
        yield Piece(text="list of ")
        yield from _type(schema.get("items", {}))
    elif "enum" in schema:
        yield Piece(text=" | ".join(str(value) for value in schema["enum"]))
    elif isinstance(schema.get("type"), list):
        yield Piece(text=" or ".join(schema["type"]))
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        yield Piece(text="object of ")
        yield from _type(schema["additionalProperties"])
    else:
        yield Piece(text=schema.get("format") or schema.get("type") or "anything")


def _content(content: Schema) -> Iterator[Piece]:
    for media in content.values():
        yield from _type(media.get("schema", {}))


def _note(schema: Schema, text: str) -> str:
    """What else there is to know: limits and the default."""
    limits = {
        "minLength": "at least {} characters", "maxLength": "at most {} characters", "minimum": "from {}",
        "maximum": "to {}", "minItems": "at least {} items", "maxItems": "at most {} items", "pattern": "matches {}",
    }  # fmt: skip
    parts = [text] if text else []
    for name, words in limits.items():
        if name in schema:
            value = schema[name]
            parts.append(words.format(int(value) if isinstance(value, float) else value))
    if "default" in schema and schema["default"] not in ("", None, [], {}):
        parts.append(
            f"default {str(schema['default']).lower() if isinstance(schema['default'], bool) else schema['default']}"
        )
    return "; ".join(parts)
