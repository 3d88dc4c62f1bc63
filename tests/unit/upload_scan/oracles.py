"""The readers that people use, asked about what the scan calls clean."""

from __future__ import annotations

import contextlib
import io
import pickle
import tarfile
import zipfile
from collections import OrderedDict

import numpy as np
import safetensors

from services.upload.scan.allowlist import is_allowed
from services.upload.scan.report import ScanReport


class Recorder(pickle.Unpickler):
    """The real machine, which gets something harmless for everything that it asks for."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.asked: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> object:
        self.asked.append((module, name))
        return OrderedDict

    def persistent_load(self, key: object) -> object:
        return key


def require_harmless(data: bytes) -> None:
    """A pickle asks the real machine for nothing that is not allowed."""
    recorder = Recorder(data)
    with contextlib.suppress(Exception):  # the harmless stand-in may not fit; what it asked for counts
        recorder.load()
    assert all(map(is_allowed, recorder.asked)), recorder.asked


def require_readable(report: ScanReport, data: bytes) -> None:
    """What is clean must be the same to other readers, and whole."""
    if report.format == "pickle":
        require_harmless(data)
    elif report.format == "safetensors":
        safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    elif report.format == "numpy":
        np.load(io.BytesIO(data), allow_pickle=False)
    elif report.format in ("zip", "npz", "torch_zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            for name in archive.namelist():
                if name.endswith(".pkl"):
                    require_harmless(archive.read(name))
    elif report.format == "tar":
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            assert all(member.isreg() or member.isdir() for member in archive.getmembers())
