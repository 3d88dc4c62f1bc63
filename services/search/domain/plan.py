"""The query plan: what a model must be like to be found, as tiers from the best way of fitting to the least.

A model belongs to the first tier that it fits; a better tier outranks every lesser one, and within a tier the more
popular model comes first. Word statistics have no part in it: every word is required anyway, and statistics differ
between shards and change when an index merges, so that pages would overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice, product
from typing import Final, TypeAlias

from services.search.domain.clauses import NOTHING, AnyClause, OneOf, Some, Starts, Token, every, some
from services.search.domain.recogniser import Mode, Recognised
from services.search.domain.spelling import Candidates
from services.search.domain.synonyms import spellings
from services.search.domain.text import bag, digit_parts, fold, glued, is_cjk

Tiers: TypeAlias = tuple[AnyClause, ...]

_SHA256_DIGITS: Final = 64
_AUTOV3_DIGITS: Final = 12
_SPLIT_LETTERS: Final = 3
_MOST_TAG_WORDS: Final = 5
_MOST_SPELLINGS: Final = 16
_ID_DIGITS: Final = 10


def tiers_of(asked: Recognised, mode: Mode, meant: Sequence[Candidates] = ()) -> Tiers:
    """The tiers of a query in one mode; none when every document is listed or there is no such way to find any.

    `meant` are the candidates for each of the query's words, for the mode `similar`.
    """
    match mode:
        case "browse":
            return ()
        case "address":
            return (OneOf("id", (asked.model_id,)) if asked.model_id else OneOf("version_ids", (asked.version_id,)),)
        case "hash":
            return (_hash(asked.hash),)
        case "file":
            return (Token("file_keys", _whole(asked.words)) if asked.words else NOTHING,)
        case "words":
            return _words(asked)
        case "apart":
            return _apart(asked)
        case "similar":
            return _similar(asked, meant)
        case "most":
            return _most(asked)


def suggestion_tiers(asked: Recognised) -> Tiers:
    """The tiers of an unfinished query: the name begins so, or has all words, the last of them not typed to its end."""
    if not asked.words:
        return (Starts("name_key", asked.key),)
    begins = some(Starts("name_key", asked.key), Starts("name_glued", _whole(asked.words)))
    return (begins, _as_typed(asked.words, "name_words"), _as_typed(asked.words, "name"))


def _hash(digits: str) -> AnyClause:
    """Any hash that begins so. A 64-digit tensor hash is kept by its first 12 digits alone."""
    begins = Starts("hashes", digits)
    return some(begins, Token("hashes", digits[:_AUTOV3_DIGITS])) if len(digits) == _SHA256_DIGITS else begins


def _words(asked: Recognised) -> Tiers:
    equal = Token("name_key", asked.key)
    if not asked.words:
        return (equal,)
    whole = _whole(asked.words)
    tiers = [
        equal,
        Token("name_glued", whole),
        *([Token("file_keys", whole)] if asked.is_file else []),
        Token("name_cores", whole),
        some(Token("creator_key", asked.key), Token("creator_key", whole)),
        Token("name_bags", bag(asked.words)),
        *_numbers(asked),
        *_named_beside(asked.words),
        *_ordinary(asked),
    ]
    return tuple(tiers)


def _ordinary(asked: Recognised) -> list[AnyClause]:
    """The tiers of queries that name nothing as a whole."""
    words, whole = asked.words, _whole(asked.words)
    finished = bool(asked.hash)
    begun = [] if finished else [_as_typed(words, "name_words"), _as_typed(words, "name")]
    in_name = _all(words, _in("name_words", "name_pairs"))
    run = Token("name_runs", whole)
    tiers = [every(in_name, run), in_name]
    tiers += [
        some(Token("trigger_keys", asked.key), Token("file_keys", whole)),
        Token("tags", asked.key),
        *_each_a_tag(words),
        run,
        *begun,
        _all(words, _in("name", "name_pairs")),
        every(_all(words, _in_name_or_beside), _any(words, _in("name", "name_pairs"))),
        _all(words, _in("labels", "pairs", "tag_words")),
        _all(words, _in("terms", "pairs")),
        _all(words, _anywhere),
        *([] if finished else [_as_typed(words, "terms")]),
        _all(words, _any_spelling),
    ]
    return tiers


def _each_a_tag(words: tuple[str, ...]) -> list[AnyClause]:
    """An idea: every part of the query is a tag of its own, one word or several."""
    if not 1 < len(words) <= _MOST_TAG_WORDS:
        return []
    exact: list[AnyClause] = []
    loose: list[AnyClause] = []
    for borders in product((False, True), repeat=len(words) - 1):
        if any(borders):
            tags = [[words[0]]]
            for is_border, word in zip(borders, words[1:], strict=True):
                if is_border:
                    tags.append([word])
                else:
                    tags[-1].append(word)
            forms = [_tag_forms(tag) for tag in tags]
            exact.append(every(*(OneOf("tags", form) for form in forms)))
            loose.append(every(*(OneOf("tags", (*form, *spellings(form[0]))) for form in forms)))
    return [some(*exact), some(*loose)]


def _tag_forms(words: Sequence[str]) -> tuple[str, ...]:
    plain = fold(" ".join(words))
    return tuple(dict.fromkeys([plain, plain.replace(" ", ""), plain.replace(" ", "-")]))


def _numbers(asked: Recognised) -> list[AnyClause]:
    """A number may be the id of a model or a version."""
    if not asked.key.isascii() or not asked.key.isdecimal() or len(asked.key) > _ID_DIGITS:
        return []
    return [OneOf("id", (int(asked.key),)), OneOf("version_ids", (int(asked.key),))]


def _named_beside(words: tuple[str, ...]) -> list[AnyClause]:
    """A whole name with its type, base model, version or creator before or after it; the longest name first."""
    tiers: list[AnyClause] = []
    for size in range(len(words) - 1, 0, -1):
        for name, others in ((words[:size], words[size:]), (words[len(words) - size :], words[: len(words) - size])):
            others_fit = _all(others, _in("beside", "beside"))
            whole = _whole(name)
            named = some(Token("name_glued", whole), Token("name_cores", whole), Token("name_bags", bag(name)))
            tiers.append(every(named, others_fit))
    return [some(*tiers)] if tiers else []


def _apart(asked: Recognised) -> Tiers:
    """Two words that were written as one, anywhere; and words written apart that are one."""

    def split(word: str) -> AnyClause:
        lower = fold(word)
        cuts = range(_SPLIT_LETTERS - 1, len(lower) - _SPLIT_LETTERS + 2)
        ways = [every(Token("terms", lower[:at]), Token("terms", lower[at:])) for at in cuts if not is_cjk(word)]
        return some(_in("terms", "pairs")(word), *ways)

    joined = [
        _all((*asked.words[:at], asked.words[at] + asked.words[at + 1], *asked.words[at + 2 :]), _in("terms", "pairs"))
        for at in range(len(asked.words) - 1)
    ]
    return (*([some(*joined)] if joined else []), _all(asked.words, split))


def _similar(asked: Recognised, meant: Sequence[Candidates]) -> Tiers:
    """The words that are meant, as if they had been typed; then those that are meant less probably."""
    if not all(meant):
        return ()
    names = [glued(words) for words in islice(product(*(levels[0] for levels in meant)), _MOST_SPELLINGS)]
    bags = [bag(words) for words in islice(product(*(levels[0] for levels in meant)), _MOST_SPELLINGS)]
    tiers: list[AnyClause] = [
        OneOf("name_glued", tuple(names)), OneOf("name_cores", tuple(names)), OneOf("name_bags", tuple(bags)),
    ]  # fmt: skip
    for depth in range(max(map(len, meant))):
        ways = [[word for level in levels[: depth + 1] for word in level] for levels in meant]
        tiers += [_each_of(ways, field) for field in ("name_words", "name", "terms")]
    corrected = [levels[0] for word, levels in zip(asked.words, meant, strict=True) if fold(word) not in levels[0]]
    if 0 < len(corrected) < len(meant):
        tiers.append(_each_of(corrected, "name_words"))
    return tuple(tiers)


def _each_of(ways: Sequence[Sequence[str]], field: str) -> AnyClause:
    return every(*(some(*(_in(field, "pairs")(word) for word in words)) for words in ways))


def _most(asked: Recognised) -> Tiers:
    """Two thirds of three different words or more."""
    words = tuple({fold(word): word for word in asked.words}.values())
    if len(words) < 3:
        return ()
    needed = -(-2 * len(words) // 3)
    return tuple(Some(tuple(_in(field, "pairs")(word) for word in words), needed) for field in ("name", "terms"))


def _whole(words: Iterable[str]) -> str:
    return glued(words)


def _all(words: Iterable[str], clause: Callable[[str], AnyClause]) -> AnyClause:
    return every(*map(clause, words))


def _any(words: Iterable[str], clause: Callable[[str], AnyClause]) -> AnyClause:
    return some(*map(clause, words))


def _in(field: str, pairs_field: str, *more: str) -> Callable[[str], AnyClause]:
    """A word as a token of one of the fields, whole or in its letters and digits; without spaces between words, as all
    its pairs of neighbours."""

    def clause(word: str) -> AnyClause:
        if is_cjk(word) and pairs_field != "beside":
            bits = [word] if len(word) == 1 else [word[at : at + 2] for at in range(len(word) - 1)]
            return every(*(Token(pairs_field, bit) for bit in bits))
        lower = fold(word)
        pieces = digit_parts(lower)
        ways = [Token(name, lower) for name in (field, *more)]
        if len(pieces) > 1:
            return some(*ways, *(every(*(Token(name, piece) for piece in pieces)) for name in (field, *more)))
        return some(*ways)

    return clause


def _in_name_or_beside(word: str) -> AnyClause:
    return some(_in("name", "name_pairs", "name_runs", "beside")(word))


def _anywhere(word: str) -> AnyClause:
    return _in("terms", "pairs", "beside", "summary")(word)


def _any_spelling(word: str) -> AnyClause:
    return some(_anywhere(word), *(_in("terms", "pairs", "summary")(other) for other in spellings(fold(word))))


def _as_typed(words: tuple[str, ...], field: str) -> AnyClause:
    """All words, the last one perhaps not typed to its end."""
    *done, last = words
    pairs_field = "pairs" if field == "terms" else "name_pairs"
    if is_cjk(last):
        return _all(words, _in(field, pairs_field))
    return every(*map(_in(field, pairs_field), done), Starts(field, fold(last)))
