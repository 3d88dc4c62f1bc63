"""The process that decodes pictures: `python -m services.gateway.pictures.child`, started by `resizer.py`.

Decoders of pictures are an attack surface and take memory, so they run apart from the gateway, without its
environment and under hard limits. Jobs come on standard input and answers leave on standard output, each as a frame:
its length (4 bytes, little-endian) and its bytes. A job is two frames, the rendition as MessagePack and the picture;
an answer is one byte (`DONE`, `UNCHANGED` or `REFUSED`) and one frame. End of input ends the process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from services.gateway.pictures.options import Rendition

DONE, UNCHANGED, REFUSED = b"d", b"u", b"r"
MAX_PIXELS = 64_000_000
_MEMORY_BYTES = 1 << 30
_OPEN_FILES = 64
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_WHITE = [255, 255, 255]
_BLURRED_AT = 8
"""Strength, in pixels, above which a blur is made on a smaller copy."""


def frame(data: bytes) -> bytes:
    """A frame's length and bytes."""
    return len(data).to_bytes(4, "little") + data


def render(picture: bytes, rendition: Rendition) -> bytes | None:
    """The rendition of an encoded picture, without metadata; None where the picture is already that small.

    Raises ValueError for a picture over `MAX_PIXELS`, by its header alone, and `pyvips.Error` for one that is broken.
    """
    import pyvips

    header = pyvips.Image.new_from_buffer(picture, "", access="sequential")
    width, height = header.width, header.height
    if width * height > MAX_PIXELS:
        raise ValueError(f"a picture of {width} by {height} pixels is over the limit of {MAX_PIXELS:,} pixels")
    box_width, box_height = rendition.width or width, rendition.height or height
    is_cut = rendition.fit in ("cover", "crop")
    if is_cut:  # the box keeps its shape where the picture is smaller than it
        scale = min(1.0, width / box_width, height / box_height)
        box_width, box_height = max(1, round(box_width * scale)), max(1, round(box_height * scale))
    fits = width <= box_width and height <= box_height
    is_same_format = str(header.get("vips-loader")).startswith(rendition.format)
    if fits and is_same_format and not rendition.blur and rendition.fit != "pad":
        return None
    image = pyvips.Image.thumbnail_buffer(
        picture, box_width, height=box_height, size="down", crop="centre" if is_cut else "none"
    )
    if rendition.blur:
        image = _blurred(image, rendition.blur)
    if rendition.fit == "pad":
        background = _WHITE + [255] * (image.bands - 3) if image.bands >= 3 else [255] * image.bands
        image = image.gravity("centre", box_width, box_height, extend="background", background=background)
    return _encoded(image, rendition)


def _blurred(image: Any, strength: int) -> Any:
    """A wide blur looks the same from a smaller copy, at a small part of the cost."""
    factor = max(1.0, strength / _BLURRED_AT)
    width, height = image.width, image.height
    small = image.thumbnail_image(max(1, round(width / factor)), height=max(1, round(height / factor)), size="force")
    soft = small.gaussblur(min(strength, _BLURRED_AT) / 3)
    return soft.resize(width / soft.width, vscale=height / soft.height, kernel="cubic")


def _encoded(image: Any, rendition: Rendition) -> bytes:
    if rendition.format == "png":
        data = image.pngsave_buffer(keep="none")
    elif rendition.format == "webp":
        data = image.webpsave_buffer(Q=rendition.quality, effort=2, keep="none")
    else:
        flat = image.flatten(background=_WHITE[: max(1, image.bands - 1)]) if image.hasalpha() else image
        data = flat.jpegsave_buffer(Q=rendition.quality, optimize_coding=True, keep="none")
    return bytes(data)


def answer(rendition: Rendition, picture: bytes) -> bytes:
    """The answer to one job."""
    import pyvips

    try:
        made = render(picture, rendition)
    except (ValueError, pyvips.Error) as error:
        return REFUSED + frame(str(error).strip()[:500].encode())
    return UNCHANGED + frame(b"") if made is None else DONE + frame(made)


def main(parent: int) -> None:
    """Do jobs until the input ends."""
    _confine(parent)
    import pyvips

    pyvips.cache_set_max(0)  # no picture is asked for twice: the gateway keeps the answers
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in ("VipsForeignLoadPng", "VipsForeignLoadJpeg", "VipsForeignLoadWebp"):
        pyvips.operation_block_set(loader, False)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but answers may reach the parent as one
    source = sys.stdin.buffer
    while (job := _read_frame(source)) is not None and (picture := _read_frame(source)) is not None:
        output.write(answer(msgspec.msgpack.decode(job, type=Rendition), picture))
        output.flush()


def _read_frame(source: BinaryIO) -> bytes | None:
    """The next frame, None at the end of the input."""
    length = source.read(4)
    return source.read(int.from_bytes(length, "little")) if len(length) == 4 else None


def _confine(parent: int) -> None:
    """Hard limits on this process; on Linux it also ends with its parent and can gain no rights."""
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for option, value in ((_PR_SET_PDEATHSIG, int(signal.SIGKILL)), (_PR_SET_NO_NEW_PRIVS, 1)):
            if prctl(option, value, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "the process for pictures cannot be confined")
        if os.getppid() != parent:
            raise SystemExit("the gateway ended before its process for pictures began")
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, this process goes, not the gateway
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(int(sys.argv[1]))
