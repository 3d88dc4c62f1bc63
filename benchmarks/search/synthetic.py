"""A catalogue with the distributions of a real one: `python -m benchmarks.search.synthetic COUNT OUT [SEED]`.

Everything is made up: names are of syllables, words and numbers. What is taken from a real catalogue are proportions
only: types, versions a model (75 % have one), tags a model, how downloads are spread (the first 1 % have a quarter of
all), models a creator, how many names have brackets, a second part, a version, or a script without spaces.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

_TYPES = {
    "LORA": 49, "Checkpoint": 38, "TextualInversion": 9, "Hypernetwork": 2, "Poses": 1, "Controlnet": 1,
}  # fmt: skip
_BASES = {"SD 1.5": 30, "SDXL 1.0": 25, "Pony": 15, "Illustrious": 15, "Flux.1 D": 10, "Other": 5}
_LISTS = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split("\n\n")
_PLAIN, _GENRES, _ONSETS, _NUCLEI, _CODAS = ([word.strip("-") for word in words.split()] for words in _LISTS)
_KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"
_HAN = "山川花月風雪雨空海星夜光森林石水火木金土春夏秋冬東西南北青赤白黒"
_LARGEST = 300_000
_TAIL = 1.15
"""Exponent of the spread of downloads: the n-th model of a hundred has about n^-1.15 of the first one's."""


class Catalogue:
    """Makes models."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._count = count
        self._words = [self._invented() for _ in range(max(2_000, round(40 * count**0.6)))]
        self._word_weights = list(accumulate(1 / (rank + 10) ** 0.75 for rank in range(len(self._words))))
        self._creators = [self._handle() for _ in range(max(50, count // 3))]
        self._creator_weights = list(accumulate(1 / (rank + 3) ** 0.6 for rank in range(len(self._creators))))
        self._tags = [*_GENRES, *(self._tag() for _ in range(max(500, round(12 * count**0.6))))]
        self._tag_weights = list(accumulate(1 / (rank + 2) ** 0.9 for rank in range(len(self._tags))))

    def models(self) -> Iterator[dict[str, Any]]:
        """All models, by rising id."""
        model_id = 0
        for number in range(self._count):
            model_id += self._chance.choice((1, 1, 1, 2, 5))
            yield self._model(model_id, number)

    def _model(self, model_id: int, number: int) -> dict[str, Any]:
        chance = self._chance
        kind = chance.choices(list(_TYPES), list(_TYPES.values()))[0]
        rank = chance.randint(1, self._count)
        downloads = round(_LARGEST * rank**-_TAIL * chance.uniform(0.5, 1.5)) + chance.randint(0, 900)
        core, name = self._name(kind)
        versions = 1 if chance.random() < 0.75 else min(12, 2 + int(chance.expovariate(0.7)))
        trigger = core.lower().replace(" ", "") if chance.random() < 0.5 else core.lower()
        words = [trigger] if chance.random() < 0.65 else []
        stem = core.replace(" ", chance.choice(["", "_", "-"]))
        return {
            "id": model_id, "name": name, "type": kind,
            "creator": chance.choices(self._creators, cum_weights=self._creator_weights)[0],
            "tags": self._drawn(self._tags, self._tag_weights, chance.randint(1, 9)),
            "stats": {
                "downloadCount": downloads, "favoriteCount": round(downloads * chance.uniform(0.05, 0.3)),
                "commentCount": chance.randint(0, 1 + downloads // 500),
            },
            "versions": [
                {
                    "id": model_id * 16 + version, "name": f"v{versions - version}.{chance.choice((0, 0, 0, 1, 5))}",
                    "createdAt": self._moment(),
                    "baseModel": chance.choices(list(_BASES), list(_BASES.values()))[0], "trainedWords": words,
                    "previews": [[512, 768]] * chance.randint(0, 4),
                    "files": [
                        {
                            "name": f"{stem}_v{versions - version}0.safetensors",
                            "format": "SafeTensor", "type": "Model",
                            "sizeKB": chance.choice((70_000, 140_000, 2_000_000, 6_500_000)),
                            "sha256": sha256(f"{number}/{version}".encode()).hexdigest(),
                        }
                    ],
                }
                for version in range(versions)
            ],
        }  # fmt: skip

    def _name(self, kind: str) -> tuple[str, str]:
        chance = self._chance
        words = [
            self._word() if chance.random() < 0.6 else chance.choice(_PLAIN) for _ in range(chance.choice((1, 2, 2, 3)))
        ]
        core = ("" if chance.random() < 0.15 else " ").join(word.capitalize() for word in words)
        name = core
        if chance.random() < 0.15:
            script = "".join(chance.choices(chance.choice((_KANA, _HAN)), k=chance.randint(2, 6)))
            name = chance.choice((f"{core} {script}", f"{script} {core}", f"{script} | {core}"))
        if chance.random() < 0.3:
            second = f"{self._word().capitalize()} {chance.choice(_GENRES)}"
            name = chance.choice(
                (f"{name} ({second})", f"{name} | {second}", f"{name} - {second}", f"[{second}] {name}")
            )
        if chance.random() < 0.25:
            name += f" {chance.choice(('LoRA', 'Style', 'Mix', kind))}"
        if chance.random() < 0.2:
            name += f" v{chance.randint(1, 6)}"
        return core, name

    def _word(self) -> str:
        """Some words are in very many names, most in few."""
        return self._chance.choices(self._words, cum_weights=self._word_weights)[0]

    def _drawn(self, names: list[str], weights: list[float], count: int) -> list[str]:
        return list(dict.fromkeys(self._chance.choices(names, cum_weights=weights, k=count)))

    def _moment(self) -> str:
        chance = self._chance
        return f"202{chance.randint(3, 5)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T08:00:00Z"

    def _invented(self) -> str:
        chance = self._chance
        syllables = chance.choice((2, 2, 3, 3, 4))
        return "".join(
            chance.choice(_ONSETS) + chance.choice(_NUCLEI) + chance.choice(_CODAS) for _ in range(syllables)
        )

    def _handle(self) -> str:
        return f"{self._chance.choice(_PLAIN)}{self._chance.choice(_PLAIN)}{self._chance.randint(1, 999)}"

    def _tag(self) -> str:
        chance = self._chance
        one = chance.choice((chance.choice(_PLAIN), self._word()))
        return one if chance.random() < 0.6 else f"{one} {chance.choice(_GENRES)}"


def main() -> None:
    """The command."""
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    count, out = int(sys.argv[1]), Path(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with out.open("w", encoding="utf-8") as file:
        for model in Catalogue(count, seed).models():
            file.write(json.dumps(model, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
