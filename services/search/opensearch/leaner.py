"""Tiers that mean the same with fewer conditions: what a better tier has already is not asked for again.

Each condition of a request is a list that the engine reads, or a scan where it has no lists. Tokens of one field that
are alternatives are one condition; a part of a tier that only finds what a better tier found cannot change any
document's tier and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.search.domain.clauses import NOTHING, All, AnyClause, OneOf, Some, Starts, Token, every


def lean(clause: AnyClause) -> AnyClause:
    """A clause that is fulfilled by the same documents."""
    match clause:
        case OneOf(field, (str(value),)):
            return Token(field, value)
        case All(parts):
            return every(*dict.fromkeys(_levelled(parts, All)))
        case Some(parts, 1):
            return _alternatives(_levelled(parts, Some))
        case Some(parts, at_least):
            return Some(tuple(map(lean, parts)), at_least)
        case _:
            return clause


def lean_tiers(tiers: Sequence[AnyClause]) -> list[AnyClause]:
    """The tiers, each without what the ones before it find; `NOTHING` where nothing is left."""
    found: list[AnyClause] = []
    before: set[AnyClause] = set()
    for tier in map(lean, tiers):
        parts = tier.parts if isinstance(tier, Some) and tier.at_least == 1 else (tier,)
        left = [new for part in parts if not _is_known(new := _without_known(part, before), before)]
        found.append(_alternatives(left) if left else NOTHING)
        before.update(_each(found[-1]))
    return found


def _levelled(parts: Iterable[AnyClause], of: type[All] | type[Some]) -> list[AnyClause]:
    """The parts in one level: an `All` in an `All`, or a plain `Some` in one, says nothing of its own."""
    found: list[AnyClause] = []
    for part in map(lean, parts):
        same = isinstance(part, of) and getattr(part, "at_least", 1) == 1
        found += part.parts if isinstance(part, All | Some) and same else [part]
    return found


def _alternatives(parts: Iterable[AnyClause]) -> AnyClause:
    """One of the parts at least, with the tokens of each field together."""
    values: dict[str, list[str | int]] = {}
    others: list[AnyClause] = []
    for part in dict.fromkeys(parts):
        match part:
            case Token(field, value):
                values.setdefault(field, []).append(value)
            case OneOf(field, many):
                values.setdefault(field, []).extend(many)
            case _:
                others.append(part)
    joined = [lean(OneOf(field, tuple(dict.fromkeys(many)))) for field, many in values.items()]
    together = [*joined, *others]
    return together[0] if len(together) == 1 else Some(tuple(together))


def _each(clause: AnyClause) -> Iterable[AnyClause]:
    """Clauses that are each enough to be in a tier."""
    match clause:
        case OneOf(field, values):
            return [clause, *(Token(field, value) for value in values if isinstance(value, str))]
        case Some(parts, 1):
            return [each for part in parts for each in _each(part)]
        case _:
            return [clause]


def _without_known(part: AnyClause, before: set[AnyClause]) -> AnyClause:
    """Alternatives of one field without those that a better tier has."""
    if not isinstance(part, OneOf):
        return part
    left = tuple(v for v in part.values if not (isinstance(v, str) and Token(part.field, v) in before))
    return lean(OneOf(part.field, left))


def _is_known(part: AnyClause, before: set[AnyClause]) -> bool:
    """Whether everything that fulfils it is in a better tier for certain."""
    match part:
        case All(parts):
            needed = set(parts)
            return any(_is_known(each, before) for each in parts) or any(
                isinstance(known, All) and all(_is_implied(k, needed) for k in known.parts) for known in before
            )
        case OneOf(_, values) if not values:
            return True
        case Token(field, value):
            return part in before or any(
                isinstance(known, Starts) and known.field == field and value.startswith(known.prefix)
                for known in before
            )
        case _:
            return part in before


def _is_implied(clause: AnyClause, parts: set[AnyClause]) -> bool:
    """Whether a document that fulfils all the parts fulfils the clause."""
    if clause in parts:
        return True
    if isinstance(clause, Starts):
        return any(
            isinstance(p, Token) and p.field == clause.field and p.value.startswith(clause.prefix) for p in parts
        )
    return False
