"""The browse page: cards, filters and the addresses that change them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from services.gateway.views.pictures import PictureView, card_picture, tone
from services.gateway.views.text import human_count, slug
from services.gateway.views.wire import Metadata, Model, Page

Loading = Literal["first", "eager", "lazy"]

DEFAULT_SORT = "Highest Rated"

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
class BrowseParams:
    """What the visitor asked for, and what there is to choose from. Names as in `GET /api/v1/models`."""

    query: str = ""
    types: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    tag: str = ""
    username: str = ""
    sort: str = DEFAULT_SORT
    cursor: str = ""
    type_choices: tuple[str, ...] = ()
    base_model_choices: tuple[str, ...] = ()
    sort_choices: tuple[str, ...] = (DEFAULT_SORT, "Most Downloaded", "Newest")
    path: str = "/"

    @property
    def is_filtered(self) -> bool:
        """Whether anything narrows the list."""
        return bool(self.query or self.types or self.base_models or self.tag or self.username)

    @property
    def href(self) -> str:
        """The shareable address of exactly this list."""
        pairs = [("query", self.query)]
        pairs += [("types", value) for value in self.types]
        pairs += [("baseModels", value) for value in self.base_models]
        pairs += [("tag", self.tag), ("username", self.username)]
        pairs += [("sort", self.sort if self.sort != DEFAULT_SORT else ""), ("cursor", self.cursor)]
        query = urlencode([(key, value) for key, value in pairs if value])
        return f"{self.path}?{query}" if query else self.path


class Chip(NamedTuple):
    """An active filter, and the address without it."""

    label: str
    href: str


class Choice(NamedTuple):
    """One value of a filter."""

    value: str
    label: str
    is_chosen: bool


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


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowseView:
    """Everything the browse template reads. `state` says which of the four pages it is."""

    state: str
    params: BrowseParams
    cards: tuple[CardView, ...]
    count: str
    next_href: str | None
    first_href: str | None
    clear_href: str
    chips: tuple[Chip, ...]
    types: tuple[Choice, ...]
    base_models: tuple[Choice, ...]
    sorts: tuple[Choice, ...]


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
        creator_href=BrowseParams(username=creator or "").href,
        downloads=human_count(model.stats.download_count or 0),
        likes=human_count(model.stats.thumbs_up_count),
        picture=card_picture(pictures, seed=model.id),
        tone=tone(None, model.id),
        loading="first" if place == 0 else "eager" if place < _EAGER_CARDS else "lazy",
    )


def filter_chips(params: BrowseParams) -> tuple[Chip, ...]:
    """One chip for each active filter; lifting one goes back to the first page."""
    start = replace(params, cursor="")
    chips = [Chip(f"“{params.query}”", replace(start, query="").href)] if params.query else []
    for value in params.types:
        rest = tuple(other for other in params.types if other != value)
        chips.append(Chip(type_label(value), replace(start, types=rest).href))
    for value in params.base_models:
        rest = tuple(other for other in params.base_models if other != value)
        chips.append(Chip(value, replace(start, base_models=rest).href))
    if params.tag:
        chips.append(Chip(f"#{params.tag}", replace(start, tag="").href))
    if params.username:
        chips.append(Chip(f"by {params.username}", replace(start, username="").href))
    return tuple(chips)


def next_cursor(metadata: Metadata) -> str | None:
    """The cursor of the page after this one, from `nextCursor` or else from the address `nextPage`."""
    if metadata.next_cursor:
        return metadata.next_cursor
    values = parse_qs(urlsplit(metadata.next_page or "").query).get("cursor")
    return values[0] if values else None


def _choices(values: Iterable[str], chosen: Iterable[str]) -> list[tuple[str, bool]]:
    # A chosen value stays in the list even when the hub no longer offers it, else it could not be lifted.
    picked = list(chosen)
    return [(value, value in picked) for value in dict.fromkeys([*values, *picked]) if value]


def _count(shown: int, total: int | None, *, has_more: bool) -> str:
    if total is None:
        return f"{_models(shown)} on this page" if has_more else _models(shown)
    return _models(total)


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count:,} models"


def browse_view(page: Page | None, params: BrowseParams) -> BrowseView:
    """The browse page for one page of models; None where the search did not answer."""
    cards = tuple(card_view(model, place=place) for place, model in enumerate(page.items if page else []))
    cursor = next_cursor(page.metadata) if page else None
    if page is None:
        state = "unavailable"
    elif cards:
        state = "results"
    else:
        state = "nothing" if params.is_filtered or params.cursor else "first_run"
    return BrowseView(
        state=state,
        params=params,
        cards=cards,
        count=_count(len(cards), page.total if page else None, has_more=cursor is not None),
        next_href=replace(params, cursor=cursor).href if cursor else None,
        first_href=replace(params, cursor="").href if params.cursor else None,
        clear_href=BrowseParams(path=params.path, sort=params.sort).href,
        chips=filter_chips(params),
        types=tuple(Choice(v, type_label(v), on) for v, on in _choices(params.type_choices, params.types)),
        base_models=tuple(Choice(v, v, on) for v, on in _choices(params.base_model_choices, params.base_models)),
        sorts=tuple(Choice(v, v, on) for v, on in _choices(params.sort_choices, [params.sort])),
    )
