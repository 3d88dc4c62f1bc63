"""Who is told what."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from services.reviews import notices
from shared.events.models import FileWithdrawn
from shared.events.moderation import AppealDecided
from shared.events.searches import MatchedModel, SearchMatched

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WITHDRAWN = FileWithdrawn(
    model_id=1, version_id=10, file_id=3, model_name="Kubist", version_name="v1.0", file_name="kubist.pt",
    creator_id=7, creator="dora", verdict="dangerous", reasons=["It imports os.system."],
)  # fmt: skip


def test_a_creator_learns_why_and_what_can_be_done() -> None:
    told = notices.to_creator(WITHDRAWN)
    assert "kubist.pt" in told.title
    assert "It imports os.system." in told.text and "appeal" in told.text
    assert told.path == "/files/3/scan"


def test_who_has_the_file_learns_what_to_do_with_it() -> None:
    dangerous = notices.to_downloader(WITHDRAWN)
    assert "delete your copies" in dangerous.text and "It imports os.system." in dangerous.text
    assert "appeal" not in dangerous.text
    invalid = notices.to_downloader(replace(WITHDRAWN, verdict="invalid"))
    assert "invalid" in invalid.title and "delete" not in invalid.text


def test_an_appellant_learns_the_answer() -> None:
    decided = AppealDecided(
        subject_type="file", subject_id=3, actor_id=5, actor="mod", appeal_id=9, file_name="kubist.pt",
        appellant_id=7, accepted=False, reason="It does.",
    )  # fmt: skip
    rejected = notices.to_appellant(decided)
    assert (rejected.kind, rejected.title) == ("appeal-rejected", "Your appeal for kubist.pt was rejected")
    assert "It does." in rejected.text
    assert notices.to_appellant(replace(decided, accepted=True)).kind == "appeal-accepted"


def test_an_event_tells_an_account_once() -> None:
    notice = notices.to_creator(WITHDRAWN)
    one, again = (notices.notification("0198", 7, notice, NOON) for _ in range(2))
    assert one == again
    assert notices.notification("0198", 8, notice, NOON).id != one.id
    assert not notices.view(one).read


def test_a_searcher_learns_what_is_new_and_where_to_see_it() -> None:
    one = SearchMatched(
        search_id="s", account_id=7, name="Ink", filters="query=ink", models=[MatchedModel(model_id=3, name="Wash")],
        total=1,
    )  # fmt: skip
    told = notices.to_searcher(one)
    assert (told.title, told.text, told.path) == ("1 new model for your search Ink", "Wash.", "/models/3")
    many = replace(one, models=[MatchedModel(model_id=each, name=f"Ink {each}") for each in range(1, 8)], total=30)
    told = notices.to_searcher(many)
    assert (told.title, told.path) == ("30 new models for your search Ink", "/models?query=ink")
    assert told.text.endswith("Ink 5 and 25 more.")
