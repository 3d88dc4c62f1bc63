"""From a published version to a job, and the base that an adapter is drawn on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.render.consumers import announcements
from services.render.families import load_families
from services.render.planning import Base, Job, Weights, choose_base, plan, progress, with_base
from shared.events.models import PublishedFile, VersionPublished
from shared.events.previews import PreviewFailed
from shared.events.render_jobs import PreviewRequested

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAMILIES = load_families()
replace = msgspec.structs.replace


def file(**changes: Any) -> PublishedFile:
    made = PublishedFile(
        file_id=1, name="kubist.safetensors", type="Model", format="SafeTensor", size_bytes=1000, sha256="ab" * 32,
        hashes={"AutoV3": "0A1B2C3D4E5F"}, facts={"kind": "checkpoint", "family": "sd1"}, primary=True,
    )  # fmt: skip
    return replace(made, **changes)


def published(*files: PublishedFile, **changes: Any) -> VersionPublished:
    made = VersionPublished(
        model_id=4, version_id=9, model_name="Kubist", version_name="v1", type="Checkpoint", base_model="SD 1.5",
        trained_words=[], creator_id=7, creator="maker", files=list(files), published_at=NOON,
    )  # fmt: skip
    return replace(made, **changes)


def planned(*files: PublishedFile, **changes: Any) -> tuple[Job, Base | None]:
    return plan(published(*files, **changes), FAMILIES, 4, "c1")


def test_a_checkpoint_is_queued_on_itself_and_is_a_base_for_others() -> None:
    job, base = planned(file())
    assert (job.id, job.state, job.kind, job.family, job.correlation) == (9, "queued", "checkpoint", "sd1", "c1")
    assert job.base is not None and job.adapter is None
    assert (job.base.name, job.base.sha256, job.base.version_id) == ("Kubist", "ab" * 32, 9)
    assert base == Base(version_id=9, model_id=4, family="sd1", weights=job.base, published_at=NOON)
    family = FAMILIES["sd1"]
    assert (job.width, job.height, job.steps) == (family.native_width, family.native_height, family.steps)
    assert [item.index for item in job.items] == [0, 1, 2, 3]


@pytest.mark.parametrize(("kind", "drawn_as"), [("lora", "adapter"), ("locon", "adapter")])
def test_an_adapter_waits_for_a_base_and_shows_its_trained_words(kind: str, drawn_as: str) -> None:
    job, base = planned(file(facts={"kind": kind, "family": "sdxl"}), trained_words=["kubist"], base_version_id=3)
    assert (job.state, job.kind, job.family, job.wanted_base) == ("waiting", drawn_as, "sdxl", 3)
    assert job.base is None and base is None
    assert job.adapter is not None and (job.adapter.name, job.adapter.kind) == ("kubist", kind)
    assert job.adapter.autov3 == "0A1B2C3D4E5F"
    assert all("kubist" in item.prompt for item in job.items)
    assert job.reason is not None and "version 3" in job.reason


def test_words_come_from_the_file_where_the_publisher_gave_none() -> None:
    job, _ = planned(file(facts={"kind": "lora", "family": "sd1", "triggerWords": ["cubes"]}))
    assert all("cubes" in item.prompt for item in job.items)


@pytest.mark.parametrize(
    ("words", "facts", "token"),
    [
        (["kubist"], {}, "kubist"),
        ([], {"triggerWords": ["cubes"]}, "cubes"),
        ([], {}, "kubist"),  # the file's own name
    ],
)
def test_an_embedding_is_called_by_its_word(words: list[str], facts: dict[str, Any], token: str) -> None:
    job, _ = planned(file(facts={"kind": "textual_inversion", "family": "sd1"} | facts), trained_words=words)
    assert (job.kind, job.token) == ("embedding", token)
    assert all(token in item.prompt for item in job.items)


@pytest.mark.parametrize(
    ("files", "changes", "reason"),
    [
        ([], {}, "no file of weights"),
        ([file(primary=False)], {}, "no file of weights"),
        ([file(format="PickleTensor")], {}, "safetensors files only"),
        ([file(facts=None)], {}, "no kind that Easel knows"),
        ([file(facts={"kind": "vae", "family": "sd1"})], {}, "VAE"),
        ([file(facts={"kind": "dora", "family": "sd1"})], {}, "DoRA"),
        ([file(facts={"kind": "checkpoint", "family": "flux1"})], {}, "flux1"),
        ([file(facts={"kind": "checkpoint"})], {"base_model": "Other"}, "could not be told"),
    ],
)
def test_what_cannot_be_drawn_says_why(files: list[PublishedFile], changes: dict[str, Any], reason: str) -> None:
    job, base = planned(*files, **changes)
    assert (job.state, base, job.items) == ("failed", None, ())
    assert job.reason is not None and reason in job.reason


def test_the_tensors_decide_the_family_and_the_publishers_word_only_where_they_tell_none() -> None:
    told, _ = planned(file(facts={"kind": "checkpoint", "family": "sdxl"}), base_model="SD 1.5")
    named, _ = planned(file(facts={"kind": "checkpoint"}), base_model="SD 1.5")
    assert (told.family, named.family) == ("sdxl", "sd1")


def test_the_same_version_always_gets_the_same_pictures() -> None:
    assert planned(file()) == planned(file())


def base(version_id: int, family: str = "sd1", hours: int = 0, *, visible: bool = True) -> Base:
    weights = Weights(version_id=version_id, name="b", sha256="cd" * 32, size_bytes=1, kind="checkpoint")
    return Base(
        version_id=version_id, model_id=1, family=family, weights=weights, published_at=NOON + timedelta(hours=hours),
        visible=visible,
    )  # fmt: skip


WAITING, _ = planned(file(facts={"kind": "lora", "family": "sd1"}))
WISHING = replace(WAITING, wanted_base=3)


@pytest.mark.parametrize(
    ("job", "bases", "chosen"),
    [
        (WAITING, [], None),
        (WAITING, [base(1, "sdxl")], None),
        (WAITING, [base(2, hours=1), base(1, hours=2), base(5, "sdxl")], 2),  # the oldest of its family
        (WAITING, [base(7), base(4)], 4),  # of the same moment the smaller id
        (WAITING, [base(1, visible=False), base(2, hours=1)], 2),
        (WISHING, [base(1), base(2)], None),  # it waits for the one that was asked for
        (WISHING, [base(1), base(3, hours=9)], 3),
        (WISHING, [base(3, visible=False)], None),
        (WISHING, [base(3, "sdxl")], None),  # another family cannot draw it
    ],
)
def test_an_adapter_is_drawn_on_the_base_its_publisher_names_or_the_oldest_of_its_family(
    job: Job, bases: list[Base], chosen: int | None
) -> None:
    found = choose_base(job, bases)
    assert (found.version_id if found else None) == chosen


def test_a_job_with_its_base_is_queued_and_says_nothing_of_waiting() -> None:
    queued = with_base(WAITING, base(3))
    assert (queued.state, queued.reason, queued.base) == ("queued", None, base(3).weights)
    assert queued.adapter == WAITING.adapter


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("waiting", "waiting"),
        ("queued", "queued"),
        ("drawing", "rendering"),
        ("done", "done"),
        ("failed", "failed"),
        ("cancelled", "none"),
    ],
)
def test_people_see_how_far_a_job_is(state: Any, shown: str) -> None:
    job = replace(planned(file())[0], state=state, done=(0, 2))
    seen = progress(job)
    assert (seen.status, seen.done, seen.total) == (shown, 2, 4)
    assert [item.index for item in job.remaining] == [1, 3]


def test_renderers_hear_of_queued_jobs_and_people_of_failed_ones() -> None:
    queued, _ = planned(file())
    failed, _ = planned()
    [requested] = announcements(queued)
    assert isinstance(requested, PreviewRequested)
    assert requested.topic_name() == "easel.render.jobs.small.interactive"
    assert (requested.version_id, requested.family) == (9, "sd1")
    [told] = announcements(failed)
    assert isinstance(told, PreviewFailed) and told.reason == failed.reason
    assert announcements(WAITING) == []
