"""When a version becomes visible: never with anything unscanned, always once everything is clean."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain import drafts, publishing
from services.catalog.domain.model import Model, VersionState
from services.catalog.domain.state import state_event
from services.catalog.domain.wire import Wire
from shared.api.hub import FileState
from shared.events.models import FileWithdrawn, ModelPublished, ModelState, ModelStateRemoved, VersionPublished
from shared.events.payload import Payload
from shared.events.uploads import Verdict
from shared.problems import Conflict, NotFound
from tests.unit.catalog.models import LATER, NOON, file, hashes_of, image, model, published, scanned, version

FILE_STATES: tuple[FileState, ...] = ("uploading", "pending", "clean", "dangerous", "invalid", "failed")


def types(payloads: list[Payload]) -> list[str]:
    return [type(payload).__name__ for payload in payloads]


def one_version(changed: Model) -> Any:
    [only] = changed.versions
    return only


@pytest.mark.parametrize(
    ("states", "becomes"),
    [
        (("clean",), "published"),
        (("clean", "clean"), "published"),
        (("pending",), "scanning"),
        (("clean", "pending"), "scanning"),
        (("dangerous",), "refused"),
        (("invalid",), "refused"),
        (("failed",), "refused"),
        (("clean", "dangerous"), "refused"),
        (("pending", "dangerous"), "refused"),
    ],
)
@pytest.mark.parametrize("state", ["draft", "scanning", "refused"])
def test_asking_to_publish_decides_by_the_files(
    states: tuple[FileState, ...], becomes: VersionState, state: VersionState
) -> None:
    files = [file(number, state=each) for number, each in enumerate(states, 1)]
    changed, events = publishing.ask_to_publish(model(1, version(10, *files, state=state)), 10, LATER)
    found = one_version(changed)
    assert found.state == becomes
    assert found.published_at == (LATER if becomes == "published" else None)
    assert types(events) == (["ModelPublished", "VersionPublished"] if becomes == "published" else [])
    assert (found.reason is not None) == (becomes == "refused")


def test_a_version_without_files_cannot_be_published() -> None:
    with pytest.raises(Conflict, match="no file"):
        publishing.ask_to_publish(model(1, version(10)), 10, LATER)


def test_a_version_with_a_half_sent_file_cannot_be_published_and_the_file_is_named() -> None:
    draft = model(1, version(10, file(1), file(2, state="uploading", name="half.gguf")))
    with pytest.raises(Conflict, match=r"half\.gguf"):
        publishing.ask_to_publish(draft, 10, LATER)


def test_a_published_version_stays_as_it_is_when_asked_again() -> None:
    before = model(1, published(10))
    assert publishing.ask_to_publish(before, 10, LATER) == (before, [])


def test_a_version_that_is_not_there_cannot_be_published() -> None:
    with pytest.raises(NotFound):
        publishing.ask_to_publish(model(1), 10, LATER)


@pytest.mark.parametrize(
    ("state", "verdict", "becomes"),
    [
        ("draft", "clean", "draft"),
        ("draft", "dangerous", "draft"),
        ("scanning", "clean", "published"),
        ("scanning", "dangerous", "refused"),
        ("scanning", "invalid", "refused"),
        ("scanning", "failed", "refused"),
        ("refused", "clean", "published"),
        ("published", "clean", "published"),
    ],
)
def test_a_verdict_moves_only_what_was_asked_to_be_published(
    state: VersionState, verdict: Verdict, becomes: VersionState
) -> None:
    before = model(1, version(10, file(1, state="pending"), state=state))
    changed, events = publishing.file_scanned(before, scanned(1, verdict=verdict), LATER)
    found = one_version(changed)
    assert found.state == becomes
    assert found.files[0].state == verdict
    assert bool(events) == (becomes == "published" and state != "published")


def test_the_last_verdict_publishes_with_all_files() -> None:
    draft = model(1, version(10, file(1, state="pending"), file(2, state="pending"), state="scanning"))
    halfway, events = publishing.file_scanned(draft, scanned(2), LATER)
    assert (one_version(halfway).state, events) == ("scanning", [])
    done, events = publishing.file_scanned(halfway, scanned(1), LATER)
    assert one_version(done).state == "published"
    [_, event] = events
    assert isinstance(event, VersionPublished)
    assert [each.file_id for each in event.files] == [1, 2]
    assert [each.primary for each in event.files] == [True, False]


def test_a_refusal_says_which_file_and_why() -> None:
    draft = model(1, version(10, file(1, state="pending", name="bad.ckpt"), state="scanning"))
    refused, _ = publishing.file_scanned(draft, scanned(1, verdict="dangerous"), LATER)
    assert one_version(refused).reason == "bad.ckpt is dangerous: it runs os.system"


def test_a_model_is_announced_with_its_first_version_only() -> None:
    before = model(1, published(10), version(11, file(2, state="pending"), state="scanning"))
    changed, events = publishing.file_scanned(before, scanned(2, 11), LATER)
    assert types(events) == ["VersionPublished"]
    assert [each.id for each in changed.published_versions] == [11, 10]  # newest first


def test_a_file_gets_the_kinds_of_hashes_that_are_not_defined_for_it() -> None:
    """AutoV1 of a small file, AutoV3 of what is no safetensors: strict clients need all six."""
    known = hashes_of(1)
    some = {kind: value for kind, value in known.items() if kind not in ("AutoV1", "AutoV3")}
    before = model(1, version(10, file(1, state="pending", hashes={})))
    changed, _ = publishing.file_scanned(before, scanned(1, hashes=some), LATER)
    sha256 = known["SHA256"]
    assert one_version(changed).files[0].hashes == {**some, "AutoV1": sha256[:8], "AutoV3": sha256[:12]}
    whole, _ = publishing.file_scanned(before, scanned(1), LATER)
    assert one_version(whole).files[0].hashes == known
    refused, _ = publishing.file_scanned(before, scanned(1, verdict="failed", sha256="", hashes={}), LATER)
    assert one_version(refused).files[0].hashes == {}


def test_what_the_scan_found_is_kept_and_what_the_publisher_said_stays() -> None:
    facts = {"kind": "lora", "precision": "fp16"}
    event = scanned(1, facts=facts, imports=["torch._utils._rebuild"], format="torch_zip")
    silent, _ = publishing.file_scanned(model(1, version(10, file(1, state="pending"))), event, LATER)
    told, _ = publishing.file_scanned(model(1, version(10, file(1, state="pending", fp="bf16"))), event, LATER)
    found = one_version(silent).files[0]
    assert (found.sha256, found.hashes, found.facts) == (event.sha256, event.hashes, facts)
    assert (found.format, found.fp, found.imports) == ("PickleTensor", "fp16", ("torch._utils._rebuild",))
    assert one_version(told).files[0].fp == "bf16"


@pytest.mark.parametrize("state", FILE_STATES)
def test_said_again_that_a_file_has_arrived_nothing_changes_but_the_first_time(state: FileState) -> None:
    before = model(1, version(10, file(1, state=state)))
    changed, events = publishing.file_uploaded(before, 10, 1, LATER)
    assert one_version(changed).files[0].state == ("pending" if state == "uploading" else state)
    assert events == []


@pytest.mark.parametrize("state", FILE_STATES)
def test_an_aborted_upload_takes_away_only_a_file_that_had_not_arrived(state: FileState) -> None:
    before = model(1, version(10, file(1, state=state), file(2)))
    changed, events = publishing.upload_aborted(before, 10, 1, LATER)
    assert [each.id for each in one_version(changed).files] == ([2] if state == "uploading" else [1, 2])
    assert events == []


def test_events_of_files_and_versions_that_are_gone_change_nothing() -> None:
    before = model(1, version(10, file(1)))
    for version_id, file_id in ((10, 9), (9, 1)):
        assert publishing.file_uploaded(before, version_id, file_id, LATER) == (before, [])
        assert publishing.upload_aborted(before, version_id, file_id, LATER) == (before, [])
        assert publishing.file_scanned(before, scanned(file_id, version_id), LATER) == (before, [])


STEPS = st.one_of(
    st.just(("publish", 0, "clean")),
    st.tuples(st.sampled_from(["uploaded", "aborted"]), st.integers(1, 3), st.just("clean")),
    st.tuples(st.just("scanned"), st.integers(1, 3), st.sampled_from(["clean", "dangerous", "invalid", "failed"])),
)


@given(st.lists(STEPS, max_size=12))
def test_in_whatever_order_things_happen_a_version_is_published_once_with_clean_files_alone(
    steps: list[tuple[str, int, Verdict]],
) -> None:
    current = model(1, version(10, *(file(number, state="uploading") for number in (1, 2, 3))))
    announced: list[str] = []
    for what, number, verdict in steps:
        was_published = one_version(current).is_published
        events: list[Payload] = []
        try:
            if what == "publish":
                current, events = publishing.ask_to_publish(current, 10, LATER)
            elif what == "uploaded":
                current, events = publishing.file_uploaded(current, 10, number, LATER)
            elif what == "aborted":
                current, events = publishing.upload_aborted(current, 10, number, LATER)
            else:
                current, events = publishing.file_scanned(current, scanned(number, verdict=verdict), LATER)
        except Conflict:
            continue
        announced += types(events)
        if one_version(current).is_published and not was_published:
            assert {each.state for each in one_version(current).files} == {"clean"}
    once = [kind for kind in announced if kind in ("ModelPublished", "VersionPublished")]
    assert once in ([], ["ModelPublished", "VersionPublished"])
    shown = [kind for kind in announced if kind in ("VersionPublished", "ModelRestored", "ModelUnpublished")]
    assert (bool(shown) and shown[-1] != "ModelUnpublished") == one_version(current).is_published
    assert all((kind == "ModelUnpublished") == bool(number % 2) for number, kind in enumerate(shown))


def test_search_is_told_the_whole_of_a_visible_model_and_of_a_hidden_one_only_that_it_went() -> None:
    shown = model(1, published(10, images=(image(1), image(2))), seq=5)
    hidden = msgspec.structs.replace(shown, taken_down="stolen", seq=6)
    draft = model(1, version(10))
    state = state_event(None, shown, Wire())
    assert isinstance(state, ModelState)
    assert (state.seq, state.document.images, state.document.size_bytes) == (5, 2, 1000)
    assert state.document.published_at == NOON
    assert state_event(shown, hidden, Wire()) == ModelStateRemoved(model_id=1, seq=6)
    assert state_event(hidden, hidden, Wire()) is None
    assert state_event(draft, draft, Wire()) is None


def test_the_announcement_tells_a_renderer_all_it_needs() -> None:
    draft = model(
        1, version(10, file(1, facts={"kind": "checkpoint"}), trained_words=("x",), base_version_id=3), name="Dream"
    )  # fmt: skip
    _, [first, event] = publishing.ask_to_publish(draft, 10, LATER)
    assert first == ModelPublished(model_id=1, name="Dream", type="Checkpoint", creator_id=7, creator="maker")
    assert isinstance(event, VersionPublished)
    assert (event.base_model, event.trained_words, event.base_version_id) == ("SDXL 1.0", ["x"], 3)
    assert event.published_at == LATER
    assert event.files[0].facts == {"kind": "checkpoint"}


# Scanned again


def test_a_published_file_that_turns_dangerous_is_withdrawn_with_its_version_and_the_reason_is_told() -> None:
    before = model(1, published(10))
    changed, events = publishing.file_scanned(before, scanned(10, verdict="dangerous", again=True), LATER)
    found = one_version(changed)
    assert (found.state, found.published_at) == ("refused", NOON)
    assert "it runs os.system" in found.reason
    assert not changed.is_visible
    assert types(events) == ["FileWithdrawn", "ModelUnpublished"]
    withdrawn = events[0]
    assert isinstance(withdrawn, FileWithdrawn)
    assert (withdrawn.file_id, withdrawn.creator_id, withdrawn.reasons) == (10, 7, ["it runs os.system"])
    assert isinstance(state_event(before, changed, Wire()), ModelStateRemoved)
    again, nothing = publishing.file_scanned(changed, scanned(10, verdict="dangerous", again=True), LATER)
    assert (again, nothing) == (changed, [])


def test_a_model_stays_visible_by_its_other_versions() -> None:
    before = model(1, published(10), published(11))
    changed, events = publishing.file_scanned(before, scanned(10, verdict="invalid", again=True), LATER)
    assert types(events) == ["FileWithdrawn"]
    assert [version.id for version in changed.published_versions] == [11]


def test_a_file_that_stays_clean_changes_nothing_but_the_time_of_its_scan() -> None:
    before = model(1, published(10))
    changed, events = publishing.file_scanned(before, scanned(10, again=True), LATER)
    found = one_version(changed)
    assert events == []
    assert (found.state, found.updated_at, found.files[0].scanned_at) == ("published", NOON, LATER)


def test_a_withdrawn_version_that_a_moderator_lets_pass_is_published_as_it_was() -> None:
    withdrawn, _ = publishing.file_scanned(model(1, published(10)), scanned(10, verdict="dangerous"), LATER)
    back, events = publishing.file_scanned(withdrawn, scanned(10, override="A false alarm."), LATER)
    found = one_version(back)
    assert (found.state, found.published_at, found.reason) == ("published", NOON, None)
    assert found.files[0].override == "A false alarm."
    assert types(events) == ["FileRestored", "ModelRestored"]


def test_a_takedown_outlasts_a_file_that_is_given_back() -> None:
    before = model(1, published(10), taken_down="Stolen.")
    withdrawn, events = publishing.file_scanned(before, scanned(10, verdict="dangerous"), LATER)
    assert types(events) == ["FileWithdrawn"]
    back, events = publishing.file_scanned(withdrawn, scanned(10, override="A false alarm."), LATER)
    assert types(events) == ["FileRestored"] and not back.is_visible


def test_a_withdrawn_version_with_another_file_is_published_anew() -> None:
    two = published(10, file(1), file(2))
    withdrawn, _ = publishing.file_scanned(model(1, two), scanned(1, verdict="dangerous"), LATER)
    without = drafts.remove_file(withdrawn, 10, 1, LATER)
    _, events = publishing.ask_to_publish(without, 10, LATER)
    assert types(events) == ["ModelPublished", "VersionPublished"]
