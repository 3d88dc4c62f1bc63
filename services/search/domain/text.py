"""Text as the index and the queries share it: one clean form, its words, the tokens of a word, keys.

All analysis is done here and none in an engine, so that every engine finds the same models for the same query.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

KEY_CHARACTERS = 256
"""Keys are cut here; an engine refuses keyword values beyond 32,766 bytes."""

_MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u065f\u0900-\u1cff"  # accents and vowel signs belong to their letter
_NOT_WORD = re.compile(rf"(?:[^\w{_MARKS}]|_)+")
_CJK = (
    r"\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u318f\u31f0-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_CJK_RUN = re.compile(rf"[{_CJK}\u30fc]+")
_SCRIPT_BORDER = re.compile(rf"(?<=[{_CJK}])(?=[^\s{_CJK}\u30fc])|(?<=[^\s{_CJK}\u30fc])(?=[{_CJK}])")
_EXTENSION = re.compile(r"\.(safetensors|sft|ckpt|pt|pth|bin|gguf|onnx|zip|json|yaml)$", re.IGNORECASE)
_EUROPEAN = re.compile(r"[\u00c0-\u052f\u1e00-\u1fff\u0300-\u036f]")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d", "ħ": "h"})
_PART = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]|[^\W\d_]+")
_DIGITS_OR_NOT = re.compile(r"\d+|\D+")
_MOST_PARTS = 6
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def clean(text: str) -> str:
    """Words separated by single spaces: full-width forms made normal, punctuation and symbols gone, scripts apart.

    Letter case is kept, since the engine splits `ToonYou` at its case change.
    """
    spaced = _NOT_WORD.sub(" ", unicodedata.normalize("NFKC", text))
    return _SCRIPT_BORDER.sub(" ", spaced).strip()


def words(text: str) -> list[str]:
    """The words of `clean`."""
    return clean(text).split()


def fold(text: str) -> str:
    """Without letter case and, in European scripts, without accents. Kana and Hangul keep their marks."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    return unicodedata.normalize("NFC", "".join(map(_plain, folded)))


@cache
def _plain(character: str) -> str:
    if not _EUROPEAN.match(character):
        return character
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    return bare.translate(_LETTERS)


def key(text: str) -> str:
    """The form in which two names are the same name: accents, letter case and spaces made equal."""
    return fold(" ".join(unicodedata.normalize("NFKC", _CONTROL.sub(" ", text)).split()))[:KEY_CHARACTERS]


def glued(parts: Iterable[str]) -> str:
    """Words as one, so that `toon you`, `ToonYou` and `toon_you` are the same."""
    return fold("".join(parts))[:KEY_CHARACTERS]


def bag(parts: Iterable[str]) -> str:
    """Words as one whatever their order."""
    return "".join(sorted(map(fold, parts)))[:KEY_CHARACTERS]


def parts(word: str) -> list[str]:
    """A word of `words` at its borders between letters and digits and at changes of case: Toon, You, 6."""
    return _PART.findall(word)


def digit_parts(word: str) -> list[str]:
    """A folded word at its borders between letters and digits alone, as it is split in a query."""
    return _DIGITS_OR_NOT.findall(word)


def tokens(text: str) -> list[str]:
    """Each word whole, in parts, and in runs of neighbouring parts, folded; each token once."""
    found: dict[str, None] = {}
    for word in words(text):
        found[fold(word)[:KEY_CHARACTERS]] = None
        pieces = parts(word)[:_MOST_PARTS]
        for start in range(len(pieces)) if len(pieces) > 1 else ():
            for end in range(start + 1, len(pieces) + 1):
                found[glued(pieces[start:end])] = None
    return list(found)


def pairs(text: str) -> list[str]:
    """The single characters and the pairs of neighbours of every run without spaces between words."""
    found: dict[str, None] = {}
    for run in cjk(text).split():
        found.update(dict.fromkeys(run))
        found.update(dict.fromkeys(run[at : at + 2] for at in range(len(run) - 1)))
    return list(found)


def shingles(parts: Sequence[str], longest: int = 4) -> list[str]:
    """Every run of one to `longest` neighbouring words, glued; each once, in order of appearance."""
    runs = (glued(parts[start : start + size]) for start in range(len(parts)) for size in range(1, longest + 1))
    return list(dict.fromkeys(runs))


def cjk(text: str) -> str:
    """The runs of Chinese, Japanese and Korean characters, which have no spaces between words."""
    return " ".join(_CJK_RUN.findall(clean(text)))


def is_cjk(word: str) -> bool:
    """Whether a word of `words` is such a run."""
    return _CJK_RUN.fullmatch(word) is not None


def stem(file_name: str) -> str:
    """A file name without the ending of a model file: `harbour_mix_v2.safetensors` is `harbour_mix_v2`."""
    return _EXTENSION.sub("", file_name.strip())
