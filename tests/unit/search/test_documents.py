from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.domain.documents import Document, index_document, level_bits, name_cores
from services.search.domain.fields import FIELDS, LARGEST, ORDERS
from tests.unit.search.search_documents import a_model


def tokens(document: Document, field: str) -> set[str | int]:
    values = document[field]
    assert isinstance(values, list)
    return set(values)


def test_a_document_has_the_fields_of_the_mapping_and_no_other() -> None:
    assert set(index_document(1, 1, a_model())) == set(FIELDS)


@given(st.integers(0, 63))
def test_level_bits_add_up_to_the_mask(mask: int) -> None:
    assert sum(level_bits(mask)) == mask


def test_file_names_are_indexed_without_their_ending() -> None:
    document = index_document(1, 1, a_model(file_names=["harbour_mix_v2.safetensors"]))
    assert document["file_keys"] == ["harbourmixv2"]
    assert "safetensors" not in tokens(document, "terms")


def test_the_hash_of_nothing_identifies_no_file() -> None:
    document = index_document(1, 1, a_model(hashes=["e3b0c44298fc", "C0FFEE1234"]))
    assert document["hashes"] == ["c0ffee1234"]


def test_neighbouring_words_of_a_name_can_be_found_as_one() -> None:
    assert "yaemiko" in tokens(index_document(1, 1, a_model(name="Yae Miko")), "terms")


@pytest.mark.parametrize("name", ["", "🔥", "x" * 5_000, "a b " * 500])
def test_odd_names_make_documents_that_an_engine_takes(name: str) -> None:
    document = index_document(1, 1, a_model(name=name, trigger_words=["y" * 40_000, " "]))
    found = [token for values in document.values() if isinstance(values, list) for token in values]
    assert all(len(token) <= 256 for token in found if isinstance(token, str))
    assert msgspec.json.encode(document)


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.floats(-10, 2**20))
def test_orders_are_numbers_of_32_bits(downloads: int, likes: int, trend: float) -> None:
    document = index_document(1, 1, a_model(downloads=downloads, thumbs_up=likes, images=likes), trend=trend)
    for order in ORDERS:
        value = document[order]
        assert isinstance(value, int)
        assert 0 <= value <= LARGEST


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("[LoRA] Harbour Light", "Harbour Light"),
        ("Harbour Light (Style) v2.1", "Harbour Light"),
        ("Harbour Light | A city by the sea", "Harbour Light"),
        ("Harbour Light - City", "Harbour Light"),
        ("【概念】Harbour", "Harbour"),
    ],
)
def test_a_core_is_what_people_type_of_a_name(name: str, core: str) -> None:
    assert core in name_cores(name)


def test_words_beside_a_name_are_its_type_base_model_version_and_creator() -> None:
    model = a_model(type="TextualInversion", base_models=["SD 1.5"], version_names=["Beta 2"], creator="Mira_K")
    assert {"embedding", "sd15", "1", "beta", "2", "mira", "mirak", "by"} <= tokens(
        index_document(1, 1, model), "beside"
    )
