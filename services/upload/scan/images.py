"""Checks pictures: their structure to the last byte of the file, then every pixel by a real decoder."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NoReturn

from services.upload.scan.image_structure import CHECKS
from services.upload.scan.report import Refusal

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_IMAGE_BYTES = 64 << 20
MAX_FRAMES = 1_000
MAX_FRAME_PIXELS = 1_000_000_000
"""Pixels of all frames of an animation together."""
MAX_TEXT_BYTES = 16 << 20
"""Generation data of a workflow may be long."""
IMAGES = frozenset(CHECKS)


def _refuse(message: str) -> NoReturn:
    raise Refusal("image.malformed", "", f"{message} Save the picture again.")


def check_image(data: bytes, kind: str) -> None:
    """Check a picture of a kind in IMAGES.

    Raises:
        Refusal: a part is malformed, bytes follow the end mark, or it is too large.
    """
    CHECKS[kind](data)
    if (end := data.rfind(b"PK\x05\x06")) >= 0 and data.rfind(b"PK\x01\x02", 0, end) >= 0:
        _refuse("The picture is an archive at the same time.")
    _decode(data, kind)


def _decode(data: bytes, kind: str) -> None:
    from PIL import Image, PngImagePlugin, UnidentifiedImageError

    PngImagePlugin.MAX_TEXT_CHUNK = MAX_TEXT_BYTES
    PngImagePlugin.MAX_TEXT_MEMORY = 2 * MAX_TEXT_BYTES
    Image.MAX_IMAGE_PIXELS = None  # the structure's check has its own limit
    name = "JPEG" if kind == "jpeg" else kind.upper()
    try:
        with Image.open(io.BytesIO(data), formats=[name]) as picture:
            _load_frames(picture)
    except UnidentifiedImageError:
        _refuse(f"The picture is no {name}.")
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, KeyError, IndexError, OverflowError) as error:
        # Everything that the decoder says of a malformed picture.
        _refuse(f"The picture cannot be decoded ({type(error).__name__}: {str(error)[:100]}).")


def _load_frames(picture: Image) -> None:
    frames = getattr(picture, "n_frames", 1)
    if frames > MAX_FRAMES or frames * picture.width * picture.height > MAX_FRAME_PIXELS:
        _refuse(f"The picture has too many frames ({frames}).")
    for frame in range(frames):
        picture.seek(frame)
        picture.load()
