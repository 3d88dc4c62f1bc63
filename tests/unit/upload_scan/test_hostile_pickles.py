"""Every class of hostile pickle is named as dangerous, wherever it lies."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.upload_scan.hostile_pickles import NESTED, PAIRS, TRICKS, call
from tests.unit.upload_scan.samples import codes, scan, scan_own, torch_legacy, torch_zip, zipped


def tarred(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def npy_of_objects(data: bytes) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([None], dtype=object), allow_pickle=True)
    return buffer.getvalue()[:128] + data


PLACES: dict[str, Callable[[bytes], tuple[bytes, str]]] = {
    "a pickle": lambda data: (data, "a.pkl"),
    "a torch archive": lambda data: (torch_zip(data), "a.pt"),
    "an old torch file": lambda data: (torch_legacy(saved=data), "a.pth"),
    "system info of an old file": lambda data: (torch_legacy()[:21] + data, "a.pth"),
    "a second pickle of a torch archive": lambda data: (torch_zip(members={"constants.pkl": data}), "a.pt"),
    "an array": lambda data: (npy_of_objects(data), "a.npy"),
    "arrays": lambda data: (zipped({"a.npy": npy_of_objects(data)}), "a.npz"),
    "a zip": lambda data: (zipped({"x/a.pkl": data}), "a.zip"),
    "a zip under another name": lambda data: (zipped({"x/notes": data}), "a.bin"),
    "a tar": lambda data: (tarred("x/pickle", data), "a.tar"),
    "gzip": lambda data: (gzip.compress(data), "a.pkl.gz"),
    "bzip2": lambda data: (bz2.compress(data), "a.pkl.bz2"),
    "xz": lambda data: (lzma.compress(data), "a.pkl.xz"),
    "gzip of a tar of a zip": lambda data: (gzip.compress(tarred("b.zip", zipped({"a.pkl": data}))), "a.tgz"),
    "gzip named as a model": lambda data: (gzip.compress(data), "a.ckpt"),
    "a text": lambda data: (data, "a.txt"),
    "a safetensors file by name": lambda data: (data, "a.safetensors"),
    "no name": lambda data: (data, "a"),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_no_callable_outside_the_list_passes(protocol: int, tmp_path: Path) -> None:
    verdicts = {
        f"{module}.{name}": scan_own(call(module, name, protocol), "a.pkl", tmp_path).verdict for module, name in PAIRS
    }
    assert {name for name, verdict in verdicts.items() if verdict != "dangerous"} == set()
    assert len(verdicts) > 300


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_of_the_stream_passes(trick: str, tmp_path: Path) -> None:
    report = scan_own(TRICKS[trick], "a.pkl", tmp_path)
    assert report.verdict == "dangerous", report.findings
    assert all(finding.location for finding in report.findings if finding.code.startswith("pickle.import"))


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_passes_within_a_torch_archive(trick: str, tmp_path: Path) -> None:
    if trick not in ("second pickle", "third pickle"):  # nothing loads what follows the first there: invalid
        assert scan(torch_zip(TRICKS[trick]), "a.pt", tmp_path).verdict == "dangerous"
    else:
        assert scan(torch_zip(TRICKS[trick]), "a.pt", tmp_path).verdict != "clean"


@pytest.mark.parametrize("place", PLACES)
def test_a_pickle_is_found_wherever_it_lies(place: str, tmp_path: Path) -> None:
    data, name = PLACES[place](NESTED)
    for report in (scan_own(data, name, tmp_path), scan(data, name, tmp_path, "Other")):
        assert report.verdict == "dangerous", report.findings
        assert "pickle.import" in codes(report) or "text.pickle" in codes(report)
        assert any(found.name == "system" for found in report.imports)
