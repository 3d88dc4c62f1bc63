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
    "ia3": "Previews of an IA3 adapter are not drawn yet: the loader cannot apply it exactly.",
    "glora": "Previews of a GLoRA are not drawn yet: the loader cannot apply it exactly.",
    "diff": "Previews of an adapter with full weight differences are not drawn yet.",
    "controlnet": "Previews of a ControlNet are not drawn: it needs a guiding picture of its own.",
    "vae": "Previews of a VAE are not drawn: it changes only colours and fine detail of other models' pictures.",
    "upscaler": "Previews of an upscaler are not drawn: it needs a picture to enlarge.",
    "text_encoder": "Previews of a text encoder are not drawn: it draws nothing by itself.",
    "motion_module": "Previews of a motion module are not drawn: it makes video, and only pictures are drawn.",
    "ip_adapter": "Previews of an IP-Adapter are not drawn: it needs a picture to follow.",
}


_VARIANTS = {
    "inpainting": "Previews of an inpainting model are not drawn: it needs a picture and a mask.",
    "pix2pix": "Previews of an instruction model (pix2pix) are not drawn: it needs a picture to change.",
    "refiner": "Previews of a refiner are not drawn: it finishes the pictures of another model.",
}
_CHECKPOINT_PARTS = {"vae": "VAE", "text_encoder": "text encoder"}


class Drawable(msgspec.Struct, frozen=True, tag="drawable"):
    """The file is drawn as this kind, in this family."""

    kind: DrawKind
    family: str


class NotDrawn(msgspec.Struct, frozen=True, tag="not_drawn"):
    """The file gets no previews; `reason` is a full sentence for its creator."""

    reason: str


def how_to_draw(
    *,
    file_kind: str | None,
    family: str | None,
    families: Collection[str],
    is_safetensors: bool = True,
    components: Collection[str] | None = None,
    variant: str | None = None,
    prediction_type: str | None = None,
) -> Drawable | NotDrawn:
    """Decide for one scanned file.

    All but `families` (the names this installation can draw) are the scanner's findings. `components` are the parts
    of a checkpoint, None where they are not known.
    """
    kind = _DRAWN.get(file_kind or "")
    reason = (
        _reason_by_format(is_safetensors)
        or _reason_by_kind(file_kind, variant)
        or _reason_by_family(family, families)
        or (kind == "checkpoint" and _reason_by_contents(components, prediction_type))
    )
    if reason:
        return NotDrawn(reason)
    assert kind is not None and family is not None
    return Drawable(kind=kind, family=family)


def _reason_by_format(is_safetensors: bool) -> str | None:
    if is_safetensors:
        return None
    return (
        "Previews are drawn from safetensors files only: other formats can run code when opened. "
        "Convert the file to safetensors and upload it as a new file."
    )


def _reason_by_kind(file_kind: str | None, variant: str | None) -> str | None:
    if file_kind is None or file_kind == "unknown":
        return "Previews are not drawn: the file is of no kind that Easel knows."
    if file_kind not in _DRAWN:
        return _NOT_DRAWN.get(file_kind, f"Previews of this kind of file ({file_kind}) are not drawn.")
    if variant is not None:
        return _VARIANTS.get(variant, f"Previews of this kind of model ({variant}) are not drawn.")
    return None


def _reason_by_family(family: str | None, families: Collection[str]) -> str | None:
    if family is None:
        return "Previews are not drawn: the base model could not be told from the file's tensors."
    if family not in families:
        known = ", ".join(sorted(families))
        return f"Previews for the base model {family} are not drawn here: this hub draws {known}."
    return None


def _reason_by_contents(components: Collection[str] | None, prediction_type: str | None) -> str | None:
    missing = [name for part, name in _CHECKPOINT_PARTS.items() if components is not None and part not in components]
    if missing:
        return (
            f"Previews are not drawn: the file has no {' and no '.join(missing)}. "
            "Upload the whole checkpoint in one file."
        )
    if prediction_type not in (None, "epsilon"):
        return f"Previews of models with {prediction_type} prediction are not drawn yet."
    return None
