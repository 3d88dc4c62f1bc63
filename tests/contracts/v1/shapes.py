"""What the answers of the compatible API are made of: in the code, in what is frozen, and in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_type_hints

import msgspec
from msgspec import UnsetType, inspect

from shared.api import v1

FROZEN_FILE: Final = Path(__file__).with_name("frozen.json")
CHANGELOG: Final = Path(__file__).parents[3] / "docs" / "api-changelog.md"


class Field(msgspec.Struct, frozen=True):
    """One field: `integer`, `[string]` (a list), `{string}` (an object with such values), a shape's name, `a|b`."""

    type: str
    nullable: bool = False
    presence: Literal["always", "sometimes"] = "always"

    def __str__(self) -> str:
        """As the frozen file has it: `string or null, sometimes`."""
        return self.type + " or null" * self.nullable + ", sometimes" * (self.presence == "sometimes")


def read_field(text: str) -> Field:
    """A field of the frozen file."""
    text, _, sometimes = text.partition(", ")
    kind = text.removesuffix(" or null")
    return Field(kind, nullable=kind != text, presence="sometimes" if sometimes else "always")


Shapes = dict[str, dict[str, Field]]
_PLAIN: Final = {
    inspect.IntType: "integer", inspect.FloatType: "number", inspect.StrType: "string", inspect.BoolType: "boolean",
    inspect.AnyType: "anything", inspect.NoneType: "null",
}  # fmt: skip


class Frozen(msgspec.Struct, frozen=True):
    """The frozen file.

    `routes`: what each answers. `always_in`: fields that are there sometimes, and at these routes always.
    """

    routes: dict[str, str]
    always_in: dict[str, list[str]]
    shapes: dict[str, dict[str, str]]

    def read_shapes(self) -> Shapes:
        """The frozen shapes."""
        return {name: {key: read_field(text) for key, text in fields.items()} for name, fields in self.shapes.items()}

    def with_shapes(self, shapes: Shapes) -> Frozen:
        """The same with other shapes."""
        written = {name: {key: str(field) for key, field in fields.items()} for name, fields in shapes.items()}
        return msgspec.structs.replace(self, shapes=written)


def current() -> Shapes:
    """The shapes as the code has them."""
    structs = [getattr(v1, name) for name in v1.__all__]
    found = [each for each in structs if isinstance(each, type) and issubclass(each, v1.V1) and each is not v1.V1]
    return {struct.__name__: _fields(struct) for struct in sorted(found, key=lambda each: each.__name__)}


def _fields(struct: type[msgspec.Struct]) -> dict[str, Field]:
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType)
    # The description leaves out that a field may be unset; the annotation says so.
    unset = {name for name, hint in get_type_hints(struct).items() if UnsetType in get_args(hint)}
    fields = {}
    for field in described.fields:
        options = list(field.type.types) if isinstance(field.type, inspect.UnionType) else [field.type]
        names = [_name(option) for option in options]
        is_nullable = "null" in names
        fields[field.encode_name] = Field(
            type="|".join(name for name in names if name != "null") or "null",
            nullable=is_nullable,
            presence="sometimes" if field.name in unset else "always",
        )
    return fields


def _name(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.StructType):
        return kind.cls.__name__
    if isinstance(kind, inspect.ListType):
        return f"[{_name(kind.item_type)}]"
    if isinstance(kind, inspect.DictType):
        return f"{{{_name(kind.value_type)}}}"
    if isinstance(kind, inspect.LiteralType):
        return "|".join(f"'{value}'" for value in kind.values)
    return _PLAIN[type(kind)]


def load() -> Frozen:
    """What is frozen."""
    return msgspec.json.decode(FROZEN_FILE.read_bytes(), type=Frozen)


def broken(frozen: Shapes, now: Shapes) -> list[str]:
    """What a program that reads the frozen shapes would stumble over in those of now."""
    found = [f"{name} is gone" for name in frozen.keys() - now.keys()]
    for shape in frozen.keys() & now.keys():
        for name, was in frozen[shape].items():
            field = now[shape].get(name)
            if field is None:
                found.append(f"{shape}.{name} is gone")
                continue
            if field.type != was.type:
                found.append(f"{shape}.{name} was {was.type} and is {field.type}")
            if field.nullable and not was.nullable:
                found.append(f"{shape}.{name} may be null now")
            if field.presence == "sometimes" and was.presence == "always":
                found.append(f"{shape}.{name} may be absent now")
    return sorted(found)


def unannounced(frozen: Shapes, now: Shapes, changelog: str) -> list[str]:
    """What is new and has no line in the changelog, which names it as `Shape.field`."""
    known = {f"{shape}.{name}" for shape, fields in frozen.items() for name in fields}
    new = {f"{shape}.{name}" for shape, fields in now.items() for name in fields} - known
    return sorted(name for name in new if f"`{name}`" not in changelog)


def violations(value: Any, kind: str, shapes: Shapes, always: list[str], at: str = "$") -> list[str]:
    """Where a JSON value is not what a shape says: missing, unknown, of another type, null."""
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{at} is {_json_type(value)}, not a list"]
        return [
            each for n, item in enumerate(value) for each in violations(item, kind[1:-1], shapes, always, f"{at}[{n}]")
        ]
    if kind.startswith("{"):
        if not isinstance(value, dict):
            return [f"{at} is {_json_type(value)}, not an object"]
        return [each for k, v in value.items() for each in violations(v, kind[1:-1], shapes, always, f"{at}.{k}")]
    if kind in shapes:
        return _of_shape(value, kind, shapes, always, at)
    if kind == "anything" or (kind.startswith("'") and isinstance(value, str) and f"'{value}'" in kind.split("|")):
        return []
    is_right = _json_type(value) == kind or (kind == "number" and _json_type(value) == "integer")
    return [] if is_right else [f"{at} is {_json_type(value)} {json.dumps(value)[:60]}, not {kind}"]


def _of_shape(value: Any, kind: str, shapes: Shapes, always: list[str], at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at} is {_json_type(value)}, not an object"]
    found = [f"{at}.{name} is not a field of {kind}" for name in value.keys() - shapes[kind].keys()]
    for name, field in shapes[kind].items():
        if name not in value:
            if field.presence == "always" or f"{kind}.{name}" in always:
                found.append(f"{at}.{name} is missing")
        elif value[name] is None:
            found += [] if field.nullable else [f"{at}.{name} is null"]
        else:
            found += violations(value[name], field.type, shapes, always, f"{at}.{name}")
    return found


def _json_type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "list", dict: "object"}
    return names.get(type(value), "null")
