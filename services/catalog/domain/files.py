"""Which file of a version is meant, and what it is called when it is downloaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

import msgspec

from services.catalog.domain.model import File, Model, Version

_WEIGHT_TYPES = ("Model", "Pruned Model", "Diffusion Model", "UNet")
_FORMATS = {
    "safetensors": "SafeTensor", "gguf": "GGUF", "torch_zip": "PickleTensor", "torch_legacy": "PickleTensor",
    "pickle": "PickleTensor", "onnx": "ONNX",
}  # fmt: skip
_DEFAULT = {"format": "SafeTensor", "size": "pruned", "fp": "fp16"}
_STOOD_IN_FOR = {"AutoV1": 8, "AutoV3": 12}
_WEIGHTS = {"format": 100.0, "size": 10.0, "fp": 1.0}


class Wish(msgspec.Struct, frozen=True):
    """Which file a download asks for: an exact file, a type, and preferences that must not be contradicted."""

    file_id: int | None = None
    type: str | None = None
    format: str | None = None
    size: str | None = None
    fp: str | None = None


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


def _score(file: File, wish: Wish) -> float:
    """The published scoring: 1000, plus or minus a weight per known fact, plus 1000 for weights."""
    score = 1000.0
    for fact, weight in _WEIGHTS.items():
        known = getattr(file, fact)
        if known is not None:
            score += weight if known == (getattr(wish, fact) or _DEFAULT[fact]) else -weight
    return score + (1000 if file.type in _WEIGHT_TYPES else 0)


def primary_file(version: Version, wish: Wish = Wish()) -> File | None:  # noqa: B008 (frozen)
    """The best public file; the first one on ties."""
    candidates = version.public_files
    return max(candidates, key=lambda file: _score(file, wish)) if candidates else None


def ordered_files(version: Version) -> tuple[File, ...]:
    """The public files, the primary one first: several clients take the first without looking."""
    primary = primary_file(version)
    if primary is None:
        return ()
    return (primary, *(file for file in version.public_files if file.id != primary.id))


def choose_file(version: Version, wish: Wish) -> File | None:
    """The file a download means, or None when there is none or the best contradicts what was asked."""
    files = version.public_files
    if wish.file_id is not None:
        return next((file for file in files if file.id == wish.file_id), None)
    if wish.type is not None:
        files = tuple(file for file in files if file.type == wish.type)
    if not files:
        return None
    best = max(files, key=lambda file: _score(file, wish))
    for fact in _WEIGHTS:
        asked, known = getattr(wish, fact), getattr(best, fact)
        if asked is not None and known is not None and asked != known:
            return None
    return best


def _camel(text: str) -> str:
    """One half of a download name: cut at 20 characters plus the count of `_`, then camel-case."""
    text = re.sub(r"[^A-Za-z0-9]", "_", text.replace("'", ""))
    limit = 20 + text.count("_")
    if len(text) > limit:
        cut = text[:limit]
        text = cut[: cut.rfind("_")] if "_" in cut else cut
    words = [word for word in text.split("_") if word]
    if not words:
        return ""
    first, *rest = words
    return first.lower() + "".join(word if word.isupper() else word.capitalize() for word in rest)


def _safe(name: str) -> str:
    """ASCII, no quotes, `;`, `=` or separators: four parsers of Content-Disposition are in use."""
    ascii_name = name.encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._ ()+\-]", "_", ascii_name).strip(" .") or "file"


def download_name(model: Model, version: Version, file: File) -> str:
    """The name a file is downloaded under: for most kinds made from the model's and the version's names.

    No two public files of a version share one, as tools would write one over the other: where the made names are the
    same, the files after the first keep the names that they were uploaded under.
    """
    taken: set[str] = set()
    for each in ordered_files(version):
        made, uploaded = _made_name(model, version, each), _safe(each.name)
        stem, dot, extension = uploaded.rpartition(".")
        numbered = f"{stem}-{each.id}{dot}{extension}" if stem else f"{uploaded}-{each.id}"
        # Folded, since not every file system tells the cases apart.
        name = next((name for name in (made, uploaded) if name.lower() not in taken), numbered)
        if each.id == file.id:
            return name
        taken.add(name.lower())
    return _made_name(model, version, file)


def _made_name(model: Model, version: Version, file: File) -> str:
    extension = PurePosixPath(file.name).suffix.lstrip(".").lower()
    keeps_name = model.type in ("LORA", "LoCon", "DoRA", "VAE") or file.type == "VAE"
    if keeps_name or not re.search(r"[A-Za-z0-9]", model.name) or not extension:
        return _safe(file.name)
    if model.type == "TextualInversion":
        if not version.trained_words:
            return _safe(file.name)
        negative = "-neg" if file.type == "Negative" else ""
        return _safe(f"{version.trained_words[0]}{negative}.{extension}")
    version_name = re.sub(re.escape(model.name), "", version.name, flags=re.IGNORECASE)
    stem = "_".join(part for part in (_camel(model.name), _camel(version_name)) if part)
    if file.type == "Training Data":
        return _safe(f"{stem}_trainingData.zip")
    suffix = "-inpainting" if "inpainting" in file.name.lower() else ""
    suffix = ".instruct-pix2pix" if "instruct-pix2pix" in file.name.lower() else suffix
    suffix += "_txt" if file.type == "Text Encoder" else ""
    return _safe(f"{stem}{suffix}.{extension}")
