"""What a publisher may do before publishing, and what strangers learn of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.catalog.domain import drafts
from services.catalog.domain.model import Model
from services.catalog.domain.owner_view import hub_model, hub_version
from shared.actor import NOBODY, Actor
from shared.api.hub import FileFacts, ModelChange, NewModel, NewVersion
from shared.api.inside import AttachFile
from shared.problems import Conflict, Forbidden, Invalid, NotFound, Problem, Unauthorized
from tests.unit.catalog.models import LATER, NOON, file, model, published, version

OWNER = Actor(account_id=7, username="maker", role="creator")
STRANGER = Actor(account_id=8, username="other", role="creator")
MODERATOR = Actor(account_id=9, username="mod", role="moderator")
ADMINISTRATOR = Actor(account_id=10, username="admin", role="administrator")
DRAFT = model(1, version(10))
SHOWN = model(1, published(10))
HIDDEN = model(1, published(10), taken_down="stolen")
DELETED = model(1, published(10), deleted=True)


@pytest.mark.parametrize(
    ("of", "actor", "refusal"),
    [
        (SHOWN, OWNER, None),
        (DRAFT, OWNER, None),
        (SHOWN, ADMINISTRATOR, None),
        (DRAFT, ADMINISTRATOR, None),
        (SHOWN, NOBODY, Unauthorized),
        (SHOWN, STRANGER, Forbidden),
        (DRAFT, STRANGER, NotFound),  # a stranger does not learn that it exists
        (HIDDEN, STRANGER, NotFound),
        (DRAFT, MODERATOR, Forbidden),
        (DELETED, OWNER, NotFound),
        (DELETED, ADMINISTRATOR, NotFound),
    ],
)
def test_only_the_owner_and_administrators_change_a_model(
    of: Model, actor: Actor, refusal: type[Problem] | None
) -> None:
    if refusal is None:
        drafts.require_owner(of, actor)
    else:
        with pytest.raises(refusal):
            drafts.require_owner(of, actor)


@pytest.mark.parametrize(
    ("actor", "sees"), [(OWNER, True), (MODERATOR, True), (ADMINISTRATOR, True), (STRANGER, False), (NOBODY, False)]
)
def test_drafts_are_seen_by_owner_and_moderators(actor: Actor, sees: bool) -> None:
    assert drafts.may_see(DRAFT, actor) is sees
    assert drafts.may_see(DELETED, actor) is False


def test_a_new_model_has_clean_tags_and_belongs_to_its_maker() -> None:
    ask = NewModel(name="  Dream ", type="LORA", tags=["Style", "style ", "x"], allow_commercial_use=["Sell", "Sell"])
    made = drafts.new_model(5, ask, OWNER, NOON)
    assert (made.id, made.name, made.owner_id, made.owner) == (5, "Dream", 7, "maker")
    assert made.allow_commercial_use == ("Sell",)
    assert set(made.tags) == {"style", "x"}
    assert not made.is_visible


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (NewModel(name="x", type="Lora"), "did you mean 'LORA'"),
        (NewModel(name="x", type="zzzzzz"), "use one of Checkpoint"),
        (NewModel(name="x", type="LORA", allow_commercial_use=["sell"]), "did you mean 'Sell'"),
    ],
)
def test_a_word_that_is_nearly_right_is_answered_with_the_right_one(ask: NewModel, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        drafts.new_model(5, ask, OWNER, NOON)


def test_what_a_change_does_not_name_stays() -> None:
    before = model(1, published(10), description="old", tags=("a",), nsfw=True)
    after = drafts.change_model(before, ModelChange(name=" New ", description=""), LATER)
    assert (after.name, after.description, after.tags, after.nsfw) == ("New", "", ("a",), True)
    assert after.updated_at == LATER


def test_a_version_takes_only_base_models_that_are_open_to_new_ones() -> None:
    made = drafts.new_version(model(1), 11, NewVersion(name="v1", base_model="SD 1.5", trained_words=["a ", "a"]), NOON)
    assert (made.versions[0].id, made.versions[0].state, made.versions[0].trained_words) == (11, "draft", ("a",))
    for name in ("SDXL Turbo", "sd 1.5", "nothing"):
        with pytest.raises(Invalid, match="baseModel"):
            drafts.new_version(model(1), 11, NewVersion(name="v1", base_model=name), NOON)


def attach(of: Model, **changes: Any) -> Model:
    ask: dict[str, Any] = {
        "file_id": 5,
        "upload_id": "u5",
        "name": "new.safetensors",
        "type": "Model",
        "size_bytes": 9,
    } | changes
    return drafts.attach_file(of, 10, AttachFile(**ask), LATER)


@pytest.mark.parametrize("state", ["published", "scanning"])
def test_the_files_of_a_version_are_final_once_it_is_being_published(state: Any) -> None:
    closed = model(1, version(10, file(1), state=state, published_at=NOON))
    with pytest.raises(Conflict):
        attach(closed)
    with pytest.raises(Conflict):
        drafts.remove_file(closed, 10, 1, LATER)


def test_a_name_is_used_once_in_a_version_but_a_refused_file_gives_way() -> None:
    draft = model(1, version(10, file(1, name="new.safetensors")))
    with pytest.raises(Conflict, match="already has a file"):
        attach(draft)
    refused = model(1, version(10, file(1, name="new.safetensors", state="dangerous"), state="refused", reason="x"))
    changed = attach(refused).versions[0]
    assert [(each.id, each.state) for each in changed.files] == [(5, "uploading")]
    assert (changed.state, changed.reason) == ("draft", None)


def test_facts_and_types_that_do_not_exist_are_refused() -> None:
    assert attach(DRAFT, metadata=FileFacts(format="GGUF", fp="fp8")).versions[0].files[0].fp == "fp8"
    for wrong in ({"type": "Weights"}, {"metadata": FileFacts(format="gguf")}):
        with pytest.raises(Invalid, match=r"did you mean|use one of"):
            attach(DRAFT, **wrong)


def test_a_file_is_taken_out_and_the_version_is_a_draft_again() -> None:
    refused = model(1, version(10, file(1, state="dangerous"), file(2), state="refused", reason="x"))
    after = drafts.remove_file(refused, 10, 1, LATER).versions[0]
    assert ([each.id for each in after.files], after.state, after.reason) == ([2], "draft", None)
    with pytest.raises(NotFound):
        drafts.remove_file(refused, 10, 9, LATER)
    with pytest.raises(NotFound):
        drafts.remove_file(refused, 11, 1, LATER)


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (model(1), "Draft"),
        (DRAFT, "Draft"),
        (SHOWN, "Published"),
        (HIDDEN, "TakenDown"),
        (model(1, version(10, state="refused")), "Refused"),
        (model(1, version(10, state="refused"), version(11, state="scanning")), "Scanning"),
        (model(1, version(10, state="refused"), published(11)), "Published"),
    ],
)
def test_a_models_status_is_that_of_its_best_version(of: Model, status: str) -> None:
    assert hub_model(of).status == status


def test_a_withdrawn_models_drafts_stay_drafts_and_the_reason_is_shown_to_its_owner() -> None:
    both = msgspec.structs.replace(HIDDEN, versions=(*HIDDEN.versions, version(11)))
    statuses = {each.id: hub_version(both, each).status for each in both.versions}
    assert statuses == {10: "TakenDown", 11: "Draft"}
    assert hub_version(both, both.versions[0]).status_reason == "stolen"
