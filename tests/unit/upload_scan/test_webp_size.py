"""A WebP's size is known before anything decodes it."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from services.upload.scan import image_structure
from services.upload.scan.report import Refusal
from tests.unit.upload_scan.samples import scan


def webp(*, lossless: bool = False, frames: int = 1, size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture as Pillow writes it."""
    pictures = [Image.effect_noise(size, 20 + number).convert("RGB") for number in range(frames)]
    file = io.BytesIO()
    pictures[0].save(file, "WEBP", lossless=lossless, save_all=frames > 1, append_images=pictures[1:])
    return file.getvalue()


def with_size(data: bytes, kind: bytes, at: int, value: bytes) -> bytes:
    """The picture with other bytes so far into the first part of that kind."""
    place = data.index(kind) + 8 + at
    return data[:place] + value + data[place + len(value) :]


ANIMATED, LOSSY, LOSSLESS = webp(frames=3), webp(), webp(lossless=True)
HUGE = {
    "canvas": with_size(ANIMATED, b"VP8X", 4, (9_999).to_bytes(3, "little") * 2),
    "frame": with_size(ANIMATED, b"ANMF", 6, (9_999).to_bytes(3, "little") * 2),
    "picture of a frame": with_size(ANIMATED, b"VP8 ", 6, struct.pack("<2H", 9_999, 9_999)),
    "lossy": with_size(LOSSY, b"VP8 ", 6, struct.pack("<2H", 9_999, 9_999)),
    "lossless": with_size(LOSSLESS, b"VP8L", 1, struct.pack("<L", 9_999 << 14 | 9_999)),
}


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE)
def test_a_few_bytes_that_declare_a_huge_picture_are_refused(data: bytes, tmp_path: Path) -> None:
    report = scan(data, "preview.webp", tmp_path)
    assert report.verdict == "invalid"
    assert "too large" in report.findings[0].message


@pytest.mark.parametrize("size", [(1, 1), (63, 17), (640, 5)])
@pytest.mark.parametrize(("lossless", "frames"), [(False, 1), (True, 1), (False, 2)])
def test_sizes_are_read_as_encoders_write_them(
    lossless: bool, frames: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = webp(lossless=lossless, frames=frames, size=size)
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(image_structure, "_check_pixels", lambda width, height, most: seen.append((width, height)))
    image_structure.CHECKS["webp"](data)
    assert seen
    assert set(seen) == {size}


def test_a_frame_whose_parts_do_not_fill_it_is_refused() -> None:
    place = ANIMATED.index(b"VP8 ") + 4
    length = int.from_bytes(ANIMATED[place : place + 4], "little")
    with pytest.raises(Refusal, match="cut off"):
        image_structure.CHECKS["webp"](ANIMATED[:place] + struct.pack("<L", length + 400) + ANIMATED[place + 4 :])
