"""What good programs really write is clean: nothing that people share is refused for its own sake."""

from __future__ import annotations

import bz2
import collections
import datetime
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from tests.unit.upload_scan.onnx_samples import onnx_model, onnx_tensor
from tests.unit.upload_scan.samples import hostile_pickle, safetensors, scan, scan_own, torch_zip, zipped

VALUES: dict[str, object] = {
    "numbers": {"a": 1, "b": -1.5, "c": 1 << 80, "d": True, "e": None, "f": 2 + 1j},
    "texts": ["os.system", "ünïcode", "x" * 100_000, b"bytes", bytearray(b"more"), b"\x80\x02 no pickle"],
    "containers": ({1, 2}, frozenset("ab"), collections.deque([1, 2], 5), collections.OrderedDict(a=[1]), slice(1, 2)),
    "dictionaries": (collections.defaultdict(list, a=[1]), collections.defaultdict(int), collections.Counter("abca")),
    "times": [
        datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC), datetime.date(2026, 1, 2),
        datetime.timedelta(1, 2, 3), datetime.time(1, 2), datetime.timezone(datetime.timedelta(hours=2), "x"),
    ],
    "arrays": {kind: np.zeros((2, 3), kind) for kind in ("f2", "f4", ">f8", "i1", "u8", "?", "c16", "U5", "S3")},
    "column order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "large array": np.arange(300_000, dtype=np.float64),
    "array that looks like a pickle": np.frombuffer(hostile_pickle(2) + b"\x80\x02cos\nsystem\n)R.", np.uint8),
    "scalars": [np.float32(1), np.int64(2), np.bool_(True), np.float16(0.5), np.str_("a")],
    "times in arrays": np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]"),
    "structures": np.zeros(3, [("a", "<f4"), ("b", "<i8", (2,)), ("c", [("d", "S4")])]),
    "empty array": np.zeros((0, 4), np.float32),
    "state of arrays": collections.OrderedDict((f"layer.{i}.weight", np.ones((2, 2), np.float32)) for i in range(50)),
    "deep": [[[[[[[[[[1]]]]]]]]]] * 20,
    "shared": [[shared := [1, 2]], {"x": shared}, (shared,)],
}  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", VALUES)
def test_plain_pickles_of_data_are_clean(name: str, protocol: int, tmp_path: Path) -> None:
    data = pickle.dumps(VALUES[name], protocol)
    report = scan_own(data, "data.pkl", tmp_path)
    assert report.verdict == "clean", report.findings
    assert report.format == "pickle"
    assert scan(data, "data.pkl", tmp_path, "Other").verdict == "invalid"  # the hub has no use for one


@pytest.mark.parametrize("name", VALUES)
def test_the_same_beside_the_tensors_of_a_torch_file_is_clean(name: str, tmp_path: Path) -> None:
    for is_new in (True, False):
        buffer = io.BytesIO()
        torch.save({"w": torch.ones(2), "x": VALUES[name]}, buffer, _use_new_zipfile_serialization=is_new)
        report = scan(buffer.getvalue(), "model.pt", tmp_path)
        assert report.verdict == "clean", report.findings
        assert report.facts is not None
        assert (report.facts.tensor_count, report.facts.parameter_count) == (1, 2)
        assert report.facts.dtypes == {"F32": 8}


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(save: Callable[..., None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, a=np.arange(10), b=np.ones((3, 3), np.float16))
    return buffer.getvalue()


def tarred(form: int, members: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1_700_000_000.5 if form == tarfile.PAX_FORMAT else 1
            archive.addfile(member, io.BytesIO(data))
    return bytes(buffer.getvalue())


def picture(kind: str, frames: int = 1, **options: object) -> bytes:
    buffer = io.BytesIO()
    images = [Image.new("RGB", (40, 30), (index * 40, 10, 20)) for index in range(frames)]
    more = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(buffer, kind, **more, **options)
    return buffer.getvalue()


GENERATION = PngImagePlugin.PngInfo()
GENERATION.add_text("parameters", "a cat, os.system, __import__('os')\nSteps: 20, Sampler: Euler a, Seed: 1" * 400)
GENERATION.add_itxt("workflow", '{"nodes": []}', zip=True)
TEXTS = {"a.txt": b"a cat\n", "sub/b.json": b"{}", "sub/c.yaml": b"a: 1\n", "README.md": b"<p align='center'>x</p>\n"}
LONG = "long/" * 30 + "name.txt"
FILES: dict[str, tuple[bytes, str]] = {
    "array": (npy(np.arange(10)), "a.npy"),
    "array of structures": (npy(VALUES["structures"]), "a.npy"),
    "array of times": (npy(VALUES["times in arrays"]), "a.npy"),
    "array without elements": (npy(VALUES["empty array"]), "a.npy"),
    "arrays": (npz(np.savez), "a.npz"),
    "packed arrays": (npz(np.savez_compressed), "a.npz"),
    "old tar": (tarred(tarfile.USTAR_FORMAT, TEXTS), "a.tar"),
    "gnu tar": (tarred(tarfile.GNU_FORMAT, {**TEXTS, LONG: b"x", "./d.txt": b"x"}), "a.tar"),
    "pax tar": (tarred(tarfile.PAX_FORMAT, {**TEXTS, LONG: b"x", "größe.txt": b"x"}), "a.tar"),
    "tar and gzip": (tarred(tarfile.GNU_FORMAT, TEXTS, "w:gz"), "a.tar.gz"),
    "tar and bzip2": (tarred(tarfile.GNU_FORMAT, TEXTS, "w:bz2"), "a.tbz2"),
    "tar and xz": (tarred(tarfile.GNU_FORMAT, TEXTS, "w:xz"), "a.tar.xz"),
    "gzip": (gzip.compress(b"a: 1\n" * 1000), "a.yaml.gz"),
    "bzip2 in parts": (bz2.compress(b"a\n") + bz2.compress(b"b\n"), "a.txt.bz2"),
    "xz": (lzma.compress(safetensors()), "a.safetensors.xz"),
    "zip": (zipped(TEXTS), "a.zip"),
    "zip of zips": (zipped({"a.zip": zipped({"b.zip": zipped(TEXTS)})}), "a.zip"),
    "zip with folders": (zipped({"x/": b"", "x/a.txt": b"a", "x/empty.txt": b"", "x/.gitkeep": b""}), "a.zip"),
    "zip of the Finder": (zipped({"a.txt": b"a", "__MACOSX/._a.txt": b"\0\5\x16\7\0\2\0\0" + bytes(100)}), "a.zip"),
    "zip without members": (zipped({}), "a.zip"),
    "zip with a remark": (zipped(TEXTS)[:-2] + b"\x05\x00hello", "a.zip"),
    "zip of a model": (zipped({"m/model.safetensors": safetensors(), "m/model.pt": torch_zip()}, zipfile.ZIP_DEFLATED),
                       "a.zip"),
    "png with a workflow": (picture("PNG", pnginfo=GENERATION), "a.png"),
    "animated png": (picture("PNG", 3), "a.png"),
    "jpeg": (picture("JPEG", exif=Image.Exif().tobytes(), comment=b"a cat"), "a.jpg"),
    "progressive jpeg": (picture("JPEG", progressive=True, quality=95), "a.jpeg"),
    "webp": (picture("WEBP"), "a.webp"),
    "animated webp": (picture("WEBP", 3), "a.webp"),
    "gif": (picture("GIF", 3), "a.gif"),
    "bmp": (picture("BMP"), "a.bmp"),
    "text": ("größe\t日本\r\n".encode(), "a.txt"),
    "text with a mark": (b"\xef\xbb\xbfhello\n", "a.txt"),
    "text that a pickle could be": (b"I am.\nN.", "a.txt"),
    "page in markdown": (TEXTS["README.md"], "README.md"),
    "model without a name": (safetensors(), "0f3a"),
    "torch file as zip": (torch_zip(), "a.zip"),
    "torch file as pickle": (torch_zip(), "a.pkl"),
    "onnx": (onnx_model(), "a.onnx"),
    "onnx beside its numbers": (
        zipped({"m/a.onnx": onnx_model([onnx_tensor(external={"location": "a.data", "offset": "0", "length": "8"})]),
                "m/a.data": bytes(range(256))}), "a.zip"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_ordinary_files_are_clean(name: str, tmp_path: Path) -> None:
    data, file_name = FILES[name]
    report = scan_own(data, file_name, tmp_path)
    assert report.verdict == "clean", report.findings
    assert report.findings == ()


@pytest.mark.parametrize("name", [name for name, (_, file) in FILES.items() if not file.endswith((".pkl", "0f3a"))])
def test_the_hub_takes_them_in_an_archive(name: str, tmp_path: Path) -> None:
    data, file_name = FILES[name]
    if file_name.endswith(".onnx") or name != "zip of zips":
        report = scan(zipped({f"bundle/{file_name}": data}), "bundle.zip", tmp_path, "Archive")
        assert report.verdict == "clean", report.findings


@pytest.mark.parametrize("extension", [".ckpt", ".pt", ".pth", ".bin"])
def test_a_plain_pickle_is_no_model(extension: str, tmp_path: Path) -> None:
    assert scan_own(pickle.dumps({"a": 1}, 2), f"model{extension}", tmp_path).verdict == "invalid"
