from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.search.domain.clauses import NOTHING, All, AnyClause, OneOf, Some, Starts, Token, Without
from services.search.domain.plan import tiers_of
from services.search.domain.recogniser import recognise
from services.search.opensearch.leaner import lean_tiers
from services.search.opensearch.translate import query

FIELDS = ("name", "tags")
TOKENS = ("a", "ab", "abc", "b", "ba", "c")

tokens = st.builds(Token, st.sampled_from(FIELDS), st.sampled_from(TOKENS))
leaves = st.one_of(
    tokens,
    st.builds(Starts, st.sampled_from(FIELDS), st.sampled_from(TOKENS)),
    st.builds(OneOf, st.sampled_from(FIELDS), st.lists(st.sampled_from(TOKENS), max_size=3).map(tuple)),
)


def _several(inner: st.SearchStrategy[AnyClause]) -> st.SearchStrategy[AnyClause]:
    parts = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(st.builds(All, parts), st.builds(Some, parts, st.integers(1, 2)), st.builds(Without, inner))


clauses = st.recursive(leaves, _several, max_leaves=6)
documents = st.fixed_dictionaries({field: st.sets(st.sampled_from(TOKENS), max_size=3) for field in FIELDS})


def fulfils(document: Mapping[str, set[str]], clause: AnyClause) -> bool:
    match clause:
        case Token(field, value):
            return value in document[field]
        case OneOf(field, values):
            return any(value in document[field] for value in values)
        case Starts(field, prefix):
            return any(value.startswith(prefix) for value in document[field])
        case All(parts):
            return all(fulfils(document, part) for part in parts)
        case Some(parts, at_least):
            return sum(fulfils(document, part) for part in parts) >= at_least
        case Without(inner):
            return not fulfils(document, inner)
        case other:
            raise TypeError(other)


def best_tier(document: Mapping[str, set[str]], tiers: Sequence[AnyClause]) -> int | None:
    return next((number for number, tier in enumerate(tiers) if fulfils(document, tier)), None)


@given(st.lists(clauses, min_size=1, max_size=6), st.lists(documents, min_size=1, max_size=20))
def test_every_document_keeps_its_tier(tiers: list[AnyClause], shelf: list[dict[str, set[str]]]) -> None:
    lean = lean_tiers(tiers)
    assert [best_tier(each, lean) for each in shelf] == [best_tier(each, tiers) for each in shelf]


def _leaves(clause: AnyClause) -> int:
    return sum(map(_leaves, clause.parts)) if isinstance(clause, All | Some) else 1


def test_a_query_of_one_word_asks_for_a_third_less() -> None:
    tiers = tiers_of(recognise("touh"), "words")
    lean = lean_tiers(tiers)
    assert sum(map(_leaves, lean)) * 3 <= sum(map(_leaves, tiers)) * 2
    assert NOTHING in lean


def test_alternatives_of_one_field_are_one_condition() -> None:
    (lean,) = lean_tiers([Some((Token("name", "a"), Some((OneOf("name", ("b", "a")),))))])
    assert query(lean) == {"terms": {"name": ["a", "b"]}}
