"""How the service answers questions it cannot or must not answer."""

from __future__ import annotations

import pytest

from tests.integration.inner_service import InnerService


async def test_only_the_hub_s_own_services_may_ask(search: InnerService) -> None:
    assert (await search.call_without_token("/search")).status_code == 401


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"sort": "Most Delicious"}, "Highest Rated"),
        ({"period": "Fortnight"}, "AllTime"),
        ({"cursor": "no cursor"}, "Start again without a cursor"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"page": 0}, "page"),
        ({"page": 100, "limit": 100}, "cursor"),
        ({"checkpointType": "Standard"}, "checkpointType"),
        ({"levels": 64}, "levels"),
    ],
)
async def test_a_wrong_parameter_is_a_clear_400(search: InnerService, params: dict[str, str], said: str) -> None:
    answer = await search.call("GET", "/search", params=params)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.text


async def test_metrics_tell_of_indexing_and_searching(search: InnerService) -> None:
    await search.call("GET", "/search", params={"query": "anything"})
    metrics = (await search.call_without_token("/metrics")).text
    for name in ("easel_search_documents", "easel_search_flush_seconds", "easel_search_drift", "easel_search_findable"):
        assert name in metrics
