"""Reading the compatible API."""

from __future__ import annotations

from typing import Any

import httpx

from tests.hub_driver import HubDriver, Json


def get(hub: HubDriver, path: str, status: int = 200, **query: Any) -> httpx.Response:
    answer = hub.anonymous.get(f"/api/v1{path}", params=query or None)
    assert answer.status_code == status, answer.text
    return answer


def read(hub: HubDriver, path: str, **query: Any) -> Json:
    document: Json = get(hub, path, **query).json()
    return document


def follow(hub: HubDriver, path: str, **query: Any) -> list[int]:
    """Ids of everything from here to the end."""
    ids: list[int] = []
    page = read(hub, path, **query)
    while True:
        assert page["items"]
        ids += [item["id"] for item in page["items"]]
        if "nextPage" not in page["metadata"]:
            assert "nextCursor" not in page["metadata"]
            return ids
        assert page["metadata"]["nextPage"].startswith(f"{hub.url}/api/v1{path}?")
        page = httpx.get(page["metadata"]["nextPage"]).json()
