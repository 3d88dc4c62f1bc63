"""Which files get previews, and the sentence that a creator reads where they do not."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from services.render.drawing import DrawKind

_DRAWN: dict[str, DrawKind] = {
    "checkpoint": "checkpoint",
    "lora": "adapter",
    "locon": "adapter",
    "textual_inversion": "embedding",
}

_NOT_DRAWN = {
    "dora": "Previews of a DoRA are not drawn: the loader would leave out its magnitude and show another picture.",
    "loha": "Previews of a LoHa are not drawn yet: the loader cannot apply it exactly.",
    "lokr": "Previews of a LoKr are not drawn yet: the loader cannot apply it exactly.",
    "oft": "Previews of an OFT adapter are not drawn yet: the loader cannot apply it exactly.",
    "boft": "Previews of a BOFT adapter are not drawn yet: the loader cannot apply it exactly.",
    "ia3": "Previews of an IA3 adapter are not drawn yet: the loader cannot apply it exactly.",
    "glora": "Previews of a GLoRA are not drawn yet: the loader cannot apply it exactly.",
    "full": "Previews of an adapter with full weight differences are not drawn yet.",
    "controlnet": "Previews of a ControlNet are not drawn: it needs a guiding picture of its own.",
    "vae": "Previews of a VAE are not drawn: it changes only colours and fine detail of other models' pictures.",
    "upscaler": "Previews of an upscaler are not drawn: it needs a picture to enlarge.",
    "text_encoder": "Previews of a text encoder are not drawn: it draws nothing by itself.",
    "unet": "Previews of a bare UNet are not drawn yet: upload the whole checkpoint, with text encoder and VAE.",
    "motion_module": "Previews of a motion module are not drawn: it makes video, and only pictures are drawn.",
    "ip_adapter": "Previews of an IP-Adapter are not drawn: it needs a picture to follow.",
    "hypernetwork": "Previews of a hypernetwork are not drawn: its format is a pickle, which is never opened.",
    "archive": "Previews of an archive are not drawn: its files are not unpacked.",
}


class Drawable(msgspec.Struct, frozen=True, tag="drawable"):
    """The file is drawn as this kind, in this family."""

    kind: DrawKind
    family: str


class NotDrawn(msgspec.Struct, frozen=True, tag="not_drawn"):
    """The file gets no previews; `reason` is a full sentence for its creator."""

    reason: str


def how_to_draw(
    *, file_kind: str | None, family: str | None, families: Collection[str], is_safetensors: bool = True
) -> Drawable | NotDrawn:
    """Decide for one scanned file.

    `file_kind` and `family` are the scanner's findings (lower-case names; None or "unknown" where it found none),
    `families` the names this installation can draw.
    """
    if not is_safetensors:
        return NotDrawn(
            "Previews are drawn from safetensors files only: other formats can run code when opened. "
            "Convert the file to safetensors and upload it as a new file."
        )
    if file_kind is None or file_kind in ("unknown", "other"):
        return NotDrawn("Previews are not drawn: the file is of no kind that Easel knows.")
    kind = _DRAWN.get(file_kind)
    if kind is None:
        return NotDrawn(_NOT_DRAWN.get(file_kind, f"Previews of this kind of file ({file_kind}) are not drawn."))
    if family is None or family == "unknown":
        return NotDrawn("Previews are not drawn: the base model could not be told from the file's tensors.")
    if family not in families:
        known = ", ".join(sorted(families))
        return NotDrawn(f"Previews for the base model {family} are not drawn here: this hub draws {known}.")
    return Drawable(kind=kind, family=family)
