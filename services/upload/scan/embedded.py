"""What a safetensors file tells of itself in its data: an adapter's alphas, and hashes to compare with real ones."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping

import msgspec

from services.upload.scan.report import HeaderFacts
from services.upload.scan.safetensors import Header

MAX_ALPHAS = 20_000
_FORMS = {"F16": "<e", "F32": "<f", "F64": "<d", "I64": "<q", "I32": "<i", "I16": "<h", "U8": "<B", "I8": "<b"}
_TENSOR_HASHES = ("sshs_model_hash", "modelspec.hash_sha256")
"""Metadata that holds the SHA-256 of all that follows the header."""


class AlphaReader:
    """Picks the alphas of an adapter's layers out of the file while it passes.

    Args:
        data_offset: where the tensors begin in the file.
    """

    def __init__(self, header: Header, data_offset: int) -> None:
        wanted = [
            (data_offset + tensor.begin, name, tensor.dtype, tensor.end - tensor.begin)
            for name, tensor in header.tensors.items()
            if name.endswith(".alpha") and tensor.elements == 1 and (tensor.dtype in _FORMS or tensor.dtype == "BF16")
        ]
        self._wanted = sorted(wanted, reverse=True)[-MAX_ALPHAS:]
        self._partial = b""
        self.found: dict[str, float] = {}

    def see(self, position: int, block: memoryview) -> None:
        """Look at the next part of the file, which begins at `position`."""
        end = position + len(block)
        while self._wanted and self._wanted[-1][0] + len(self._partial) < end:
            offset, name, dtype, size = self._wanted[-1]
            at = max(offset + len(self._partial) - position, 0)
            self._partial += bytes(block[at : at + size - len(self._partial)])
            if len(self._partial) < size:
                return  # the rest is in the next part
            value = _value(self._partial, dtype)
            if math.isfinite(value):
                self.found[name] = value
            self._partial = b""
            self._wanted.pop()


def _value(raw: bytes, dtype: str) -> float:
    if dtype == "BF16":
        return float(struct.unpack("<f", bytes(2) + raw)[0])
    return float(struct.unpack(_FORMS[dtype], raw)[0])


def compare_hashes(facts: HeaderFacts, tensors_sha256: str | None) -> HeaderFacts:
    """The facts, with a note for each embedded hash that is not the real one.

    Args:
        tensors_sha256: SHA-256 of everything behind the header, in hexadecimal.
    """
    notes = []
    for key in _TENSOR_HASHES:
        told = facts.metadata.get(key, "").lower().removeprefix("0x")
        if tensors_sha256 and re.fullmatch(r"[0-9a-f]{64}", told) and told != tensors_sha256.lower():
            notes.append(f"The metadata's {key} is not the hash of the tensors: they were changed afterwards.")
    return msgspec.structs.replace(facts, notes=(*facts.notes, *notes)) if notes else facts


def settle_alpha(alphas: Mapping[str, float], declared: float | None) -> tuple[float | None, list[str]]:
    """The most frequent alpha of the layers, else the one that the trainer wrote down; and a note if they differ."""
    values = list(alphas.values())
    if not values:
        return declared, []
    alpha = max(set(values), key=values.count)
    if declared is not None and not math.isclose(alpha, declared, rel_tol=0.01):
        return alpha, [f"The metadata says alpha {declared:g}, but the layers have {alpha:g}."]
    return alpha, []
