"""Judged queries made by rule from a catalogue: `python -m benchmarks.search.questions CATALOGUE SEED OUT`.

Each kind is a way in which people ask for a model that they have in mind. The model is drawn from the catalogue (the
more downloaded the likelier), the query is made from its facts, and every model that the same query describes as well
is relevant too. The rules share no code with the search.
"""

from __future__ import annotations

import json
import random
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.search.catalogue import lines

Model = dict[str, Any]
EACH = 80
_TYPE_WORDS = {
    "LORA": "lora",
    "Checkpoint": "checkpoint",
    "TextualInversion": "embedding",
    "Hypernetwork": "hypernetwork",
}
_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{3,}")
_BEHIND = re.compile(r"[\[({【（].*?[\])}】）]|\bv\d[\w.]*\b|\s[-|/].*$|[|｜].*$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


def plain(text: str) -> str:
    """Lower case without accents."""
    marks = unicodedata.normalize("NFKD", text.lower())
    return unicodedata.normalize("NFC", "".join(c for c in marks if not ("\u0300" <= c <= "\u036f")))


def words_of(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(plain(text))


def core_of(model: Model) -> str:
    """A name as somebody would type it."""
    return " ".join(words_of(_BEHIND.sub(" ", model["name"])))


class Questions:
    """Makes queries of a catalogue."""

    def __init__(self, models: list[Model], seed: int) -> None:
        self._chance = random.Random(seed)
        self._models = models
        self._weights = [1 + model["stats"]["downloadCount"] ** 0.5 for model in models]
        self._by_word: dict[str, set[int]] = defaultdict(set)
        self._by_tag: dict[str, set[int]] = defaultdict(set)
        self._by_core: dict[str, set[int]] = defaultdict(set)
        self._by_id = {model["id"]: model for model in models}
        self._hashes = [
            f["sha256"] for model in models for v in model["versions"] for f in v["files"] if f.get("sha256")
        ]
        for model in models:
            for word in words_of(model["name"]):
                self._by_word[word].add(model["id"])
            for tag in model["tags"]:
                self._by_tag[plain(tag)].add(model["id"])
            self._by_core["".join(words_of(core_of(model)))].add(model["id"])

    def all(self) -> Iterator[dict[str, Any]]:
        """Queries of every kind."""
        kinds: dict[str, Callable[[Model], tuple[str, dict[int, int]] | None]] = {
            "other_order": self._other_order, "with_type": self._with_type, "with_base": self._with_base,
            "with_version": self._with_version, "with_creator": self._with_creator, "link": self._link,
            "unknown": self._unknown, "idea": self._idea, "two_edits": self._two_edits, "file_stem": self._file_stem,
            "cjk_piece": self._cjk_piece, "two_words": self._two_words, "typo_short": self._one_edit,
        }  # fmt: skip
        for kind, make in kinds.items():
            done, seen = 0, set[str]()
            for model in self._chance.choices(self._models, self._weights, k=60 * EACH):
                made = make(model)
                if made is None or made[0] in seen:
                    continue
                seen.add(made[0])
                yield {
                    "qid": f"{kind}{done:03d}",
                    "kind": kind,
                    "q": made[0],
                    "rel": {str(k): v for k, v in made[1].items()},
                }
                done += 1
                if done == EACH:
                    break

    def _having(self, words: list[str]) -> set[int]:
        return set.intersection(*(self._by_word[word] for word in words))

    def _graded(self, model: Model, others: set[int], best: Callable[[Model], bool]) -> dict[int, int]:
        rel = {other: 3 if best(self._by_id[other]) else 1 for other in others}
        return rel | {model["id"]: 3}

    def _other_order(self, model: Model) -> tuple[str, dict[int, int]] | None:
        words = words_of(core_of(model))
        shuffled = self._chance.sample(words, len(words))
        if not 2 <= len(words) <= 5 or shuffled == words:
            return None
        same = sorted(words)
        return " ".join(shuffled), self._graded(
            model, self._having(words), lambda other: sorted(words_of(core_of(other))) == same
        )

    def _beside(self, model: Model, beside: str, fits: Callable[[Model], bool]) -> tuple[str, dict[int, int]] | None:
        core = core_of(model)
        if len(core) < 4 or not core.isascii() or not beside or set(words_of(beside)) <= set(core.split()):
            return None
        pair = [core, beside]
        if self._chance.random() < 0.3:
            pair.reverse()
        return " ".join(pair), self._graded(model, self._by_core["".join(core.split())], fits)

    def _with_type(self, model: Model) -> tuple[str, dict[int, int]] | None:
        word = _TYPE_WORDS.get(model["type"], "")
        return self._beside(model, word, lambda other: other["type"] == model["type"])

    def _with_base(self, model: Model) -> tuple[str, dict[int, int]] | None:
        base = self._chance.choice([version["baseModel"] for version in model["versions"]])
        return self._beside(model, base, lambda other: base in [v["baseModel"] for v in other["versions"]])

    def _with_version(self, model: Model) -> tuple[str, dict[int, int]] | None:
        name = self._chance.choice([version["name"] for version in model["versions"]])
        if len(name) > 12:
            return None
        return self._beside(model, name, lambda other: name in [v["name"] for v in other["versions"]])

    def _with_creator(self, model: Model) -> tuple[str, dict[int, int]] | None:
        by = self._chance.choice(["by ", ""])
        return self._beside(model, by + model["creator"], lambda other: other["creator"] == model["creator"])

    def _link(self, model: Model) -> tuple[str, dict[int, int]] | None:
        version = self._chance.choice(model["versions"])["id"]
        slug = "-".join(words_of(model["name"]))
        link = self._chance.choice(
            [
                f"https://civitai.com/models/{model['id']}/{slug}", f"https://hub.example/models/{model['id']}",
                f"civitai.com/models/{model['id']}?modelVersionId={version}",
                f"urn:air:sd1:model:civitai:{model['id']}@{version}",
                f"https://civitai.com/api/download/models/{version}", f"http://localhost:8000/models/{model['id']}/{slug}",
            ]
        )  # fmt: skip
        return link, {model["id"]: 3}

    def _unknown(self, _: Model) -> tuple[str, dict[int, int]] | None:
        number = self._chance.randint(10**8, 10**9)
        digits = "".join(self._chance.choices("0123456789abcdef", k=64))
        letters = "".join(self._chance.choices("bcdfghjklmnpqrstvwxz", k=10))
        return self._chance.choice(
            [
                f"https://civitai.com/models/{number}", f"https://hub.example/models/{number}/harbour", digits,
                digits[:10].upper(), digits[:12], letters, f"{letters[:5]}q {letters[5:]}x", f"https://example.org/{letters}",
            ]
        ), {}  # fmt: skip

    def _idea(self, model: Model) -> tuple[str, dict[int, int]] | None:
        tags = [plain(tag) for tag in model["tags"] if tag.isascii()]
        if len(tags) < 2:
            return None
        pair = self._chance.sample(tags, 2)
        both = self._by_tag[pair[0]] & self._by_tag[pair[1]]
        if len(both) < 2 or min(map(len, pair)) < 4:
            return None
        ranked = sorted(both, key=lambda i: -self._by_id[i]["stats"]["downloadCount"])
        grades = {i: 3 if place < 5 else 2 if place < 15 else 1 for place, i in enumerate(ranked)}
        return " ".join(pair), grades

    def _mistyped(self, model: Model, edits: int, shortest: int) -> tuple[str, dict[int, int]] | None:
        words = words_of(core_of(model))
        long = [word for word in words if len(word) >= shortest and word.isascii() and word.isalpha()]
        if not long or len(words) > 4:
            return None
        word = max(long, key=lambda w: -len(self._by_word[w]))
        wrong = word
        for _ in range(edits):
            wrong = self._edit(wrong)
        if wrong in self._by_word or wrong == word:
            return None
        query = " ".join(wrong if w == word else w for w in words)
        same = sorted(words)
        rel = dict.fromkeys(self._by_word[word], 2)
        return query, rel | {i: 3 for i in self._having(words) if sorted(words_of(core_of(self._by_id[i]))) == same}

    def _edit(self, word: str) -> str:
        at = self._chance.randrange(1, len(word) - 1)
        letter = self._chance.choice("abcdefghijklmnopqrstuvwxyz")
        return self._chance.choice(
            [
                word[:at] + word[at + 1 :], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            ]
        )  # fmt: skip

    def _two_edits(self, model: Model) -> tuple[str, dict[int, int]] | None:
        return self._mistyped(model, 2, 10)

    def _one_edit(self, model: Model) -> tuple[str, dict[int, int]] | None:
        return self._mistyped(model, 1, 5)

    def _file_stem(self, model: Model) -> tuple[str, dict[int, int]] | None:
        name = self._chance.choice([f["name"] for v in model["versions"] for f in v["files"]] or [""])
        stem = re.sub(r"\.\w+$", "", name)
        if len(stem) < 6:
            return None
        same = {
            m["id"]
            for m in self._models
            for v in m["versions"]
            for f in v["files"]
            if re.sub(r"\.\w+$", "", f["name"]) == stem
        }
        return stem, dict.fromkeys(same, 3)

    def _cjk_piece(self, model: Model) -> tuple[str, dict[int, int]] | None:
        runs = _CJK.findall(model["name"])
        if not runs:
            return None
        run = self._chance.choice(runs)
        size = self._chance.randint(2, min(5, len(run)))
        at = self._chance.randint(0, len(run) - size)
        piece = run[at : at + size]
        return piece, {m["id"]: 3 for m in self._models if piece in m["name"]}

    def _two_words(self, model: Model) -> tuple[str, dict[int, int]] | None:
        words = [word for word in dict.fromkeys(words_of(model["name"])) if len(word) > 2]
        if len(words) < 3:
            return None
        pair = self._chance.sample(words, 2)
        found = self._having(pair)
        if len(found) > 20:
            return None
        ranked = sorted(found, key=lambda i: -self._by_id[i]["stats"]["downloadCount"])
        return " ".join(pair), {i: 3 if place < 3 else 2 for place, i in enumerate(ranked)}


def main() -> None:
    """The command."""
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    catalogue, seed, out = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    models = [json.loads(line) for line in lines(catalogue)]
    with out.open("w", encoding="utf-8") as file:
        for query in Questions(models, seed).all():
            file.write(json.dumps(query, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
