"""Pictures as pages show them: which may be shown, at what size, with which recipe and placeholder colour."""

import colorsys
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from services.gateway.views.wire import Picture

# Level bits: 1 PG, 2 PG-13 (safe for everyone); 4 R and above is mature, 32 blocked. 0 is not rated yet.
_SAFE_LEVELS = 3

# A picture no wider than this (pixels) looks soft when enlarged, so its gallery uses small tiles.
_SMALL_PICTURE_WIDTH = 320

# Widths (pixels) the image address answers; the browser picks one.
_WIDTHS = (320, 450, 800, 1200)
_CARD_WIDTH = 450
_THUMBNAIL_WIDTH = 96

# Average colours with less between their strongest and weakest channel (0 to 1) have no hue to speak of.
_LEAST_CHROMA = 0.08

_BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

_SIZE_OPTION = re.compile(r"/(?:original=true|width=\d+)/")

# Recipe entries in the order people compare them; other keys of `meta` are for tools.
_SETTINGS = (
    ("seed", "Seed"),
    ("steps", "Steps"),
    ("sampler", "Sampler"),
    ("scheduler", "Scheduler"),
    ("cfgScale", "Guidance"),
    ("clipSkip", "Clip skip"),
    ("Size", "Size"),
    ("Model", "Model"),
    ("Model hash", "Model hash"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureView:
    """One picture: its place from 1, addresses, size in pixels (0 where unknown), alternative text and its recipe."""

    number: int
    url: str
    full_url: str
    thumbnail_url: str
    srcset: str
    width: int
    height: int
    alt: str
    tone: str
    prompt: str | None
    negative_prompt: str | None
    settings: tuple[tuple[str, str], ...]

    @property
    def recipe(self) -> str:
        """All of the recipe as text, in the layout that generation tools paste back."""
        lines = [self.prompt or ""]
        if self.negative_prompt:
            lines.append(f"Negative prompt: {self.negative_prompt}")
        if self.settings:
            lines.append(", ".join(f"{label}: {value}" for label, value in self.settings))
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True, kw_only=True, slots=True)
class GalleryView:
    """The pictures of a version that may be shown, and how many are kept back for their rating."""

    pictures: tuple[PictureView, ...]
    hidden_count: int
    is_small: bool


def is_showable(picture: Picture) -> bool:
    """Whether a picture is a still image that may be shown to anyone."""
    return picture.type == "image" and picture.nsfw_level <= _SAFE_LEVELS


def sized_url(url: str, width: int) -> str:
    """The address of a picture at a width in pixels; an address without a size option stays as it is."""
    return _SIZE_OPTION.sub(f"/width={width}/", url, count=1)


def tone(blurhash: str | None, seed: int) -> str:
    """The placeholder colour class `tone-0` … `tone-11` (hue) or `tone-grey`.

    The average colour is the DC term of the BlurHash (digits 2 to 6 in base 83, sRGB), rounded to a
    class because the pages' security policy allows no inline style. Without a hash: a hue by `seed`.
    """
    if blurhash is None or len(blurhash) < 6 or any(digit not in _BASE83 for digit in blurhash[2:6]):
        return f"tone-{seed % 12}"
    value = 0
    for digit in blurhash[2:6]:
        value = value * 83 + _BASE83.index(digit)
    red, green, blue = ((value >> shift & 255) / 255 for shift in (16, 8, 0))
    if max(red, green, blue) - min(red, green, blue) < _LEAST_CHROMA:
        return "tone-grey"
    hue, _, _ = colorsys.rgb_to_hls(red, green, blue)
    return f"tone-{round(hue * 12) % 12}"


def _text(meta: dict[str, Any], key: str) -> str | None:
    value = meta.get(key)
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).strip() or None


def _srcset(picture: Picture) -> str:
    """Smaller copies of a picture; empty where its address takes no width or it is small already."""
    if not _SIZE_OPTION.search(picture.url) or not picture.width or picture.width <= _WIDTHS[0]:
        return ""
    widths = [width for width in _WIDTHS if width < picture.width]
    copies = [f"{sized_url(picture.url, width)} {width}w" for width in widths]
    return ", ".join([*copies, f"{picture.url} {picture.width}w"])


def picture_view(picture: Picture, *, alt: str, seed: int, number: int = 1) -> PictureView:
    """A picture; `number` is its place in the gallery from 1, `seed` picks a colour where there is no BlurHash."""
    meta = picture.meta or {}
    settings = ((label, _text(meta, key)) for key, label in _SETTINGS)
    return PictureView(
        number=number,
        url=picture.url,
        full_url=picture.url,
        thumbnail_url=sized_url(picture.url, _THUMBNAIL_WIDTH),
        srcset=_srcset(picture),
        width=picture.width or 0,
        height=picture.height or 0,
        alt=alt,
        tone=tone(picture.hash, seed),
        prompt=_text(meta, "prompt"),
        negative_prompt=_text(meta, "negativePrompt"),
        settings=tuple((label, value) for label, value in settings if value is not None),
    )


def gallery_view(pictures: Iterable[Picture], *, model_name: str, seed: int) -> GalleryView:
    """The gallery of a version."""
    everything = [picture for picture in pictures if not picture.is_placeholder]
    shown = [picture for picture in everything if is_showable(picture)]
    return GalleryView(
        pictures=tuple(
            picture_view(picture, alt=f"Preview {number} of {model_name}", seed=seed + number, number=number)
            for number, picture in enumerate(shown, start=1)
        ),
        hidden_count=len(everything) - len(shown),
        is_small=all((picture.width or 0) <= _SMALL_PICTURE_WIDTH for picture in shown),
    )


def card_picture(pictures: Iterable[Picture], *, seed: int) -> PictureView | None:
    """The first picture that may be shown, at card size; None where there is none.

    Its alternative text is empty: the card's link already says the model's name.
    """
    picture = next((each for each in pictures if is_showable(each) and not each.is_placeholder), None)
    if picture is None:
        return None
    view = picture_view(picture, alt="", seed=seed)
    if view.width <= _CARD_WIDTH:
        return view
    return replace(view, url=sized_url(view.url, _CARD_WIDTH), srcset="")
