"""Finding a version by the hash of one of its files: any of the six kinds, as tools write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

from services.catalog.domain.model import File, Model, Version

_AUTOV3_DIGITS = 12
_EMPTY_AUTOV3 = "E3B0C44298FC"
"""The hash of nothing, which a popular trainer embeds: it would make many files look like one."""
_HASH = re.compile(r"[0-9A-F]{8}|[0-9A-F]{10}|[0-9A-F]{12}|[0-9A-F]{64}")


class AskedHashes(msgspec.Struct, frozen=True):
    """A hash as asked for: itself, and the AutoV3 that it may be the whole of; `""` where there is none."""

    exact: str = ""
    auto_v3: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """What to look for."""
        return tuple(value for value in (self.exact, self.auto_v3) if value)


def asked_hashes(text: str) -> AskedHashes:
    """What a text means as a hash: any letter case, perhaps with a leading `0x`; nothing if it is none."""
    value = text.strip().upper().removeprefix("0X")
    if not _HASH.fullmatch(value) or value == _EMPTY_AUTOV3:
        return AskedHashes()
    begin = value[:_AUTOV3_DIGITS] if len(value) > _AUTOV3_DIGITS else ""
    return AskedHashes(value, "" if begin == _EMPTY_AUTOV3 else begin)


def findable_hashes(file: File) -> set[str]:
    """The hashes by which a file is found, in upper case. An AutoV3 that is kept whole is found by its beginning."""
    found = {value.upper() for value in file.hashes.values()}
    if auto_v3 := file.hashes.get("AutoV3", "").upper():
        found.discard(auto_v3)
        found |= {auto_v3, auto_v3[:_AUTOV3_DIGITS]} if auto_v3[:_AUTOV3_DIGITS] != _EMPTY_AUTOV3 else set()
    return found - {_EMPTY_AUTOV3}


def earliest_with_hash(models: Iterable[Model], asked: AskedHashes) -> tuple[Model, Version] | None:
    """The published version with that hash: the earliest, then that of the lowest id. An exact match goes first."""
    found: list[tuple[bool, datetime, int, Model, Version]] = []
    for model in models:
        for version in model.published_versions:
            hashes = {value for file in version.public_files for value in findable_hashes(file)}
            tensors = {file.hashes.get("AutoV3", "").upper()[:_AUTOV3_DIGITS] for file in version.public_files}
            is_exact = asked.exact in hashes
            if version.published_at and (is_exact or (asked.auto_v3 and asked.auto_v3 in tensors)):
                found.append((not is_exact, version.published_at, version.id, model, version))
    if not found:
        return None
    return min(found, key=lambda row: row[:3])[3:]
