"""PyTorch's two containers of a pickle and its storages: the zip of today and the five pickles of old.

Every storage must be referenced by the pickle and have exactly the size it says, so nothing can hide beside it.
"""

from __future__ import annotations

from typing import BinaryIO

from services.upload.scan.allowlist import STORAGE_WIDTHS
from services.upload.scan.facts import facts_of_torch
from services.upload.scan.machine import walk_pickle
from services.upload.scan.pickle_values import Items, Stored
from services.upload.scan.pickles import MAX_PICKLE_BYTES, analyse_pickle, look_into_rest
from services.upload.scan.report import Analysis, Refusal
from services.upload.scan.zip_content import check_member, read_member
from services.upload.scan.zips import Member

_SIDE_FILES = frozenset({"version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"})
_SIDE_FILE_MAX_BYTES = 256
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001


def is_torch_zip(members: list[Member]) -> bool:
    """Whether an archive claims to be a torch file: a `data.pkl` one folder deep, and beside it what torch writes."""
    tops = [member.name.removesuffix("data.pkl") for member in members if _is_main_pickle(member)]
    names = {member.name for member in members}
    return any(top + side in names for top in tops for side in (*_SIDE_FILES, "constants.pkl")) or any(
        name.startswith((top + "data/", top + "code/")) for top in tops for name in names
    )


def _is_main_pickle(member: Member) -> bool:
    return member.name.count("/") == 1 and member.name.endswith("/data.pkl")


def analyse_torch_zip(analysis: Analysis, file: BinaryIO, members: list[Member]) -> None:
    """Judge a torch archive; the checksum of every member is verified."""
    top = next(member.name for member in members if _is_main_pickle(member)).removesuffix("data.pkl")
    sizes: dict[str, int] = {}
    storages: dict[str, Stored] = {}
    for member in members:
        inner = member.name.removeprefix(top) if member.name.startswith(top) else ""
        if inner == "data.pkl":
            storages = _analyse_member_pickle(analysis, file, member)
        elif inner.startswith("data/") and inner.count("/") == 1:
            sizes[inner.removeprefix("data/")] = member.size_bytes
            check_member(file, member, analysis.checksums)  # a referenced storage is data and is not looked into
        elif inner in _SIDE_FILES:
            _read_small(file, member, _SIDE_FILE_MAX_BYTES)
        else:
            _refuse_member(analysis, file, member, inner)
    _compare_storages(analysis, storages, sizes, f"{top}data/")


def _refuse_member(analysis: Analysis, file: BinaryIO, member: Member, inner: str) -> None:
    """Say why a member has no place here; what a pickle among them imports is told too."""
    is_script = inner.startswith("code/") or inner == "constants.pkl"
    message = "TorchScript holds programs and is" if is_script else "This member has no place in a PyTorch file and is"
    analysis.add("torch.member", member.name, f"{message} not taken. Re-save as safetensors.", is_dangerous=is_script)
    if member.name.endswith(".pkl"):
        _analyse_member_pickle(analysis, file, member)


def _analyse_member_pickle(analysis: Analysis, file: BinaryIO, member: Member) -> dict[str, Stored]:
    data = _read_small(file, member, MAX_PICKLE_BYTES)
    walk = analyse_pickle(analysis, data, member.name, in_torch=True)
    if walk.is_complete and walk.end != len(data):
        look_into_rest(analysis, data, len(data), member.name, walk)
    if member.name.endswith("/data.pkl"):
        analysis.facts = facts_of_torch(walk.tensors)
    return walk.storages


def _read_small(file: BinaryIO, member: Member, limit_bytes: int) -> bytes:
    if member.size_bytes > limit_bytes:
        raise Refusal(
            "torch.too_large",
            member.name,
            f"This member is larger than {limit_bytes} bytes. Re-save as safetensors.",
        )
    return b"".join(read_member(file, member))


def _compare_storages(analysis: Analysis, referenced: dict[str, Stored], sizes: dict[str, int], place: str) -> None:
    for key in sorted(referenced.keys() | sizes.keys()):
        if key not in sizes:
            analysis.add("torch.storage", place + key, "The pickle refers to a storage that is not there.")
        elif key not in referenced:
            analysis.add("torch.storage", place + key, "A storage is not referred to by the pickle.")
        elif sizes[key] != _storage_bytes(referenced[key]):
            analysis.add("torch.storage", place + key, "A storage is not as long as the pickle says.")


def _element_width(stored: Stored) -> int:
    return STORAGE_WIDTHS.get(stored.storage.name, 1)


def _storage_bytes(stored: Stored) -> int:
    return stored.count * _element_width(stored)


def analyse_torch_legacy(analysis: Analysis, file: BinaryIO, size_bytes: int) -> None:
    """Judge the format before zip files: magic, protocol, system info, object, list of keys; then the storages.

    Each storage is a 64-bit little-endian element count and the bytes, in the order of the list, up to the end.
    """
    at = 0
    for part, expected in (("magic", _LEGACY_MAGIC), ("protocol", _LEGACY_PROTOCOL)):
        walk = walk_pickle(file, at, size_bytes)
        if walk.imports or not walk.is_complete or type(walk.result) is not int or walk.result != expected:
            analyse_pickle(analysis, file, part, at, end=size_bytes)
            raise Refusal("torch.legacy", f"{part} > {at}", "The file does not begin like an old PyTorch file.")
        at = walk.end
    info = analyse_pickle(analysis, file, "system info", at, end=size_bytes)
    if not info.is_complete or not isinstance(info.result, Items) or info.imports:
        raise Refusal("torch.legacy", f"system info > {at}", "The system information is not a plain dictionary.")
    saved = analyse_pickle(analysis, file, "object", info.end, end=size_bytes, in_torch=True)
    if not saved.is_complete:
        raise Refusal("torch.legacy", f"object > {info.end}", "The saved object has no end. Re-save as safetensors.")
    keys = analyse_pickle(analysis, file, "keys", saved.end, end=size_bytes)
    names = keys.result.items if keys.is_complete and isinstance(keys.result, Items) else [None]
    if keys.imports or not all(isinstance(name, str) for name in names):
        raise Refusal("torch.legacy", f"keys > {saved.end}", "The list of storages is not a list of texts.")
    _check_legacy_storages(file, size_bytes, keys.end, storages=saved.storages, keys=list(map(str, names)))
    analysis.facts = facts_of_torch(saved.tensors)


def _check_legacy_storages(
    file: BinaryIO, size_bytes: int, at: int, *, storages: dict[str, Stored], keys: list[str]
) -> None:
    if sorted(keys) != sorted(storages):
        raise Refusal("torch.storage", "keys", "The list of storages does not match the saved object.")
    for key in keys:
        stored = storages[key]
        file.seek(at)
        if file.read(8) != stored.count.to_bytes(8, "little"):
            raise Refusal("torch.storage", f"storage {key} > {at}", "A storage is not as long as the pickle says.")
        at += 8 + _storage_bytes(stored)
    if at != size_bytes:
        raise Refusal("torch.storage", f"end > {at}", "The storages do not end where the file does.")
