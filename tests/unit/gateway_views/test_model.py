import shlex
from typing import Any

import pytest

from services.gateway.views.model import ModelView, commercial_uses, find_version, model_view, trained_words
from services.gateway.views.wire import read_hub_model, read_model, read_reviews


def _view(answer: dict[str, Any], *, version_id: int | None = None, hub: Any = None, reviews: Any = None) -> ModelView:
    model = read_model(answer)
    version = find_version(model, version_id)
    assert version is not None
    return model_view(model, version, read_reviews(reviews or {"items": []}), read_hub_model(hub))


def test_latest_version_is_shown_where_none_is_asked_for(make_model: Any) -> None:
    assert _view(make_model()).version_name == "v2.0"


def test_files_words_and_pictures_follow_the_version(make_model: Any, make_version: Any, make_file: Any) -> None:
    old = make_version(id=9, name="v1.0", trainedWords=["old"], images=[], files=[make_file(name="old.safetensors")])
    view = _view(make_model(modelVersions=[make_version(), old]), version_id=9)
    assert view.trained_words == ("old",)
    assert view.previews.gallery.pictures == ()
    assert view.download is not None
    assert view.download.name == "old.safetensors"
    assert [link.is_current for link in view.versions] == [False, True]
    assert view.versions[1].href == "/models/4/tiny-neon?modelVersionId=9"
    assert view.pull_command == "easel pull --version 9"


def test_version_of_another_model_is_not_found(make_model: Any) -> None:
    assert find_version(read_model(make_model()), 77) is None


def test_model_without_versions_shows_none(make_model: Any) -> None:
    assert find_version(read_model(make_model(modelVersions=[])), None) is None


def test_trained_words_are_trimmed_and_not_repeated() -> None:
    assert trained_words([" neon lights, ", "glow", "neon lights", "", " , "]) == ("neon lights", "glow")


@pytest.mark.parametrize(
    ("value", "uses"),
    [
        (["Image", "RentCivit"], {"Image", "RentCivit"}),
        ("{Image,RentCivit}", {"Image", "RentCivit"}),
        ("Sell", {"Sell"}),
        ("{None}", set()),
        (["None"], set()),
        ("{}", set()),
    ],
)
def test_commercial_uses_are_read_in_every_form(value: list[str] | str, uses: set[str]) -> None:
    assert commercial_uses(value) == uses


def test_permissions_name_what_is_allowed_and_what_is_not(make_model: Any) -> None:
    permissions = {permission.text: permission.is_allowed for permission in _view(make_model()).permissions}
    assert permissions == {
        "Use it without crediting the creator": True,
        "Sell pictures made with it": True,
        "Run it on this hub's paid generation": False,
        "Run it on other paid generation services": True,
        "Sell the model or a merge of it": False,
        "Share merges and changes of it": True,
        "Give merges other permissions": False,
    }


@pytest.mark.parametrize("mode", ["TakenDown", "Archived"])
def test_withdrawn_model_has_no_download(make_model: Any, mode: str) -> None:
    assert _view(make_model(mode=mode)).download is None


@pytest.mark.parametrize(
    ("previews", "text", "goes_on"),
    [
        ({"status": "queued", "done": 0, "total": 0}, "Previews are in line to be drawn", True),
        ({"status": "rendering", "done": 3, "total": 8}, "Drawing previews: 3 of 8", True),
        ({"status": "waiting", "done": 0, "total": 0, "reason": "No renderer is up"}, "No renderer is up", True),
        ({"status": "failed", "done": 0, "total": 8, "reason": "The file has no weights"}, None, False),
    ],
)
def test_progress_says_how_far_the_previews_are(
    make_model: Any, make_hub: Any, previews: dict[str, Any], text: str | None, goes_on: bool
) -> None:
    progress = _view(make_model(), hub=make_hub(previews=previews)).previews.progress
    assert progress is not None
    assert progress.text == (text or "Previews could not be drawn: The file has no weights")
    assert progress.refresh_href == ("/models/4/previews?versionId=12" if goes_on else None)


def test_finished_previews_need_no_progress(make_model: Any, make_hub: Any) -> None:
    previews = _view(make_model(), hub=make_hub()).previews
    assert previews.progress is None
    assert previews.are_rendered_here


def test_progress_of_another_version_is_not_shown(make_model: Any, make_hub: Any) -> None:
    hub = make_hub(previews={"status": "rendering", "done": 1, "total": 8})
    assert _view(make_model(), version_id=9, hub=hub).previews.progress is None


def test_files_refresh_only_while_a_scan_is_pending(make_model: Any, make_version: Any, make_file: Any) -> None:
    pending = make_model(modelVersions=[make_version(files=[make_file(virusScanResult="Pending")])])
    assert _view(pending).files.refresh_href == "/models/4/files?versionId=12"
    assert _view(make_model()).files.refresh_href is None


def test_review_of_another_version_is_marked(make_model: Any, make_review: Any) -> None:
    reviews = {"items": [make_review(), make_review(versionId=9), make_review(versionId=1)], "nextCursor": "a|b"}
    view = _view(make_model(), reviews=reviews).reviews
    assert [(item.is_other_version, item.version_name) for item in view.items] == [
        (False, "v2.0"),
        (True, "v1.0"),
        (True, None),
    ]
    assert (view.recommended_count, view.total_count) == (88, 91)
    assert view.next_href == "/models/4/tiny-neon?modelVersionId=12&reviewsCursor=a%7Cb#reviews"


def test_reviews_that_did_not_load_are_not_called_empty(make_model: Any) -> None:
    model = read_model(make_model())
    view = model_view(model, model.model_versions[0], None, None)
    assert not view.reviews.is_available
    assert view.reviews.items == ()


def test_api_commands_go_to_the_hub_that_shows_the_page(make_model: Any) -> None:
    words = shlex.split(_view(make_model()).report_commands.api)
    assert words[:2] == ["curl", "http://hub.example:8000/api/hub/reports"]
    assert words[-1] == '{"subjectType":"model","subjectId":4,"reason":"mislabelled"}'
