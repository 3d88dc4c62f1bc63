"""Code put into real pickles and archives, as tools for it do: wherever it is put, the file is found out."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest

from tests.unit.upload_scan.samples import codes, scan_own, state_dict_pickle, torch_zip, zipped

CALL = b"cbuiltins\nexec\n(S'1'\ntR"
"""What each of them adds: `exec` of harmless text."""
HONEST = {
    **{f"dict, protocol {number}": pickle.dumps({"a": [1, (2, "x")]}, number) for number in range(6)},
    **{f"ordered, protocol {number}": pickle.dumps(OrderedDict(a=b"x" * 300), number) for number in range(6)},
    "state dict": state_dict_pickle(),
}


def head_of(data: bytes) -> int:
    """Where a pickle's operations begin: after the protocol and the first frame's length, which is then wrong."""
    at = 2 if data[:1] == b"\x80" else 0
    return at + 9 if data[at : at + 1] == b"\x95" else at


def unframed(data: bytes) -> bytes:
    """Without frames, as tools that rewrite pickles leave them."""
    at = head_of(data)
    return data[:2] + data[at:] if at > 2 else data


PLACES = {
    "before everything, result dropped": lambda data: data[: head_of(data)] + CALL + b"0" + data[head_of(data) :],
    "after everything, result dropped": lambda data: data[:-1] + CALL + b"0.",
    "in place of the result": lambda data: data[:-1] + b"0" + CALL + b".",
    "around the result": lambda data: data[:-1] + b"cbuiltins\nexec\n(S'1'\ntRp9\n0g9\n\x85R.",
    "as an item of the result": lambda data: data[:-1] + b"(S'k'\n" + CALL + b"u.",
    "after the end": lambda data: data + b"\x80\x02" + CALL + b".",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", HONEST)
def test_a_call_put_into_a_pickle_makes_it_dangerous(kind: str, place: str, tmp_path: Path) -> None:
    honest = unframed(HONEST[kind])
    hostile = PLACES[place](honest)
    report = scan_own(hostile, "weights.pkl", tmp_path)
    assert report.verdict == "dangerous", codes(report)
    assert "builtins.exec" in [found.qualified_name for found in report.imports]
    in_archive = scan_own(torch_zip(hostile), "weights.pt", tmp_path)
    assert in_archive.verdict == "dangerous", codes(in_archive)


def appended(data: bytes, name: str, content: bytes) -> bytes:
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


EVIL = b"\x80\x02" + CALL + b"."
POLYGLOTS = {
    "a pickle after an archive": torch_zip() + EVIL,
    "an archive after a pickle": EVIL + torch_zip(),
    "an archive after an archive": torch_zip() + torch_zip(EVIL),
    "a second top folder": appended(torch_zip(), "other/data.pkl", EVIL),
    "a second object": appended(torch_zip(), "model/DATA.PKL", EVIL),
    "constants of TorchScript": appended(torch_zip(), "model/constants.pkl", EVIL),
    "code of TorchScript": appended(torch_zip(), "model/code/__torch__.py", b"import os"),
    "a manifest of an archive for serving": appended(torch_zip(), "MAR-INF/MANIFEST.json", b"{}"),
    "a version beside the folder": appended(torch_zip(), "version", b"3\n"),
    "an object that leads elsewhere": appended(torch_zip(), "model/data/../data.pkl", EVIL),
    "a pickle in an archive of another kind": zipped({"model.json": b"{}", "weights.bin": EVIL}),
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_a_file_that_is_two_is_never_clean(name: str, tmp_path: Path) -> None:
    assert scan_own(POLYGLOTS[name], "weights.pt", tmp_path).verdict in ("dangerous", "invalid")
