"""Which file of a version is meant, and what it is called when it is downloaded."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from services.catalog.domain.model import File, Model, Version
from shared.api.hub import FilePreferences
from shared.api.inside import Wish
from shared.api.v1 import FILE_TYPES

_WEIGHT_TYPES = ("Model", "Pruned Model", "Diffusion Model", "UNet")
COMPONENT_TYPES = ("VAE", "Text Encoder", "UNet", "Diffusion Model", "CLIPVision", "ControlNet", "Config")
"""Types of files that a version may borrow from another one."""
_FORMATS = {
    "safetensors": "SafeTensor", "gguf": "GGUF", "torch_zip": "PickleTensor", "torch_legacy": "PickleTensor",
    "pickle": "PickleTensor", "onnx": "ONNX",
}  # fmt: skip
_STOOD_IN_FOR = {"AutoV1": 8, "AutoV3": 12}
_WEIGHTS = {"format": 100.0, "size": 10.0, "fp": 1.0, "quant_type": 0.5}
_QUANT_TYPE = re.compile(r"(?<![A-Za-z0-9])(?:I?Q[1-8]_[A-Z0-9]+(?:_(?:XXS|XS|XL|S|M|L))?|TQ[12]_0)(?![A-Za-z0-9])")


class Described(Protocol):
    """What is known of a public file when one is chosen."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def format(self) -> str | None: ...  # noqa: D102
    @property
    def size(self) -> str | None: ...  # noqa: D102
    @property
    def fp(self) -> str | None: ...  # noqa: D102
    @property
    def quant_type(self) -> str | None: ...  # noqa: D102


_DEFAULT = FilePreferences(format="SafeTensor", size="pruned", fp="fp16", quant_type="Q4_K_M")
F = TypeVar("F", bound=Described)


def all_kinds(hashes: Mapping[str, str]) -> dict[str, str]:
    """The hashes of a scanned file with every kind that the compatible API knows, since strict types demand all six.

    AutoV1 is not defined for files under 2 MiB, nor AutoV3 for anything but safetensors. There the SHA256 stands in,
    cut to their length: no other file has it, and it finds this one.
    """
    sha256 = hashes.get("SHA256")
    return {**({kind: sha256[:length] for kind, length in _STOOD_IN_FOR.items()} if sha256 else {}), **hashes}


def file_format(scanned: str, name: str) -> str:
    """The format's name on the wire, from what the scanner found in the bytes."""
    return _FORMATS.get(scanned, "Other")


def quant_type(precision: str | None, name: str) -> str | None:
    """How a GGUF file is quantised: what its tensors say, made exact by its name (`Q4_K` and `…-Q4_K_M.gguf`)."""
    named = next((found[0] for found in _QUANT_TYPE.finditer(name.upper())), None)
    return named if named and (precision is None or named.startswith(precision)) else precision


def _score(file: Described, wish: Wish) -> float:
    """The published scoring: 1000, plus or minus a weight per known fact, plus 1000 for weights."""
    score = 1000.0
    for fact, weight in _WEIGHTS.items():
        known = getattr(file, fact)
        if known is not None:
            wanted = getattr(wish, fact) or getattr(wish.saved, fact) or getattr(_DEFAULT, fact)
            score += weight if known == wanted else -weight
    return score + (1000 if file.type in _WEIGHT_TYPES else 0)


def primary_file(version: Version, wish: Wish = Wish()) -> File | None:  # noqa: B008 (frozen)
    """The best public file; the first one on ties."""
    candidates = version.public_files
    return max(candidates, key=lambda file: _score(file, wish)) if candidates else None


def ordered_files(version: Version, wish: Wish = Wish()) -> tuple[File, ...]:  # noqa: B008 (frozen)
    """The public files, the primary one first: several clients take the first without looking."""
    primary = primary_file(version, wish)
    if primary is None:
        return ()
    return (primary, *(file for file in version.public_files if file.id != primary.id))


def choose_file(files: Sequence[F], wish: Wish) -> F | None:
    """Which of the public files a download means: None when there is none or the best contradicts what was asked."""
    if wish.file_id is not None:
        return next((file for file in files if file.id == wish.file_id), None)
    if wish.type is not None:
        files = [file for file in files if file.type == wish.type]
    return _best(files, wish)


def _best(files: Sequence[F], wish: Wish) -> F | None:
    if not files:
        return None
    best = max(files, key=lambda file: _score(file, wish))
    for fact in _WEIGHTS:
        asked, known = getattr(wish, fact), getattr(best, fact)
        if asked is not None and known is not None and asked != known:
            return None
    return best


def lacks_component(version: Version, wish: Wish) -> bool:
    """Whether a component is asked for that the version has no file of, so that a linked version may give it."""
    is_component = wish.file_id is None and wish.type in COMPONENT_TYPES
    return is_component and all(file.type != wish.type for file in version.public_files)


def component_file(linked: Version, wish: Wish) -> File | None:
    """The file of a linked version that stands for the component: one of that type, else its weights."""
    files = [file for file in linked.public_files if file.type == wish.type]
    files = files or [file for file in linked.public_files if file.type in _WEIGHT_TYPES]
    return _best(files, wish)


def _camel(text: str) -> str:
    """One half of a download name: cut at 20 characters plus the count of `_`, then camel-case."""
    text = re.sub(r"[^A-Za-z0-9]", "_", text.replace("'", ""))
    limit = 20 + text.count("_")
    if len(text) > limit:
        cut = text.rfind("_", 0, limit + 1)
        text = text[: cut if cut >= 0 else limit]
    words = [word for word in text.split("_") if word]
    if not words:
        return ""
    first, *rest = words
    return first.lower() + "".join(word if word.isupper() else word.capitalize() for word in rest)


def _safe(name: str, otherwise: str) -> str:
    """ASCII, no quotes, `;`, `=` or separators: four parsers of Content-Disposition are in use.

    Accents go; a stem of which nothing is left, as one in Chinese, becomes `otherwise`. The extension stays.
    """
    stem, dot, ending = name.rpartition(".") if "." in name.strip(".") else (name, "", "")
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^A-Za-z0-9._ ()+\-]", "_", plain).strip(" .")
    ending = re.sub(r"[^A-Za-z0-9]", "", ending)
    return (kept if re.search(r"[A-Za-z0-9]", kept) else otherwise) + (f".{ending}" if dot and ending else "")


def component_name(file: File) -> str:
    """The name of a file that a version borrows: the one it was uploaded under."""
    return _safe(file.name, f"file-{file.id}")


def download_name(model: Model, version: Version, file: File) -> str:
    """The name a file is downloaded under: for most kinds made from the model's and the version's names.

    No two public files of a version share one, as tools would write one over the other: where the made names are the
    same, the files after the first keep the names that they were uploaded under.
    """
    taken: set[str] = set()
    for each in ordered_files(version):
        made, uploaded = _made_name(model, version, each), _safe(each.name, f"{model.id}-{version.id}")
        stem, dot, extension = uploaded.rpartition(".")
        numbered = f"{stem}-{each.id}{dot}{extension}" if stem else f"{uploaded}-{each.id}"
        # Folded, since not every file system tells the cases apart.
        name = next((name for name in (made, uploaded) if name.lower() not in taken), numbered)
        if each.id == file.id:
            return name
        taken.add(name.lower())
    return _made_name(model, version, file)


def _made_name(model: Model, version: Version, file: File) -> str:
    otherwise = f"{model.id}-{version.id}"
    if file.override_name:
        return _safe(file.override_name, otherwise)
    extension = PurePosixPath(file.name).suffix.lstrip(".").lower()
    keeps_name = model.type in ("LORA", "LoCon") or file.type not in FILE_TYPES or not extension
    if keeps_name or not re.search(r"[A-Za-z0-9]", model.name):
        return _safe(file.name, otherwise)
    version_name = re.sub(re.escape(model.name), "", version.name, flags=re.IGNORECASE)
    stem = "_".join(part for part in (_camel(model.name), _camel(version_name)) if part)
    if file.type == "Training Data":
        return _safe(f"{stem}_trainingData.zip", otherwise)
    if file.type == "VAE" or (model.type == "TextualInversion" and not version.trained_words):
        return _safe(file.name, otherwise)
    if model.type == "TextualInversion":
        negative = "-neg" if file.type == "Negative" else ""
        return _safe(f"{version.trained_words[0]}{negative}.{extension}", f"{otherwise}{negative}")
    suffix = "-inpainting" if "-inpainting" in file.name.lower() else ""
    suffix = ".instruct-pix2pix" if ".instruct-pix2pix" in file.name.lower() else suffix
    suffix += "_txt" if file.type == "Text Encoder" else ""
    return _safe(f"{stem}{suffix}.{extension}", otherwise)
