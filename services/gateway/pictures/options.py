"""The options in a picture's address, read as tools write them and brought to a few distinct values.

Every string means something, unknown options are ignored, and the order does not matter. Sizes and strengths are
rounded to steps: the number of different renditions of a picture is bounded, whatever addresses are made up.
"""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec

Fit = Literal["scale-down", "contain", "cover", "crop", "pad"]
Format = Literal["png", "jpeg", "webp"]
MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

WIDTHS = (96, 320, 450, 512, 800, 1200, 1600, 2200)
WIDEST = 1800
_TALLEST = 1000
_HEIGHT_STEP = 50
_BLURS = (0, 10, 30, 100, 250)
_QUALITIES = (40, 60, 80, 95)
_DEFAULT_QUALITY = 80
_MODERN_UP_TO = 450
_FITS = ("scale-down", "contain", "cover", "crop", "pad")
_FORMAT_OF_EXTENSION: dict[str, Format] = {"webp": "webp", "jpg": "jpeg", "jpeg": "jpeg"}
_NUMBER = re.compile(r"[0-9]{1,9}")


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """A picture made smaller, blurred or in another format. Sizes in pixels; a picture is never enlarged."""

    width: int | None = None
    height: int | None = None
    fit: Fit = "scale-down"
    blur: int = 0
    quality: int = _DEFAULT_QUALITY
    format: Format = "png"

    @property
    def name(self) -> str:
        """Safe in a file name and in an ETag; equal for equal renditions."""
        size = f"{self.width or ''}x{self.height or ''}"
        return f"{size}-{self.fit}-b{self.blur}-q{self.quality}.{self.format}"


def read_rendition(options: str, name: str, accept: str) -> Rendition | None:
    """What the options ask for; None is the untouched original, with the recipe that it holds.

    `name` is the last part of the address, whose extension names a format; `accept` is the header. Small and
    `optimized` pictures are WebP for those who say that they take it; else the picture stays a PNG.
    """
    given = _pairs(options)
    if given.get("original") == "true":
        return None
    width, height = _number(given, "width"), _number(given, "height")
    if width:
        width = min(_up(width, WIDTHS), WIDEST)
    if height:
        height = min(-(-height // _HEIGHT_STEP) * _HEIGHT_STEP, _TALLEST)
    blur = _up(_number(given, "blur") or 0, _BLURS)
    modern = given.get("optimized") == "true" or bool(width and width <= _MODERN_UP_TO)
    format_ = _format(name, wants_webp=modern and "image/webp" in accept.lower())
    asks = bool(width or height or blur or format_ == "webp")
    if not asks:
        return None
    fit = given.get("fit", "scale-down")
    quality = _number(given, "quality")
    return Rendition(
        width=width or (None if height else WIDEST),
        height=height or None,
        # With one side alone, or without enlarging, all that keep the whole picture are the same.
        fit=cast(Fit, fit) if fit in _FITS and fit != "contain" and width and height else "scale-down",
        blur=blur,
        quality=_DEFAULT_QUALITY if quality is None or format_ == "png" else _up(quality, _QUALITIES),
        format=format_,
    )


def _pairs(options: str) -> dict[str, str]:
    pairs = (option.partition("=") for option in options.lower().split(","))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _number(given: dict[str, str], name: str) -> int | None:
    value = given.get(name, "")
    return int(value) if _NUMBER.fullmatch(value) else None


def _up(value: int, steps: tuple[int, ...]) -> int:
    """The first step that is not below the value, else the last."""
    return next((step for step in steps if step >= value), steps[-1])


def _format(name: str, *, wants_webp: bool) -> Format:
    if wants_webp:
        return "webp"
    return _FORMAT_OF_EXTENSION.get(name.rpartition(".")[2].lower(), "png")
