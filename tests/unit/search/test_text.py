from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.domain.text import cjk, clean, glued, key, shingles, stem, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dreamshaper_8XL-v2.1", "dreamshaper 8XL v2 1"),
        ("[Tsumasaky] Nilou | Genshin Impact", "Tsumasaky Nilou Genshin Impact"),
        ("【花】★ Mix", "花 Mix"),
        ("ＭｏＸｉｎ　墨心", "MoXin 墨心"),
        ("原神genshin", "原神 genshin"),
        ("ソニー・スタイル", "ソニー スタイル"),
        ("Pokémon", "Pokémon"),
        ("हिन्दी शैली", "हिन्दी शैली"),
        ("🔥🔥", ""),
    ],
)
def test_clean_text_has_words_alone(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text())
def test_clean_text_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text())
def test_no_word_is_empty_or_holds_a_space(text: str) -> None:
    assert all(word and not word.isspace() and " " not in word for word in words(text))


def test_key_ignores_letter_case_and_the_number_of_spaces_but_not_punctuation() -> None:
    assert key("  Harbour\t MIX ") == key("harbour mix")
    assert key("Harbour: Mix") != key("Harbour Mix")


@pytest.mark.parametrize("name", ["ToonYou", "toon you", "toon_you", "Toon-You!"])
def test_glued_words_are_the_same_however_they_were_written(name: str) -> None:
    assert glued(words(name)) == "toonyou"


def test_shingles_are_all_runs_of_neighbouring_words() -> None:
    assert shingles(["Yae", "Miko", "v2"], 2) == ["yae", "yaemiko", "miko", "mikov2", "v2"]


def test_only_the_characters_without_spaces_between_words_are_cjk() -> None:
    assert cjk("极乐迪斯科(风格) | Disco Elysium - テスト한국") == "极乐迪斯科 风格 テスト한국"


def test_stem_has_no_ending_of_a_model_file_but_keeps_version_dots() -> None:
    assert stem("harbour_mix_v2.1.safetensors") == "harbour_mix_v2.1"
    assert stem("harbour_mix_v2.1") == "harbour_mix_v2.1"
