from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.domain.documents import index_document, level_bits
from services.search.domain.mapping import FIELDS, definition
from tests.unit.search.search_documents import a_model


def test_a_document_has_the_fields_of_the_mapping_and_no_other() -> None:
    assert set(index_document(1, 1, a_model())) == set(FIELDS)


def test_analyzers_that_fields_name_are_defined() -> None:
    analysis = definition()["settings"]["analysis"]
    named = {
        field[kind] for field in FIELDS.values() for kind in ("analyzer", "search_analyzer") if kind in field
    }  # fmt: skip
    assert named <= set(analysis["analyzer"])
    assert {field["normalizer"] for field in FIELDS.values() if "normalizer" in field} <= set(analysis["normalizer"])


@given(st.integers(0, 63))
def test_level_bits_add_up_to_the_mask(mask: int) -> None:
    assert sum(level_bits(mask)) == mask


def test_file_names_are_indexed_without_their_ending() -> None:
    document = index_document(1, 1, a_model(file_names=["harbour_mix_v2.safetensors"]))
    assert document["file_names"] == ["harbour mix v2"]
    assert document["file_keys"] == ["harbourmixv2"]
    assert "safetensors" not in document["terms"].split()


def test_the_hash_of_nothing_identifies_no_file() -> None:
    document = index_document(1, 1, a_model(hashes=["e3b0c44298fc", "C0FFEE1234"]))
    assert document["hashes"] == ["c0ffee1234"]


def test_neighbouring_words_of_a_name_can_be_found_as_one() -> None:
    assert "yaemiko" in index_document(1, 1, a_model(name="Yae Miko"))["terms"].split()


@pytest.mark.parametrize("name", ["", "🔥", "x" * 5_000, "a b " * 500])
def test_odd_names_make_documents_that_an_engine_takes(name: str) -> None:
    document = index_document(1, 1, a_model(name=name, trigger_words=["y" * 40_000, " "]))
    keys = [document[field] for field in ("name_key", "name_glued", "trigger_keys")]
    assert all(len(value) <= 256 for value in [keys[0], keys[1], *keys[2]])
    assert msgspec.json.encode(document)
