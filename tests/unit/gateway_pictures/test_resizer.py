"""Pictures made smaller by the real process."""

from __future__ import annotations

import asyncio
import io
import os
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from services.gateway.pictures.options import Fit, Format, Rendition
from services.gateway.pictures.resizer import CannotRender, Resizer


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    image = Image.new(mode, (width, height), (200, 40, 40, 0)[: len(mode)])
    image.paste((20, 20, 220, 255)[: len(mode)], (0, 0, width // 2, height))
    info = PngInfo()
    info.add_text("parameters", "a red and blue flag")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@pytest.fixture
async def resizer() -> AsyncIterator[Resizer]:
    made = Resizer(1)
    yield made
    await made.stop()


async def rendered(resizer: Resizer, picture: bytes, rendition: Rendition) -> Image.Image:
    data = await resizer.render(picture, rendition)
    assert data is not None
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
async def test_a_rendition_is_smaller_of_its_format_and_without_the_recipe(resizer: Resizer, format_: Format) -> None:
    image = await rendered(resizer, png(640, 960), Rendition(width=320, format=format_))
    assert image.size == (320, 480)
    assert (image.format or "").lower() == format_
    assert "parameters" not in image.info
    left, right = image.convert("RGB").getpixel((20, 20)), image.convert("RGB").getpixel((300, 20))
    assert isinstance(left, tuple) and isinstance(right, tuple)
    assert left[2] > 200 > left[0] and right[0] > 180 > right[2]


@pytest.mark.parametrize(
    ("fit", "size"), [("scale-down", (200, 300)), ("cover", (320, 300)), ("crop", (320, 300)), ("pad", (320, 300))]
)
async def test_each_fit_gives_its_size(resizer: Resizer, fit: Fit, size: tuple[int, int]) -> None:
    image = await rendered(resizer, png(640, 960), Rendition(width=320, height=300, fit=fit))
    assert image.size == size


async def test_a_cut_box_keeps_its_shape_where_the_picture_is_small(resizer: Resizer) -> None:
    image = await rendered(resizer, png(100, 200), Rendition(width=800, height=400, fit="cover"))
    assert image.size == (100, 50)


async def test_a_picture_is_never_enlarged_and_is_left_as_it_is_where_nothing_changes(resizer: Resizer) -> None:
    small = png(128, 128)
    assert await resizer.render(small, Rendition(width=450)) is None
    assert (await rendered(resizer, small, Rendition(width=450, format="webp"))).size == (128, 128)
    assert (await rendered(resizer, small, Rendition(width=450, blur=30))).size == (128, 128)


async def test_a_blurred_picture_has_no_edge_left(resizer: Resizer) -> None:
    image = await rendered(resizer, png(640, 640), Rendition(width=320, blur=100))
    row = image.convert("L").crop((150, 160, 170, 161)).tobytes()
    steps = [abs(one - other) for one, other in pairwise(row)]
    assert max(steps) < 10
    assert image.size == (320, 320)


async def test_transparency_becomes_white_in_a_jpeg(resizer: Resizer) -> None:
    image = await rendered(resizer, png(640, 640, "RGBA"), Rendition(width=320, format="jpeg"))
    pixel = image.getpixel((300, 10))
    assert isinstance(pixel, tuple) and min(pixel) > 245


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_that_claims(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "picture",
    [b"", b"not a picture", _png_that_claims(60_000, 60_000),
     b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', b"GIF89a" + bytes(20)],
    ids=["empty", "text", "too many pixels", "svg", "gif"],
)  # fmt: skip
async def test_what_is_no_sound_picture_is_refused_and_the_process_goes_on(resizer: Resizer, picture: bytes) -> None:
    with pytest.raises(CannotRender):
        await resizer.render(picture, Rendition(width=320))
    assert (await rendered(resizer, png(640, 640), Rendition(width=320))).size == (320, 320)


async def test_a_process_that_takes_too_long_is_replaced() -> None:
    hasty = Resizer(1, timeout_seconds=0.0)
    with pytest.raises(CannotRender):
        await hasty.render(png(640, 640), Rendition(width=320))
    await hasty.stop()


async def test_many_pictures_at_once_all_come_back(resizer: Resizer) -> None:
    widths = [96, 320, 450, 512] * 3
    found = await asyncio.gather(*(rendered(resizer, png(640, 640), Rendition(width=width)) for width in widths))
    assert [image.width for image in found] == widths


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_an_idle_process_ends() -> None:
    def children() -> set[str]:
        path = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
        with open(path) as file:  # noqa: PTH123
            return set(file.read().split())

    before = children()
    brief = Resizer(1, idle_seconds=0.05)
    assert await brief.render(png(640, 640), Rendition(width=320))
    assert len(children() - before) == 1
    async for attempt in AsyncRetrying(stop=stop_after_delay(10), wait=wait_fixed(0.02), reraise=True):
        with attempt:
            assert children() == before
    assert await brief.render(png(640, 640), Rendition(width=320)), "a new one is started"
    await brief.stop()


async def test_the_gateway_itself_never_loads_the_decoder() -> None:
    code = "import sys, services.gateway.app; sys.exit('pyvips' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
