"""PyTorch's containers: what torch really writes is clean, and nothing can lie beside the referenced storages."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.upload_scan.samples import codes, hostile_pickle, scan, state_dict_pickle, torch_legacy, torch_zip

SHARED = torch.arange(12, dtype=torch.float32)
STATE_DICTS: dict[str, object] = {
    "module": torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3)).state_dict(),
    "dtypes": {
        str(dtype): torch.zeros(3, 2).to(dtype)
        for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.uint8, torch.int64, torch.bool,
                      torch.complex64)
    },
    "new dtypes": {"a": torch.zeros(4).to(torch.float8_e4m3fn), "b": torch.zeros(4, dtype=torch.uint16)},
    "shared storage": OrderedDict(whole=SHARED, part=SHARED[2:5], other=SHARED.view(3, 4)),
    "parameter": {"p": torch.nn.Parameter(torch.ones(2, 3))},
    "textual inversion": {"string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(2, 8))}),
                          "string_to_token": {"*": 265}, "name": "cat", "step": 100},
    "training state": {"state_dict": {"w": torch.ones(2)}, "epoch": 3, "size": torch.Size([1, 2]), "none": None,
                       "device": torch.device("cpu"), "dtype": torch.float32, "lr": 1e-4},
    "numpy scalars and arrays": {"scalar": np.float64(1.5), "array": np.arange(6, dtype=np.float32).reshape(2, 3)},
    "storage like a pickle": {"w": torch.frombuffer(bytearray(b"\x80\x02cos\nsystem\n)R."), dtype=torch.uint8)},
}  # fmt: skip


def saved(value: object, *, is_new: bool, protocol: int = 2) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=is_new, pickle_protocol=protocol)
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("name", STATE_DICTS)
def test_archives_that_torch_writes_are_clean(name: str, protocol: int, tmp_path: Path) -> None:
    report = scan(saved(STATE_DICTS[name], is_new=True, protocol=protocol), "model.pt", tmp_path)
    assert report.verdict == "clean", report.findings
    assert report.format == "torch_zip"
    assert "AutoV3" not in report.hashes


@pytest.mark.parametrize("name", [name for name in STATE_DICTS if name != "new dtypes"])
def test_old_files_that_torch_writes_are_clean(name: str, tmp_path: Path) -> None:
    report = scan(saved(STATE_DICTS[name], is_new=False), "model.bin", tmp_path)
    assert report.verdict == "clean", report.findings
    assert report.format == "torch_legacy"


@pytest.mark.parametrize("is_new", [True, False])
def test_a_whole_module_is_dangerous(is_new: bool, tmp_path: Path) -> None:
    report = scan(saved(torch.nn.Linear(2, 2), is_new=is_new), "model.pt", tmp_path)
    assert report.verdict == "dangerous"


def test_torchscript_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), buffer)  # type: ignore[no-untyped-call]
    report = scan(buffer.getvalue(), "model.pt", tmp_path)
    assert report.verdict == "dangerous"
    assert "torch.member" in codes(report)


def test_numpy_objects_are_dangerous(tmp_path: Path) -> None:
    report = scan(torch_zip(pickle.dumps(np.array([{"a": 1}], dtype=object), 2)), "model.pt", tmp_path)
    assert report.verdict == "dangerous"


@pytest.mark.parametrize(
    "members",
    [
        {"data/0": bytes(47)},
        {"data/0": bytes(49)},
        {"data/1": bytes(4)},
        {"extra.txt": b"hello"},
        {"data/deep/er": b""},
        {"version": bytes(1000)},
    ],
    ids=["short storage", "long storage", "unreferenced storage", "unknown member", "nested", "large side file"],
)
def test_anything_beside_the_referenced_storages_is_invalid(members: dict[str, bytes], tmp_path: Path) -> None:
    report = scan(torch_zip(members=members), "model.pt", tmp_path)
    assert report.verdict == "invalid", report.findings


def test_a_second_pickle_beside_the_first_is_looked_into(tmp_path: Path) -> None:
    report = scan(torch_zip(members={"other.pkl": hostile_pickle(2)}), "model.pt", tmp_path)
    assert report.verdict == "dangerous"


def test_a_missing_storage_is_invalid(tmp_path: Path) -> None:
    other = state_dict_pickle().replace(b"X\x01\x00\x00\x000q\x06", b"X\x01\x00\x00\x007q\x06")
    assert codes(scan(torch_zip(other), "model.pt", tmp_path)) == {"torch.storage"}


@pytest.mark.parametrize(
    "data",
    [
        torch_legacy(storages=(12).to_bytes(8, "little") + bytes(47)),
        torch_legacy(storages=(12).to_bytes(8, "little") + bytes(49)),
        torch_legacy(storages=(13).to_bytes(8, "little") + bytes(52)),
        torch_legacy(keys=("0", "1")),
        torch_legacy(keys=()),
        torch_legacy(keys={"0": 1}),
        torch_legacy()[:60],
    ],
    ids=["short", "trailing", "other count", "unknown key", "missing key", "keys are no list", "cut off"],
)
def test_an_old_file_must_account_for_every_byte(data: bytes, tmp_path: Path) -> None:
    report = scan(data, "model.pt", tmp_path)
    assert report.verdict == "invalid", report.findings
    assert report.findings


def test_a_magic_number_that_is_computed_is_dangerous(tmp_path: Path) -> None:
    magic = b"\x80\x02c__builtin__\neval\n(X\x01\x00\x00\x001tR."
    report = scan(magic + torch_legacy()[15:], "model.pt", tmp_path)
    assert report.verdict == "dangerous"
