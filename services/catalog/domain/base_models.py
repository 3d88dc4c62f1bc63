"""Base models and their AIR ecosystems, from `data/base_models.json` (it grows monthly, so it is data)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec


class BaseModel(msgspec.Struct, frozen=True):
    """One base model: its name on the wire, its ecosystem, whether selectors show it, whether it may be published.

    The licence of a `restricted` one forbids mature content.
    """

    name: str
    ecosystem: str
    hidden: bool = False
    deprecated: bool = False
    restricted: bool = False


@cache
def base_models() -> tuple[BaseModel, ...]:
    """All known base models, in the order selectors show them."""
    raw = files("services.catalog").joinpath("data/base_models.json").read_bytes()
    return tuple(msgspec.json.decode(raw, type=list[BaseModel]))


@cache
def _by_name() -> dict[str, BaseModel]:
    return {base.name: base for base in base_models()}


def is_known(name: str) -> bool:
    """Whether a base model of exactly that name is known."""
    return name in _by_name()


def ecosystem(name: str) -> str:
    """The AIR ecosystem of a base model; an unknown one passes through in lower case."""
    known = _by_name().get(name)
    return known.ecosystem if known else name.lower()


def is_restricted(name: str) -> bool:
    """Whether the licence of a base model forbids mature content."""
    known = _by_name().get(name)
    return known is not None and known.restricted
