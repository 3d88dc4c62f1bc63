import gzip
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from services.gateway.account_pages import render_account, render_keys, render_sign_in, render_sign_up
from services.gateway.collection_pages import Keeping, render_collection, render_collections, render_image
from services.gateway.domain.keys import ApiKey
from services.gateway.domain.sessions import Session
from services.gateway.pages import (
    STATIC_DIRECTORY,
    BrowseParams,
    Frame,
    read_theme,
    render_browse,
    render_files_fragment,
    render_model,
    render_previews_fragment,
    render_problem,
    render_suggestions,
)
from services.gateway.views.wire import read_model
from shared.api.collections import HubCollection
from shared.api.inside import Facet, FacetValue, Hiding, NamedCount, SearchPage, Suggestions
from shared.api.search import SavedSearch
from shared.api.v1 import ImageItem
from shared.problems import NotFound

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
SIGNED_IN = Frame(viewer="mira_k", csrf_token="c0ffee", path="/models/4")
HOSTILE = "<script>alert('x')</script>\"'>"


class Outline(HTMLParser):
    """Elements of a page; fails on a tag that is not closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"attribute given twice on {tag}: {attrs}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes nothing"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _pages(make_model: Any, make_hub: Any, make_review: Any) -> dict[str, str]:
    page = {"items": [make_model(id=n + 1) for n in range(3)], "metadata": {"nextCursor": "a"}, "total": 30}
    choices = BrowseParams(
        type_choices=("LORA", "VAE"), base_model_choices=("SD 1.5",), types=("LORA",), tags=("style",)
    )
    drawing = make_hub(previews={"status": "rendering", "done": 1, "total": 4, "reason": None})
    reviews = {"items": [make_review(), make_review(recommended=False, versionId=9)], "nextCursor": "b"}
    return {
        "results": render_browse(page, choices),
        "nothing": render_browse({"items": [], "metadata": {}}, choices),
        "first run": render_browse({"items": [], "metadata": {}}, BrowseParams()),
        **_pages_of_search(make_model),
        "unavailable": render_browse(None, BrowseParams(query="cat")),
        "model": render_model(make_model(), None, reviews, drawing, Frame(theme="dark")),
        "bare model": render_model(make_model(creator=None, tags=[], description=None), 9, None, None),
        "not found": render_problem(404, "No such model", "Nothing has the number 7."),
        "error": render_problem(503, "Not now", "Try again.", "01JC"),
        "form refused": render_problem(404, "No such model", "Gone.", frame=SIGNED_IN, back_href="/models/4"),
        "model, signed in": render_model(make_model(), None, reviews, drawing, SIGNED_IN, "Your review is posted."),
        **_account_pages(),
        **_collection_pages(make_model),
    }


def _pages_of_search(make_model: Any) -> dict[str, str]:
    model = read_model(make_model(name=HOSTILE))
    value = FacetValue(value=HOSTILE, count=2, chosen=True)
    said = SearchPage(
        ids=[], total=0, corrected=HOSTILE, facets=[Facet(name="tags", values=[value])],
        hidden_by=[Hiding(filter="tags", count=2)],
    )  # fmt: skip
    asked = BrowseParams(query=HOSTILE, tags=(HOSTILE,))
    found = {"items": [make_model()], "metadata": {}}
    return {
        "hidden by a filter": render_browse({"items": [], "metadata": {}}, asked, said=said, popular=[model]),
        "misspelt": render_browse(found, asked, said=msgspec.structs.replace(said, fallback="misspelt")),
        "some words": render_browse(found, asked, said=SearchPage(ids=[1], total=1, fallback="some-words")),
        "model, similar": render_model(make_model(), None, None, None, similar=[model, model]),
    }


def _collection_pages(make_model: Any) -> dict[str, str]:
    kept = HubCollection(
        id=5, name=HOSTILE, description=HOSTILE, is_public=True, owner_id=1, owner="mira_k", item_count=1, nsfw_level=1,
        cover_model_id=4, followers=0, created_at="2026-05-01T00:00:00.000Z", has_model=True,
    )  # fmt: skip
    keeping = Keeping(collections=(kept,), is_favorite=True, is_hidden=False)
    picture = ImageItem(
        id=70011, url="http://hub.test/image/k/original=true/k", hash="LEHV6nWB2yk8", width=512, height=768,
        nsfw_level="None", nsfw=False, browsing_level=1, created_at="2026-05-01T00:00:00.000Z", post_id=9,
        meta={"prompt": HOSTILE, "seed": 7}, username="mira_k", base_model="Pony", model_version_ids=[9],
    )  # fmt: skip
    return {
        "model, kept": render_model(make_model(), None, None, None, SIGNED_IN, keeping=keeping),
        "collections": render_collections(SIGNED_IN, [kept], done="made"),
        "no collections": render_collections(SIGNED_IN, []),
        "own collection": render_collection(SIGNED_IN, kept, [make_model()], is_own=True, done="changed"),
        "collection": render_collection(Frame(), kept, [make_model(), make_model(id=9)], is_own=False),
        "empty collection": render_collection(Frame(), kept, [], is_own=False),
        "picture": render_image(Frame(), picture),
        "mature picture": render_image(Frame(), msgspec.structs.replace(picture, browsing_level=8, meta=None)),
    }


def _account_pages() -> dict[str, str]:
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    here, there = (
        Session(id=name, account_id=1, browser="Firefox", created_at=moment, seen_at=moment, expires_at=moment)
        for name in ("here", "there")
    )
    ended = ApiKey(id="k", account_id=1, name=HOSTILE, created_at=moment, scopes=("read",), expires_at=moment)
    whole = ApiKey(id="w", account_id=1, name="laptop", created_at=moment)
    saved = SavedSearch(
        id="s", name=HOSTILE, filters="query=ink", url="/models?query=ink", created_at="2026-05-01T00:00:00.000Z"
    )
    return {
        "sign in": render_sign_in(
            Frame(), after="/", is_sign_up_open=True, provider=HOSTILE, username=HOSTILE, error="No."
        ),
        "sign up": render_sign_up(Frame(), after="/", role="member", error="Taken."),
        "account": render_account(
            SIGNED_IN,
            role="creator",
            sessions=[here, there],
            this_session="here",
            has_password=True,
            searches=[saved],
            done="ended",
        ),
        "keys": render_keys(
            SIGNED_IN, role="administrator", keys=[ended, whole], now=moment, made=whole, secret="ab" * 16
        ),
    }


@pytest.fixture
def pages(make_model: Any, make_hub: Any, make_review: Any) -> dict[str, str]:
    return _pages(make_model, make_hub, make_review)


def test_pages_are_well_formed_with_one_title_and_main(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        outline = Outline(html)
        assert len(outline.all("h1")) == 1, name
        assert len(outline.all("main")) == 1, name
        ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), name


def test_pages_need_no_inline_code_and_no_third_party(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        outline = Outline(html)
        assert outline.all("style") == [], name
        for tag, attributes in outline.elements:
            assert not [key for key in attributes if key == "style" or key.startswith("on")], (name, tag)
            if tag in ("script", "link"):
                address = attributes.get("src") or attributes.get("href") or ""
                assert address.startswith("/"), (name, address)


def test_static_addresses_exist_and_change_with_their_content(pages: dict[str, str]) -> None:
    for html in pages.values():
        for file, digest in re.findall(r'"/static/([^"?#]+)\?v=(\w*)', html):
            assert (STATIC_DIRECTORY / file).is_file()
            assert len(digest) == 12


def test_every_icon_on_a_page_is_drawn(pages: dict[str, str]) -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC_DIRECTORY / "icons.svg").read_text()))
    for html in pages.values():
        assert set(re.findall(r"icons\.svg\?v=\w+#([\w-]+)", html)) <= drawn


def test_every_control_has_a_name(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        for image in Outline(html).all("img"):
            assert image.get("alt") is not None, name
        for button in re.findall(r"<button[^>]*>.*?</button>", html, flags=re.DOTALL):
            text = re.sub(r"<[^>]+>", "", button).strip()
            assert text or "aria-label=" in button, (name, button)


def test_controls_outside_a_form_belong_to_one_on_the_page(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        outline = Outline(html)
        forms = {attributes.get("id") for attributes in outline.all("form")}
        for tag in ("input", "button", "select"):
            assert {attributes["form"] for attributes in outline.all(tag) if "form" in attributes} <= forms, name


def test_every_form_that_changes_something_carries_the_token(pages: dict[str, str]) -> None:
    forms = 0
    for name, html in pages.items():
        for form in re.findall(r'<form[^>]*method="post".*?</form>', html, flags=re.DOTALL):
            assert 'name="_csrf_token"' in form, name
            forms += 1
    assert forms >= 10


def test_the_header_says_who_is_signed_in(pages: dict[str, str]) -> None:
    assert 'href="/sign-in?next=/models/4"' in render_problem(404, "x", "y", frame=Frame(path="/models/4"))
    assert '<span dir="auto">mira_k</span>' in pages["account"]
    assert "/sign-in" not in pages["model, signed in"]


def test_only_who_is_signed_in_gets_the_forms_of_a_model(pages: dict[str, str]) -> None:
    for action in ("/models/4/versions/12/review", "/models/4/report"):
        assert f'action="{action}"' in pages["model, signed in"]
        assert f'action="{action}"' not in pages["model"]


def test_card_has_at_most_thirty_elements(pages: dict[str, str]) -> None:
    cards = re.findall(r'<li class="card">.*?</li>', pages["results"], flags=re.DOTALL)
    assert len(cards) == 3
    assert all(len(Outline(card).elements) <= 30 for card in cards)


def test_user_text_is_shown_as_text_everywhere(
    make_model: Any, make_version: Any, make_file: Any, make_hub: Any
) -> None:
    finding = {"code": HOSTILE, "location": HOSTILE, "message": HOSTILE}
    file = make_file(name=HOSTILE, metadata={"format": HOSTILE, HOSTILE: HOSTILE}, pickleScanMessage=HOSTILE)
    picture = {"url": "/a.png", "nsfwLevel": 1, "meta": {"prompt": HOSTILE, "seed": HOSTILE}}
    version = make_version(
        name=HOSTILE, baseModel=HOSTILE, trainedWords=[HOSTILE], files=[file], images=[picture], description=HOSTILE
    )
    model = make_model(
        name=HOSTILE, description=HOSTILE, tags=[HOSTILE], creator={"username": HOSTILE}, modelVersions=[version]
    )
    hub = make_hub(
        files=[{"id": 31, "name": HOSTILE, "state": "dangerous", "findings": [finding]}],
        previews={"status": "failed", "done": 0, "total": 0, "reason": HOSTILE},
    )
    reviews = {"items": [{"id": 1, "versionId": 12, "username": HOSTILE, "recommended": True, "text": HOSTILE}]}
    pages = [
        render_model(model, None, reviews, hub),
        render_browse({"items": [model]}, BrowseParams(query=HOSTILE, tags=(HOSTILE,), types=(HOSTILE,))),
        render_problem(400, HOSTILE, HOSTILE, HOSTILE),
    ]
    for html in pages:
        assert "<script>alert" not in html
        Outline(html)


def test_model_page_shows_download_hashes_and_words(pages: dict[str, str]) -> None:
    html = pages["model"]
    assert 'href="http://hub.example:8000/api/download/models/12" download' in html
    assert "AB" * 32 in html
    assert "data-copy-chip" in html
    assert 'data-theme="dark"' in html


def test_pages_say_nothing_was_found_or_search_is_down_but_not_both(pages: dict[str, str]) -> None:
    assert "Nothing found" in pages["nothing"]
    assert "unavailable" not in pages["nothing"]
    assert "Search is unavailable" in pages["unavailable"]
    assert "Nothing found" not in pages["unavailable"]
    assert "easel publish" in pages["first run"]


def test_previews_fragment_asks_again_until_all_are_drawn(make_model: Any, make_hub: Any) -> None:
    drawing = make_hub(previews={"status": "rendering", "done": 1, "total": 4, "reason": None})
    html = render_previews_fragment(make_model(), 12, drawing)
    section = Outline(html).all("section")[0]
    assert section["id"] == "previews"
    assert section["data-refresh"] == "/models/4/previews?versionId=12"
    assert Outline(html).all("progress") == [{"value": "1", "max": "4", "aria-labelledby": "drawing-text"}]
    assert html.count("gallery-missing") == 3

    assert "data-refresh" not in render_previews_fragment(make_model(), 12, make_hub())


def test_files_fragment_has_the_id_the_page_replaces(make_model: Any) -> None:
    assert Outline(render_files_fragment(make_model(), 12, None)).all("section")[0]["id"] == "files"


def test_unknown_version_is_not_found(make_model: Any) -> None:
    with pytest.raises(NotFound, match="no published version 77"):
        render_model(make_model(), 77, {"items": []}, None)


def test_error_page_gives_the_number_that_finds_it_in_the_logs(pages: dict[str, str]) -> None:
    assert "01JC" in pages["error"]


@pytest.mark.parametrize(
    ("cookie", "theme"),
    [("dark", "dark"), ("light", "light"), ("system", "system"), (None, "system"), ('"><x', "system")],
)
def test_theme_is_one_of_three(cookie: str | None, theme: str) -> None:
    assert read_theme(cookie) == theme


def test_stylesheet_stays_small() -> None:
    assert len(gzip.compress((STATIC_DIRECTORY / "easel.css").read_bytes())) < 25_000


def test_similar_models_are_a_row_of_cards_or_nothing_at_all(pages: dict[str, str]) -> None:
    assert "Similar models" in pages["model, similar"]
    assert pages["model, similar"].count('<li class="card">') == 2
    assert "Similar models" not in pages["model"]


def test_page_says_what_was_searched_for_instead(pages: dict[str, str]) -> None:
    assert "instead of" in pages["misspelt"]
    assert "have most of them" in pages["some words"]
    assert "instead of" not in pages["results"]


def test_nothing_found_names_the_filter_that_hides_results_and_popular_models(pages: dict[str, str]) -> None:
    html = pages["hidden by a filter"]
    assert "Did you mean" in html
    assert "Remove it to see 2 models" in html
    assert "Popular models" in html


def test_suggestions_are_options_in_named_groups_and_show_text_as_text(make_model: Any) -> None:
    found = Suggestions(models=[4], creators=[NamedCount(name="neo", models=1)], tags=[])
    html = render_suggestions(HOSTILE, [read_model(make_model(name=f"Neon {HOSTILE}"))], found)
    outline = Outline(html)
    assert [each["id"] for each in outline.all("a")] == ["suggestion-1", "suggestion-2"]
    assert {each["role"] for each in outline.all("a")} == {"option"}
    labels = [each["aria-labelledby"] for each in outline.all("div") if each.get("role") == "group"]
    assert labels == [each["id"] for each in outline.all("p")]
    assert "<script>" not in html
    assert outline.all("mark")


def test_no_suggestions_are_an_empty_fragment() -> None:
    assert render_suggestions("zz", [], Suggestions(models=[], creators=[], tags=[])).strip() == ""


def test_script_of_the_suggestions_stays_small() -> None:
    assert len(gzip.compress((STATIC_DIRECTORY / "suggest.js").read_bytes())) < 2_500
