"""A version by the hash of one of its files, as tools write it."""

from __future__ import annotations

import pytest

from services.catalog.domain.hashes import asked_hashes, earliest_with_hash, findable_hashes
from tests.unit.catalog.models import LATER, NOON, file, hashes_of, model, published

WHOLE = "0A1B2C3D4E5F" + "7" * 52


@pytest.mark.parametrize("spelling", ["0a1b2c3d4e5f", "0x0A1B2C3D4E5F", "0X0a1B2c3D4e5F", WHOLE, f"0x{WHOLE.lower()}"])
def test_a_tensor_hash_is_found_in_every_spelling(spelling: str) -> None:
    of = model(1, published(10, file(1, hashes={"AutoV3": "0A1B2C3D4E5F"})))
    found = earliest_with_hash([of], asked_hashes(spelling))
    assert found is not None and found[1].id == 10


@pytest.mark.parametrize("kept", ["0A1B2C3D4E5F", WHOLE, WHOLE.lower()])
@pytest.mark.parametrize("asked", ["0a1b2c3d4e5f", WHOLE])
def test_a_tensor_hash_that_is_kept_whole_is_found_too(kept: str, asked: str) -> None:
    of = model(1, published(10, file(1, hashes={"AutoV3": kept})))
    assert set(asked_hashes(asked).values) & findable_hashes(of.versions[0].files[0])
    assert earliest_with_hash([of], asked_hashes(asked)) is not None


@pytest.mark.parametrize("asked", ["E3B0C44298FC", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"])
def test_the_hash_of_nothing_finds_nothing(asked: str) -> None:
    whole = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
    for kept in ("E3B0C44298FC", whole):
        assert findable_hashes(file(1, hashes={"AutoV3": kept})) == set()
        assert (
            earliest_with_hash([model(1, published(10, file(1, hashes={"AutoV3": kept})))], asked_hashes(asked)) is None
        )


@pytest.mark.parametrize("text", ["", "x", "0x", "AB", "G" * 12, "A" * 9, "A" * 63, "A" * 65, "12 345678"])
def test_other_texts_are_no_hashes(text: str) -> None:
    assert asked_hashes(text).values == ()


def test_of_several_the_earliest_then_the_lowest_is_meant() -> None:
    shared = hashes_of(1)
    models = [
        model(1, published(12, file(1), published_at=LATER), published(15, file(2, hashes=shared))),
        model(2, published(14, file(3, hashes=shared)), published(10, file(4, hashes=shared), published_at=LATER)),
    ]
    found = earliest_with_hash(models, asked_hashes(shared["SHA256"]))
    assert found is not None and (found[0].id, found[1].id) == (2, 14)


def test_a_file_with_this_very_hash_goes_before_one_whose_tensors_begin_so() -> None:
    exact = published(20, file(1, hashes={"SHA256": WHOLE}), published_at=LATER)
    begins = published(10, file(2, hashes={"AutoV3": WHOLE[:12]}), published_at=NOON)
    found = earliest_with_hash([model(1, begins), model(2, exact)], asked_hashes(WHOLE))
    assert found is not None and found[1].id == 20
