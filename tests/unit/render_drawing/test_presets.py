import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.render.families import load_family
from services.render.presets import choose_items, clean_prompt

TINY = load_family("tiny-shapes-v1")


def test_checkpoint_gets_the_presets_of_its_family_with_their_seeds() -> None:
    items = choose_items(TINY, "checkpoint", count=3)
    assert [(item.index, item.prompt, item.seed) for item in items] == [
        (0, "an orange cat on a blue background", 2),
        (1, "a white house with a red roof, sunny day", 9),
        (2, "a blue rocket in space", 3),
    ]


def test_adapter_gets_its_trained_words_in_front() -> None:
    items = choose_items(TINY, "adapter", count=2, trained_words=["neon lights"])
    assert items[0].prompt == "neon lights, a white house with a red roof, sunny day"


def test_adapter_without_trained_words_gets_the_bare_presets() -> None:
    assert choose_items(TINY, "adapter", count=1)[0].prompt == "a white house with a red roof, sunny day"


def test_trained_words_leave_half_of_the_window_to_the_prompt() -> None:
    words = [f"word{number}" for number in range(100)]
    prompt = choose_items(TINY, "adapter", count=1, trained_words=words)[0].prompt
    assert prompt.startswith("word0, word1")
    assert prompt.endswith("sunny day")
    assert len(prompt.split()) < TINY.max_tokens


def test_own_prompts_come_first_and_are_not_prefixed_twice() -> None:
    own = ["<lora:x:1> a dog, Neon Lights", "a fish"]
    items = choose_items(TINY, "adapter", count=3, trained_words=["neon lights"], own_prompts=own)
    assert [item.prompt for item in items] == [
        "a dog, Neon Lights",
        "neon lights, a fish",
        "neon lights, a white house with a red roof, sunny day",
    ]


def test_embedding_prompts_hold_its_word() -> None:
    items = choose_items(TINY, "embedding", count=8, token="tinybot", own_prompts=["on a hill"])
    assert items[0].prompt == "tinybot, on a hill"
    assert all("tinybot" in item.prompt and "{" not in item.prompt for item in items)


def test_embedding_without_a_word_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        choose_items(TINY, "embedding", count=1)


def test_more_pictures_than_presets_get_other_seeds() -> None:
    items = choose_items(TINY, "adapter", count=30)
    assert len({(item.prompt, item.seed) for item in items}) == 30


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4), st.integers(1, 40))
def test_same_version_gets_the_same_items(words: list[str], own: list[str], count: int) -> None:
    first = choose_items(TINY, "adapter", count=count, trained_words=words, own_prompts=own)
    assert first == choose_items(TINY, "adapter", count=count, trained_words=words, own_prompts=own)
    assert [item.index for item in first] == list(range(count))
    assert all(0 <= item.seed < 2**63 and item.prompt for item in first)


@given(st.text())
def test_cleaned_prompt_is_one_short_line_without_tags(text: str) -> None:
    clean = clean_prompt(text)
    assert len(clean) <= 1000
    assert "\n" not in clean
    assert "<lora:" not in clean_prompt(f"{text}<lora:a:1>")
