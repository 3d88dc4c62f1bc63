"""Text as the index and the queries share it: one clean form, its words, and keys for exact comparison.

The engine's analyzers split these words further (case changes, digits), lower-case and fold accents; what is done here
is what the analyzers of different engines do not do alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

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


def key(text: str) -> str:
    """The form in which two names are the same name: compatible characters, letter case and spaces made equal."""
    return " ".join(unicodedata.normalize("NFKC", _CONTROL.sub(" ", text)).casefold().split())[:KEY_CHARACTERS]


def glued(parts: Iterable[str]) -> str:
    """Words as one, so that `toon you`, `ToonYou` and `toon_you` are the same."""
    return "".join(parts).casefold()[:KEY_CHARACTERS]


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
