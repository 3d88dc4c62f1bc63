from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.gateway.views.browse import BrowseView, browse_view
from services.gateway.views.filters import BrowseParams
from services.gateway.views.wire import read_page


def _view(items: list[dict[str, Any]], params: BrowseParams | None = None, **extra: Any) -> BrowseView:
    return browse_view(read_page({"items": items, "metadata": {}} | extra), params or BrowseParams())


def test_address_repeats_every_filter() -> None:
    params = BrowseParams(
        query="a b", types=("LORA", "LoCon"), base_models=("SD 1.5",), tags=("x&y", "z"), sort="Newest"
    )
    assert parse_qs(urlsplit(params.href).query) == {
        "query": ["a b"],
        "types": ["LORA", "LoCon"],
        "baseModels": ["SD 1.5"],
        "tag": ["x&y", "z"],
        "sort": ["Newest"],
    }


def test_address_without_filters_is_bare() -> None:
    assert BrowseParams().href == "/"


def test_next_page_keeps_the_filters_and_takes_the_cursor(make_model: Any) -> None:
    params = BrowseParams(types=("LORA",), cursor="old")
    view = _view([make_model()], params, metadata={"nextCursor": "88|1290|4"})
    assert view.next_href == "/?types=LORA&cursor=88%7C1290%7C4"
    assert view.first_href == "/?types=LORA"


def test_cursor_is_read_from_the_address_where_it_comes_alone(make_model: Any) -> None:
    metadata = {"nextPage": "https://hub.example/api/v1/models?limit=1&cursor=88%7C4"}
    assert _view([make_model()], metadata=metadata).next_href == "/?cursor=88%7C4"


def test_last_page_has_no_next(make_model: Any) -> None:
    assert _view([make_model()]).next_href is None


def test_lifting_a_chip_keeps_the_others_and_goes_back_to_the_first_page() -> None:
    params = BrowseParams(query="cat", types=("LORA", "LoCon"), tags=("style",), cursor="5")
    chips = {chip.label: chip.href for chip in _view([], params).chips}
    assert chips == {
        "“cat”": "/?types=LORA&types=LoCon&tag=style",
        "LoRA": "/?query=cat&types=LoCon&tag=style",
        "LoCon": "/?query=cat&types=LORA&tag=style",
        "#style": "/?query=cat&types=LORA&types=LoCon",
    }


@pytest.mark.parametrize(
    ("params", "state"),
    [
        (BrowseParams(), "first_run"),
        (BrowseParams(query="zeppelin"), "nothing"),
        (BrowseParams(creators=("nobody",)), "nothing"),
        (BrowseParams(cursor="9"), "nothing"),
    ],
)
def test_empty_page_is_a_first_run_only_when_nothing_was_asked_for(params: BrowseParams, state: str) -> None:
    assert _view([], params).state == state


def test_no_answer_is_unavailable_and_not_empty() -> None:
    assert browse_view(None, BrowseParams()).state == "unavailable"


def test_chosen_value_that_is_no_longer_offered_can_still_be_lifted() -> None:
    params = BrowseParams(base_models=("Pony",), base_model_choices=("SD 1.5",))
    bases = next(each for each in _view([], params).filters if each.parameter == "baseModels")
    assert [(choice.value, choice.is_chosen) for choice in bases.choices] == [
        ("SD 1.5", False),
        ("Pony", True),
    ]


@pytest.mark.parametrize(
    ("total", "metadata", "text"),
    [
        (1342, {"nextCursor": "a"}, "1,342 models"),
        (1, {}, "1 model"),
        (None, {}, "1 model"),
        (None, {"nextCursor": "a"}, "1 model on this page"),
    ],
)
def test_count_says_no_more_than_is_known(
    make_model: Any, total: int | None, metadata: dict[str, str], text: str
) -> None:
    assert _view([make_model()], metadata=metadata, total=total).count == text


def test_card_shows_the_latest_version(make_model: Any, make_version: Any) -> None:
    versions = [make_version(baseModel="Other", images=[]), make_version(id=9)]
    card = _view([make_model(modelVersions=versions)]).cards[0]
    assert card.href == "/models/4/tiny-neon"
    assert (card.type, card.base_model) == ("LoRA", "Other base")
    assert card.picture is None
    assert card.creator_href == "/?username=mira_k"
    assert (card.downloads, card.likes) == ("1.3k", "88")


def test_model_without_creator_and_with_hidden_count_makes_a_card(make_model: Any) -> None:
    answer = make_model(stats={"downloadCount": None, "thumbsUpCount": 0, "thumbsDownCount": 0})
    del answer["creator"]
    card = _view([answer]).cards[0]
    assert card.creator is None
    assert card.downloads == "0"


def test_only_the_first_pictures_load_at_once(make_model: Any) -> None:
    loading = [card.loading for card in _view([make_model(id=n + 1) for n in range(8)]).cards]
    assert loading == ["first", "eager", "eager", "eager", "eager", "eager", "lazy", "lazy"]
