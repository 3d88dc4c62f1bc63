"""What a query finds, and in which order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from services.search.domain.wanted import Wanted
from tests.integration.search_conformance.conftest import MakeIndex
from tests.integration.search_conformance.shelf import Shelf
from tests.unit.search.search_documents import a_model

HASH = "c0ffee1234567890c0ffee1234567890c0ffee1234567890c0ffee1234567890"
MODELS = {
    1: a_model(name="Harbour Mix", downloads=1),
    2: a_model(name="Harbour Mix XL", file_names=["harborXL.safetensors"], downloads=500),
    3: a_model(name="Evening Light", trigger_words=["harbour mix"], file_names=["evening.safetensors"], downloads=900),
    4: a_model(name="Boats", summary="Made from a harbour and a mix of boats.", file_names=["b.pt"], downloads=9_000),
    5: a_model(name="ToonYou", creator="bradcatt", file_names=["toonyou_beta6.safetensors"], hashes=[HASH]),
    6: a_model(name="Yae Miko | Realistic", type="LORA", tags=["genshin impact"], file_names=["yae.safetensors"]),
    7: a_model(name="墨心 MoXin", type="LORA", file_names=["moxin_v10.safetensors"], tags=["中国风"]),
    8: a_model(name="Pokémon Trainer", type="LORA", file_names=["poketrainer.safetensors"]),
    9: a_model(name="★★★", file_names=["stars.safetensors"]),
    10: a_model(name="dreamshaper_8XL-v2.1", file_names=["dreamshaper_8XL.safetensors"]),
    11: a_model(name="c0ffee12 study", hashes=["0123456789"], file_names=["study.safetensors"]),
    12: a_model(name="ＬＡＮＴＥＲＮ　Glow", file_names=["lantern.safetensors"]),
}


@pytest_asyncio.fixture(scope="module")
async def published(make_index: MakeIndex) -> AsyncIterator[Shelf]:
    async with make_index() as index:
        shelf = Shelf(index)
        await shelf.put(MODELS)
        yield shelf


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # the whole name, however many downloads others have, then name's words, then trigger word, then description
        ("Harbour Mix", [1, 2, 3, 4]),
        ("  HARBOUR   mix ", [1, 2, 3, 4]),
        ("harbour mix xl", [2, 1]),  # XL is of its base model, too
        # words joined and split
        ("toon you", [5]),
        ("toonyou", [5]),
        ("yaemiko", [6]),
        ("miko yae", [6]),
        ("dreamshaper", [10]),
        ("dreamshaper8xl", [10]),
        ("dreamshaper 8 xl", [10]),
        # as typed so far
        ("dreamsh", [10]),
        ("harbour mi", [2, 1, 3]),
        # file names, with and without ending, whatever separates their words
        ("harbourMix_v20.safetensors", [1]),
        ("harbour_mix_v20.safetensors", [1]),
        ("harbour mix v20", [1]),
        ("toonyou-beta6", [5]),
        # hashes: a beginning of 8 or more digits, either letter case
        (HASH, [5]),
        (HASH.upper(), [5]),
        ("C0FFEE1234", [5]),
        # and nothing else if one matches: model 11 has these digits in its name
        ("c0ffee12", [5]),
        # digits that no file has are words
        ("0123456789ab", []),
        ("c0ffee12 study", [11]),
        # scripts
        ("墨心", [7]),
        ("心", [7]),
        ("中国", [7]),
        ("心墨", []),
        ("moxin 墨心", [7]),
        ("pokemon", [8]),
        ("POKÉMON trainer", [8]),
        ("lantern glow", [12]),
        ("★★★", [9]),
        # other facts
        ("bradcatt", [5]),
        ("genshin impact", [6]),
        ("yae miko lora", [6]),
        # misspelt, only where nothing is found as it is
        ("pokemom trainer", [8]),
        ("dreamshpaer", [10]),
        ("realstic miko", [6]),
        ("toonyuo", [5]),
        # addresses
        ("urn:air:sdxl:checkpoint:civitai:7@70", [7]),
        ("https://hub.example/models/7/moxin", [7]),
        # nonsense
        ("qzxwvk", []),
        ("harbour qzxwvk", []),
        ("❄❄❄", []),
        ("deadbeef99", []),
        ("\x00\x01", []),
    ],
)
async def test_query_finds(published: Shelf, query: str, expected: Sequence[int]) -> None:
    page = await published.finder.find(Wanted(query=query), limit=20)
    # what fits merely as well (through words in file names, say) may follow; order counts among those expected
    assert page.ids[: len(expected)] == expected
    assert page.total == len(page.ids)
    if len(expected) <= 1:
        assert page.ids == expected


async def test_among_equals_the_more_downloaded_comes_first(published: Shelf) -> None:
    page = await published.finder.find(Wanted(query="photorealistic"), limit=20)
    assert page.ids[:4] == [4, 3, 2, 1]
