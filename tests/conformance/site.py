"""A site under test, as a client sees it: an address, perhaps a key, and nothing that only this hub knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

Json = dict[str, Any]
MOST_PAGES = 300
"""Lists of a large site are followed this far."""


class Site:
    """One site. `token` is somebody's API key, if there is one to test with."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def get(self, path: str, status: int = 200, **query: Any) -> httpx.Response:
        """An answer of the API, whose status must be this."""
        answer = self.client.get(f"/api/v1{path}", params=query or None)
        assert answer.status_code == status, f"{answer.request.url}: {answer.status_code} {answer.text[:500]}"
        return answer

    def read(self, path: str, **query: Any) -> Json:
        """The document of a successful answer."""
        document: Json = self.get(path, **query).json()
        return document

    def pages(self, path: str, **query: Any) -> Iterator[Json]:
        """A list, page by page, by its own `nextPage`."""
        page = self.read(path, **query)
        for _ in range(MOST_PAGES):
            yield page
            if "nextPage" not in page["metadata"]:
                return
            answer = self.client.get(page["metadata"]["nextPage"])
            assert answer.status_code == 200, answer.text[:500]
            page = answer.json()

    def models(self) -> list[Json]:
        """A hundred models at most, of all maturity levels."""
        items: list[Json] = self.read("/models", limit=100, nsfw="true")["items"]
        assert items, "the site has no models to test with"
        return items

    def files(self) -> list[tuple[Json, Json]]:
        """Versions of these models with each of their scanned files."""
        return [
            (version, file)
            for model in self.models()
            for version in model["modelVersions"]
            for file in version["files"]
            if file["hashes"]
        ]
