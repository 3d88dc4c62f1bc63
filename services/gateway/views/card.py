"""A model as a card of a grid, and the names and addresses that cards share with other pages."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from services.gateway.views.pictures import PictureView, card_picture, tone
from services.gateway.views.text import human_count, slug
from services.gateway.views.wire import Model

Loading = Literal["first", "eager", "lazy"]

_TYPE_LABELS = {
    "LORA": "LoRA",
    "TextualInversion": "Embedding",
    "AestheticGradient": "Aesthetic gradient",
    "Controlnet": "ControlNet",
    "MotionModule": "Motion module",
    "TextEncoder": "Text encoder",
    "CLIPVision": "CLIP vision",
    "ComfyWorkflows": "Comfy workflows",
    "VisionLanguage": "Vision language",
}

# Only these cards' pictures load at once; the rest wait until they come near the window.
_EAGER_CARDS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class CardView:
    """One model in the grid."""

    href: str
    name: str
    type: str
    base_model: str
    creator: str | None
    creator_href: str
    downloads: str
    likes: str
    picture: PictureView | None
    tone: str
    loading: Loading


def type_label(model_type: str) -> str:
    """A model type as people write it, e.g. `LORA` as LoRA."""
    return _TYPE_LABELS.get(model_type, model_type)


def base_model_label(base_model: str) -> str:
    """A base model as it reads beside a type, where "Other" alone would be unclear."""
    return "Other base" if base_model == "Other" else base_model


def model_href(model: Model, version_id: int | None = None) -> str:
    """The address of a model's page, at one version where given."""
    version = f"?modelVersionId={version_id}" if version_id is not None else ""
    return f"/models/{model.id}/{slug(model.name)}{version}"


def creator_href(username: str) -> str:
    """The address of the list of somebody's models."""
    return f"/?{urlencode({'username': username})}" if username else "/"


def tag_href(tag: str) -> str:
    """The address of the list of models with a tag."""
    return f"/?{urlencode({'tag': tag})}"


def card_view(model: Model, *, place: int) -> CardView:
    """A card shows the model's latest version; `place` in the grid, from 0, decides when its picture loads."""
    latest = model.model_versions[0] if model.model_versions else None
    pictures = latest.images if latest else []
    creator = model.creator.username if model.creator else None
    return CardView(
        href=model_href(model),
        name=model.name,
        type=type_label(model.type),
        base_model=base_model_label(latest.base_model) if latest else "",
        creator=creator,
        creator_href=creator_href(creator or ""),
        downloads=human_count(model.stats.download_count or 0),
        likes=human_count(model.stats.thumbs_up_count),
        picture=card_picture(pictures, seed=model.id),
        tone=tone(None, model.id),
        loading="first" if place == 0 else "eager" if place < _EAGER_CARDS else "lazy",
    )


def row_of_cards(models: list[Model]) -> tuple[CardView, ...]:
    """Cards of a row beside the page's own content, whose pictures can wait."""
    return tuple(card_view(model, place=_EAGER_CARDS) for model in models)
