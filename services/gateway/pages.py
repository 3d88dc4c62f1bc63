"""The hub's HTML pages: each function turns answers of the API into one whole page or fragment.

The functions do no I/O beyond reading templates and static files of this package, once. All pages
work under `CONTENT_SECURITY_POLICY`: no inline script or style, nothing from a third party.
"""

from collections.abc import Sequence

from services.gateway.collection_pages import Keeping
from services.gateway.rendering import (
    CONTENT_SECURITY_POLICY,
    STATIC_DIRECTORY,
    THEME_COOKIE,
    Frame,
    read_theme,
    render,
)
from services.gateway.views.browse import browse_view
from services.gateway.views.card import row_of_cards
from services.gateway.views.filters import BrowseParams
from services.gateway.views.model import files_view, find_version, model_view, previews_view
from services.gateway.views.suggestions import suggestion_groups
from services.gateway.views.wire import (
    Json,
    Model,
    Version,
    read_hub_model,
    read_model,
    read_page,
    read_reviews,
)
from shared.api.inside import SearchPage, Suggestions
from shared.problems import NotFound

__all__ = [
    "CONTENT_SECURITY_POLICY",
    "PUBLISH_COMMAND",
    "STATIC_DIRECTORY",
    "THEME_COOKIE",
    "BrowseParams",
    "Frame",
    "read_theme",
    "render_browse",
    "render_files_fragment",
    "render_model",
    "render_previews_fragment",
    "render_problem",
    "render_suggestions",
]

_FRAME = Frame()

PUBLISH_COMMAND = (
    'easel publish my-style.safetensors --model-name "My style" --type LORA --base-model "SDXL 1.0" --wait'
)
"""What an empty hub shows, so that its owner can publish a first model."""


def render_browse(
    page: Json | None,
    params: BrowseParams,
    *,
    frame: Frame = _FRAME,
    said: SearchPage | None = None,
    popular: Sequence[Model] = (),
) -> str:
    """The browse page.

    `page` is the answer of `GET /api/v1/models` plus, where known, `total`; None says that the search
    is unavailable (answer 503). `said` is what search knows beside them, None where the database answered
    instead; `popular` models stand where nothing was found. Raises
    `msgspec.ValidationError` if `page` is not such an answer.
    """
    view = browse_view(read_page(page) if page is not None else None, params, said, popular)
    return render("browse.html.jinja", frame, view=view, query=params.query, publish_command=PUBLISH_COMMAND)


def _version(model: Model, version_id: int | None) -> Version:
    version = find_version(model, version_id)
    if version is None:
        what = "no published version" if version_id is None else f"no published version {version_id}"
        raise NotFound(f"Model {model.id} has {what}; /models/{model.id} shows its latest one.")
    return version


def render_model(
    model: Json,
    version_id: int | None,
    reviews: Json | None,
    hub: Json | None,
    frame: Frame = _FRAME,
    notice: str | None = None,
    keeping: Keeping | None = None,
    similar: Sequence[Model] = (),
) -> str:
    """The page of a model at one version, or at the latest where `version_id` is None.

    `model` is the answer of `GET /api/v1/models/{id}` (pictures may carry `meta`), `reviews` that of
    `GET /api/hub/models/{id}/reviews` or None where they could not be loaded, `hub` the HubModel or None.
    `notice` is one sentence about what the visitor has just done, `keeping` where they keep the model,
    `similar` models like it.
    Raises `NotFound` where the model has no such version.
    """
    shown = read_model(model)
    view = model_view(
        shown,
        _version(shown, version_id),
        read_reviews(reviews) if reviews is not None else None,
        read_hub_model(hub),
    )
    return render(
        "model.html.jinja", frame, view=view, notice=notice, keeping=keeping, similar=row_of_cards(list(similar))
    )


def render_suggestions(typed: str, models: Sequence[Model], found: Suggestions) -> str:
    """The list below the search box, as a fragment; empty where nothing begins like that."""
    groups = suggestion_groups(typed, models, found.creators, found.tags)
    return render("partials/suggestions.html.jinja", groups=groups)


def render_previews_fragment(model: Json, version_id: int | None, hub: Json | None) -> str:
    """The gallery alone, for `GET /models/{id}/previews?versionId=`; it asks for itself while drawing goes on."""
    shown = read_model(model)
    previews = previews_view(shown, _version(shown, version_id), read_hub_model(hub))
    return render("partials/previews.html.jinja", previews=previews)


def render_files_fragment(model: Json, version_id: int | None, hub: Json | None) -> str:
    """The files alone, for `GET /models/{id}/files?versionId=`; it asks for itself while a scan is pending."""
    shown = read_model(model)
    files = files_view(shown, _version(shown, version_id), read_hub_model(hub))
    return render("partials/files.html.jinja", files=files)


def render_problem(
    status: int,
    title: str,
    detail: str,
    correlation_id: str | None = None,
    *,
    frame: Frame = _FRAME,
    back_href: str | None = None,
) -> str:
    """The page that says what went wrong and what to do; `correlation_id` lets an operator find it in the logs.

    `back_href` is the page of the form that was sent; without it the same address can be tried again.
    """
    template = "not_found.html.jinja" if status in (404, 410) else "error.html.jinja"
    return render(
        template,
        frame,
        status=status,
        title=title,
        detail=detail,
        correlation_id=correlation_id,
        back_href=back_href,
    )
