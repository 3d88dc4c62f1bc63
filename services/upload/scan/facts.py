"""Facts from a valid header: what the model is, how precise, how it was trained, which words call it.

Tensors win over metadata, which is text written by strangers: it is cut in length and never trusted.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping

from services.upload.scan.allowlist import STORAGE_WIDTHS
from services.upload.scan.embedded import settle_alpha
from services.upload.scan.families import (
    adapter_ranks,
    declared_family,
    embedding_vectors,
    find_components,
    find_family,
    find_kind,
)
from services.upload.scan.gguf import GgufHeader
from services.upload.scan.pickle_values import Made
from services.upload.scan.report import HeaderFacts, printable
from services.upload.scan.safetensors import Header, Tensor

MAX_WORDS = 20
_MAX_TAG_BYTES = 4 << 20
_ADAPTERS = frozenset({"lora", "locon", "dora", "loha", "lokr", "oft", "ia3", "glora", "diff"})
_PRECISIONS = {"F16": "fp16", "BF16": "bf16", "F32": "fp32", "F64": "fp32", "I8": "int8", "F4": "fp4"}

_KEPT = (
    "format", "ss_network_module", "ss_network_dim", "ss_network_alpha", "ss_network_args", "ss_base_model_version",
    "ss_v2", "ss_sd_model_name", "ss_sd_model_hash", "ss_new_sd_model_hash", "ss_clip_skip", "ss_resolution",
    "ss_output_name", "ss_training_comment", "ss_zero_terminal_snr", "sshs_model_hash", "sshs_legacy_hash", "software",
    "modelspec.sai_model_spec", "modelspec.architecture", "modelspec.implementation", "modelspec.title",
    "modelspec.description", "modelspec.author", "modelspec.date", "modelspec.license", "modelspec.trigger_phrase",
    "modelspec.resolution", "modelspec.prediction_type", "modelspec.encoder_layer", "modelspec.hash_sha256",
    "modelspec.merged_from", "sd_merge_models", "sd_merge_recipe",
)  # fmt: skip
_FAMILY_NAME = re.compile(r"[\w.+ -]{1,64}\Z", re.ASCII)


def facts_of_safetensors(header: Header, alphas: Mapping[str, float] | None = None) -> HeaderFacts:
    """The facts of a valid safetensors header. `alphas` are the values of its tensors of that name."""
    tensors, metadata = header.tensors, header.metadata
    kind = find_kind(tensors)
    family, variant, notes = _settle_family(kind, header)
    dtypes: Counter[str] = Counter()
    for tensor in tensors.values():
        dtypes[tensor.dtype] += tensor.end - tensor.begin
    ranks = adapter_ranks(tensors) if kind in _ADAPTERS else []
    rank = Counter(ranks).most_common(1)[0][0] if ranks else None
    alpha, disagreements = settle_alpha(alphas or {}, _number(metadata.get("ss_network_alpha")))
    if kind in _ADAPTERS:
        notes += disagreements
    else:
        alpha = None
    if rank and alpha and alpha > rank:
        notes.append(f"The adapter's alpha {alpha:g} is above its rank {rank}: its effect is stronger than usual.")
    tags = _top_tags(metadata.get("ss_tag_frequency", ""))
    return HeaderFacts(
        kind=kind,
        family=family,
        variant=variant,
        tensor_count=len(tensors),
        parameter_count=sum(tensor.elements for tensor in tensors.values()),
        dtypes=dict(dtypes.most_common()),
        precision=_precision(dtypes),
        components=find_components(tensors) if kind == "checkpoint" else (),
        prediction_type=_prediction_type(header),
        rank=rank,
        rank_min=min(ranks, default=None),
        rank_max=max(ranks, default=None),
        alpha=alpha,
        vectors=embedding_vectors(tensors.values()) if kind == "textual_inversion" else None,
        resolution=_resolution(metadata),
        trigger_words=_words(metadata.get("modelspec.trigger_phrase", "").split(",")) or tags[:5],
        top_tags=tags,
        base_model=_short(metadata.get("ss_sd_model_name") or metadata.get("ss_base_model_version")),
        base_model_sha256=_sha256(metadata.get("ss_new_sd_model_hash", "")),
        title=_short(metadata.get("modelspec.title") or metadata.get("ss_output_name")),
        metadata={key: printable(metadata[key]) for key in _KEPT if key in metadata},
        notes=tuple(notes),
    )


def _settle_family(kind: str, header: Header) -> tuple[str | None, str | None, list[str]]:
    """Family, variant and notes: the tensors' word first, then what the metadata calls it."""
    notes: list[str] = []
    told = find_family(kind, header.tensors)
    own_name = _own_name(header.metadata)
    public = declared_family(own_name) if own_name else None
    if told.family is not None:
        if public is not None and public != told.family:
            notes.append(f"The metadata says {own_name}, but the tensors are those of {told.family}.")
        return told.family, told.variant, notes
    if told.is_foreign and public is not None:
        notes.append(f"The metadata says {own_name}, but the tensors do not fit it.")
        return None, told.variant, notes
    return public or own_name, told.variant, notes


def _own_name(metadata: dict[str, str]) -> str | None:
    """What the file calls its architecture, without the part that says which kind of adapter it is."""
    for key in ("modelspec.architecture", "ss_base_model_version"):
        name = metadata.get(key, "").split("/", 1)[0].strip()
        if _FAMILY_NAME.match(name):
            return name
    return None


def _precision(dtypes: Counter[str]) -> str | None:
    if not dtypes:
        return None
    dtype = dtypes.most_common(1)[0][0]
    if dtype.startswith("F8"):
        return "mxfp8" if "F8_E8M0" in dtypes else "fp8"
    return _PRECISIONS.get(dtype)


def _prediction_type(header: Header) -> str | None:
    if "v_pred" in header.tensors:
        return "v"
    return _short(header.metadata.get("modelspec.prediction_type"))


def _resolution(metadata: dict[str, str]) -> str | None:
    text = metadata.get("modelspec.resolution") or metadata.get("ss_resolution") or ""
    found = re.match(r"\D{0,4}(\d{1,5})(?:\D{1,4}(\d{1,5}))?\D{0,4}\Z", text)
    return f"{found[1]}x{found[2] or found[1]}" if found else None


def _top_tags(text: str) -> tuple[str, ...]:
    """The most frequent captions' tags of a kohya training: JSON text of folder, then tag, then count."""
    if not text or len(text) > _MAX_TAG_BYTES:
        return ()
    try:
        folders = json.loads(text)
    except (ValueError, RecursionError):
        return ()  # a broken note of the trainer is no fault of the model
    counts: Counter[str] = Counter()
    for tags in folders.values() if isinstance(folders, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if type(count) is int and 0 < count < 1 << 32:
                counts[tag.strip()] += count
    return _words([tag for tag, _ in counts.most_common(MAX_WORDS)])


def _words(words: list[str]) -> tuple[str, ...]:
    cleaned = (printable(word.strip(), 100) for word in words)
    return tuple(dict.fromkeys(word for word in cleaned if word))[:MAX_WORDS]


def _short(text: str | None) -> str | None:
    return printable(text.strip(), 200) or None if text else None


def _sha256(text: str) -> str | None:
    digits = text.removeprefix("0x").lower()
    return digits if re.fullmatch(r"[0-9a-f]{64}", digits) else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


_TORCH_TYPES = {
    "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "DoubleStorage": "F64",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexFloatStorage": "C64",
}  # fmt: skip


def facts_of_torch(tensors: Mapping[str, Made]) -> HeaderFacts:
    """The facts of a PyTorch file by the tensors that its pickle puts into dictionaries, each under its own name.

    Sizes count each tensor on its own, also where several share their numbers.
    """
    found: dict[str, Tensor] = {}
    for name, made in tensors.items():
        storage = made.stored.storage.name if made.stored else ""
        dtype = _TORCH_TYPES.get(storage, storage.removesuffix("Storage"))
        size = math.prod(made.shape) * STORAGE_WIDTHS.get(storage, 1)
        found[printable(name, 200)] = Tensor(dtype, made.shape, 0, size)
    return facts_of_safetensors(Header(found, {}))


_GGUF_FAMILIES = {
    "flux": "flux1", "sd1": "sd1", "sdxl": "sdxl", "sd3": "sd3", "aura": "auraflow", "ltxv": "ltx", "wan": "wan",
    "hyvid": "hunyuan-video", "hidream": "hidream", "lumina2": "lumina2", "qwen_image": "qwen-image",
}  # fmt: skip


def _gguf_kind(family: str | None, own_name: str | None) -> str:
    if family is not None:
        return "checkpoint"
    if own_name in ("t5", "t5encoder"):
        return "text_encoder"
    return "llm" if own_name else "unknown"


def facts_of_gguf(header: GgufHeader) -> HeaderFacts:
    """The facts of a valid GGUF header; `precision` is the quantisation of most bytes, e.g. "Q4_K"."""
    architecture = header.values.get("general.architecture")
    own_name = printable(architecture, 64) if isinstance(architecture, str) else None
    dtypes: Counter[str] = Counter()
    parameters = 0
    for tensor in header.tensors.values():
        dtypes[tensor.type_name] += tensor.size_bytes
        parameters += math.prod(tensor.shape)
    family = _GGUF_FAMILIES.get(own_name or "")
    title = header.values.get("general.name")
    return HeaderFacts(
        kind=_gguf_kind(family, own_name),
        family=family or own_name,
        tensor_count=len(header.tensors),
        parameter_count=parameters,
        dtypes=dict(dtypes.most_common()),
        precision=dtypes.most_common(1)[0][0] if dtypes else None,
        title=printable(title, 200) if isinstance(title, str) else None,
        metadata={
            key: printable(str(value), 200)
            for key, value in header.values.items()
            if key.startswith("general.") and isinstance(value, (str, int))
        },
    )
