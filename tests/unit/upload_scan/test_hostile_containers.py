"""Containers that are not what they claim, hide something, or lead elsewhere: none of them is clean."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.unit.upload_scan.hostile_pickles import NESTED
from tests.unit.upload_scan.onnx_samples import (
    attribute_of_graph,
    number,
    onnx_model,
    onnx_node,
    onnx_tensor,
    part,
)
from tests.unit.upload_scan.samples import gguf, gguf_text, safetensors, scan, scan_own, torch_legacy, torch_zip, zipped


def tar_of(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", pax: dict[str, str] | None = None
) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    found.pax_headers = pax or {}
    return found


GOOD_TAR = tar_of((member("a.txt"), b"hello"))
TARS = {
    "symbolic link": tar_of((member("a.txt", tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "hard link": tar_of((member("b.txt"), b"x"), (member("a.txt", tarfile.LNKTYPE, "b.txt"), b"")),
    "character device": tar_of((member("a", tarfile.CHRTYPE), b"")),
    "block device": tar_of((member("a", tarfile.BLKTYPE), b"")),
    "named pipe": tar_of((member("a", tarfile.FIFOTYPE), b"")),
    "sparse file": tar_of((member("a", tarfile.GNUTYPE_SPARSE), b"")),
    "unknown kind": tar_of((member("a", b"Z"), b"")),
    "traversal": tar_of((member("../a.txt"), b"x")),
    "traversal inside": tar_of((member("a/../../b.txt"), b"x")),
    "absolute": tar_of((member("/a.txt"), b"x")),
    "drive": tar_of((member("C:a.txt"), b"x")),
    "backslash": tar_of((member("a\\b.txt"), b"x")),
    "control character": tar_of((member("a\x1b.txt"), b"x"), form=tarfile.USTAR_FORMAT),
    "long name with traversal": tar_of((member("../" * 60 + "a.txt"), b"x"), form=tarfile.GNU_FORMAT),
    "path by a record": tar_of((member("a.txt", pax={"path": "../a.txt"}), b"x")),
    "size by a record": tar_of((member("a.txt", pax={"size": "0"}), b"x" * 600)),
    "link by a record": tar_of((member("a.txt", pax={"linkpath": "/etc"}), b"x")),
    "sparse by a record": tar_of((member("a.txt", pax={"GNU.sparse.major": "1"}), b"x")),
    "twice the same": tar_of((member("a.txt"), b"x"), (member("a.txt"), b"y")),
    "twice but for the case": tar_of((member("A.txt"), b"x"), (member("a.txt"), b"y")),
    "file and folder at once": tar_of((member("a"), b"x"), (member("a/b.txt"), b"y")),
    "no end": GOOD_TAR[:1024],
    "bytes after the end": GOOD_TAR + b"x" * 512,
    "bytes in the padding": GOOD_TAR[:520] + b"x" + GOOD_TAR[521:],
    "wrong checksum": GOOD_TAR[:1] + b"x" + GOOD_TAR[2:],
    "second archive behind the first": GOOD_TAR + GOOD_TAR,
    "program": tar_of((member("a"), b"\x7fELF" + bytes(60))),
    "pickle as a name": tar_of((member("cos\nsystem\n(Vx\ntR."), b""), form=tarfile.USTAR_FORMAT),
}

GZIP = gzip.compress(b"hello\n", mtime=0)
XZ = lzma.compress(b"hello\n")
PACKED = {
    "gz bytes after": (GZIP + b"x", "a.txt.gz"),
    "gz twice": (GZIP + GZIP, "a.txt.gz"),
    "gz cut off": (GZIP[:-3], "a.txt.gz"),
    "gz wrong checksum": (GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:], "a.txt.gz"),
    "gz wrong size": (GZIP[:-4] + b"\1\0\0\0", "a.txt.gz"),
    "gz extra field": (GZIP[:3] + b"\x04" + GZIP[4:10] + b"\x02\x00hi" + GZIP[10:], "a.txt.gz"),
    "gz bomb": (gzip.compress(bytes(40 << 20)), "a.txt.gz"),
    "gz of a program": (gzip.compress(b"MZ" + bytes(50)), "a.txt.gz"),
    "gz as a model": (gzip.compress(torch_zip()), "a.pt"),
    "tar as a model": (tar_of((member("pickle"), b"x")), "a.pt"),
    "xz bytes after": (XZ + b"x", "a.txt.xz"),
    "xz twice": (XZ + XZ, "a.txt.xz"),
    "xz damaged": (XZ[:30] + b"\xff" + XZ[31:], "a.txt.xz"),
    "xz bomb": (lzma.compress(bytes(40 << 20)), "a.txt.xz"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(60), "a.7z"),
    "rar": (b"Rar!\x1a\x07\x00" + bytes(60), "a.rar"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(60), "a.zst"),
}


def npy(header: bytes, data: bytes = b"", version: int = 1) -> bytes:
    length = struct.pack("<H", len(header)) if version == 1 else struct.pack("<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def described(descr: str, shape: str = "(2,)", order: str = "False") -> bytes:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()


ARRAYS = {
    "short": npy(described("'<f4'"), bytes(7)),
    "long": npy(described("'<f4'"), bytes(9)),
    "objects": npy(described("'|O'"), NESTED),
    "objects that are harmless": npy(described("'|O'"), b"\x80\x03N."),
    "objects in a structure": npy(described("[('a', '<f4'), ('b', '|O')]"), bytes(24)),
    "objects deep in a structure": npy(described("[('a', [('b', ('|O', (2,)))])]"), bytes(64)),
    "expression": npy(described("__import__('os').system('true')"), bytes(8)),
    "expression as shape": npy(described("'<f4'", "(1+1,)"), bytes(8)),
    "negative shape": npy(described("'<f4'", "(-1,)"), bytes(8)),
    "huge shape": npy(described("'<f4'", "(1<<62, 1<<62)"), bytes(8)),
    "overflowing shape": npy(described("'<f4'", "(4611686018427387904, 4611686018427387904)"), bytes(8)),
    "shape of truth": npy(described("'<f4'", "(True,)"), bytes(4)),
    "nested header": npy(b"(" * 60_000, b""),
    "nested a little": npy(described("(" * 100 + "'<f4'" + ",)" * 100), bytes(8)),
    "more keys": npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}\n", bytes(4)),
    "odd white space": npy(described("'<f4'")[:-1] + b" \x1c \n", bytes(8)),
    "unknown type": npy(described("'<z4'"), bytes(8)),
    "unknown version": npy(described("'<f4'"), bytes(8), version=9),
    "header too long": npy(described("'<f4'") + b" " * 70_000, bytes(8), version=2),
}

MODELS = {
    "absolute sidecar": onnx_model([onnx_tensor(external={"location": "/etc/passwd"})]),
    "sidecar above": onnx_model([onnx_tensor(external={"location": "../../etc/passwd"})]),
    "sidecar with a drive": onnx_model([onnx_tensor(external={"location": "C:\\x"})]),
    "sidecar inside a branch": onnx_model(
        nodes=[onnx_node("If", attribute_of_graph(part(5, onnx_tensor(external={"location": "../x"})) + part(2, "g")))]
    ),
    "sidecar without a place": onnx_model([onnx_tensor(external={})]),
    "sidecar with two places": onnx_model([
        onnx_tensor(external={"location": "a"}) + part(13, part(1, "location") + part(2, "/etc/passwd"))
    ]),
    "call of Python": onnx_model(nodes=[onnx_node("PythonOp")]),
    "short tensor": onnx_model([onnx_tensor(data=bytes(7))]),
    "long tensor": onnx_model([onnx_tensor(data=bytes(9))]),
    "negative shape": onnx_model([onnx_tensor((1 << 63,), b"")]),
    "unknown field": onnx_model(more=part(99, b"hello")),
    "group": onnx_model(more=b"\x0b"),
    "field 0": onnx_model(more=b"\x02\x01x"),
    "longer than the file": onnx_model(more=b"\x32\xff\xff\x03x"),
    "bytes after": onnx_model(more=b"\x00"),
    "archive behind it": onnx_model() + zipped({"a.pkl": NESTED}),
    "no graph": number(1, 8) + part(2, "x") + part(8, part(1, "") + number(2, 17)),
    "number without end": number(1, 8) + part(2, "x") + b"\xff" * 20,
    "text that is not UTF-8": onnx_model(more=part(3, b"\xff\xfe")),
    "graphs in graphs": None,
}  # fmt: skip


def nested_graphs(depth: int) -> bytes:
    graph = part(2, "g")
    for _ in range(depth):
        graph = part(1, onnx_node("Loop", attribute_of_graph(graph))) + part(2, "g")
    return number(1, 8) + part(2, "x") + part(7, graph) + part(8, part(1, "") + number(2, 17))


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 48), 90).save(buffer, kind)
    return buffer.getvalue()


def png_of(width: int, height: int, pixels: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


IMAGES = {
    **{f"{kind} with bytes after": (picture(kind) + b"x", f"a.{kind}") for kind in ("png", "gif", "bmp", "webp")},
    "png with an archive after": (picture("png") + zipped({"a.pkl": NESTED}), "a.png"),
    "gif with an archive after": (picture("gif") + zipped({"a.pkl": NESTED}), "a.gif"),
    **{f"{kind} cut off": (picture(kind)[:-20], f"a.{kind}") for kind in ("png", "gif", "bmp", "webp")},
    "jpg with bytes after": (picture("jpeg") + b"x", "a.jpg"),
    "jpg cut off": (picture("jpeg")[:-20], "a.jpg"),
    "png without pixels": (png_of(10, 10), "a.png"),
    "png of too many pixels": (png_of(60_000, 60_000), "a.png"),
    "png under another name": (picture("png"), "a.jpg"),
    "page as a picture": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg"),
    "page named as a picture": (b"<html>", "a.png"),
    "archive in a remark": (
        picture("jpeg")[:2] + b"\xff\xfe" + struct.pack(">H", len(zipped({"a": b"x"})) + 2) + zipped({"a": b"x"})
        + picture("jpeg")[2:], "a.jpg"),
}  # fmt: skip

POLYGLOTS = {
    "safetensors and a zip": (safetensors() + zipped({"a.pkl": NESTED}), "a.safetensors"),
    "safetensors and a torch zip, named so": (safetensors() + torch_zip(), "a.pt"),
    "pickle and a zip": (b"\x80\x02K\x01." + zipped({"a": b"x"}), "a.pkl"),
    "torch zip behind a pickle": (b"\x80\x02K\x01." + torch_zip(), "a.pt"),
    "torch zip twice": (torch_zip() + torch_zip(), "a.pt"),
    "old torch file and a zip": (torch_legacy() + torch_zip(), "a.pth"),
    "gguf and a zip": (gguf() + zipped({"a": b"x"}), "a.gguf"),
    "gguf with values only, and bytes": (gguf([gguf_text("a") + struct.pack("<IB", 0, 1)]) + b"x" * 99, "a.gguf"),
    "tar and a zip": (GOOD_TAR + zipped({"a": b"x"}), "a.tar"),
    "text and a zip": (b"hello\n" + zipped({"a": b"x"}), "a.txt"),
    "array and a zip": (npy(described("'<f4'"), bytes(8)) + zipped({"a": b"x"}), "a.npy"),
    "zip and a pickle": (zipped({"a.txt": b"x"}) + NESTED, "a.zip"),
    "two torch files in one archive": (
        zipped({"a/data.pkl": b"\x80\x02}.", "a/version": b"3\n", "b/data.pkl": b"\x80\x02}.", "b/version": b"3\n"}),
        "a.pt",
    ),
    "program behind a shell line": (b"#!/bin/sh\ntrue\n", "notes"),
}

CASES: dict[str, tuple[bytes, str]] = {
    **{f"tar: {name}": (data, "a.tar") for name, data in TARS.items()},
    **{f"packed: {name}": case for name, case in PACKED.items()},
    **{f"array: {name}": (data, "a.npy") for name, data in ARRAYS.items()},
    **{f"onnx: {name}": (data or nested_graphs(40), "a.onnx") for name, data in MODELS.items()},
    **{f"image: {name}": case for name, case in IMAGES.items()},
    **{f"polyglot: {name}": case for name, case in POLYGLOTS.items()},
}


@pytest.mark.parametrize("case", CASES)
def test_what_hides_or_lies_is_refused(case: str, tmp_path: Path) -> None:
    data, name = CASES[case]
    report = scan_own(data, name, tmp_path)
    assert report.verdict in ("dangerous", "invalid")
    assert report.findings
    for declared_type in ("Model", "Archive", "Other"):
        assert scan(data, name, tmp_path, declared_type).verdict in ("dangerous", "invalid")


@pytest.mark.parametrize("case", CASES)
def test_nor_does_it_pass_within_an_archive(case: str, tmp_path: Path) -> None:
    data, name = CASES[case]
    for pack in PACKERS:
        packed, extension = pack(name, data)
        assert scan_own(packed, f"bundle{extension}", tmp_path).verdict in ("dangerous", "invalid")


def zip_of(name: str, data: bytes) -> tuple[bytes, str]:
    return zipped({f"x/{name}": data}, zipfile.ZIP_DEFLATED), ".zip"


def tgz_of(name: str, data: bytes) -> tuple[bytes, str]:
    return gzip.compress(tar_of((member(f"x/{name}"), data)), 1), ".tar.gz"


PACKERS: list[Callable[[str, bytes], tuple[bytes, str]]] = [zip_of, tgz_of]


def test_what_they_were_made_of_is_clean(tmp_path: Path) -> None:
    for good, title in (
        (GOOD_TAR, "a.tar"), (GZIP, "a.txt.gz"), (XZ, "a.txt.xz"), (npy(described("'<f4'"), bytes(8)), "a.npy"),
        (onnx_model(), "a.onnx"), (nested_graphs(3), "a.onnx"), (picture("jpeg"), "a.jpg"), (picture("png"), "a.png"),
        (picture("gif"), "a.gif"), (picture("webp"), "a.webp"), (png_of(2, 1, bytes(7)), "a.png"),
    ):  # fmt: skip
        report = scan_own(good, title, tmp_path)
        assert report.verdict == "clean", report.findings
