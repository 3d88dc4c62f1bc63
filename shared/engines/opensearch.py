"""OpenSearch. The driver is imported here and nowhere else; its errors leave as `SearchDown` or `IndexMissing`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import ConnectionError as ConnectionFailed
from opensearchpy.exceptions import NotFoundError, RequestError, TransportError

from shared.settings import Settings

__all__ = ["IndexMissing", "OpenSearch", "RequestError", "SearchDown", "told_apart"]

_BUSY = frozenset({429, 500, 502, 503, 504})


class SearchDown(Exception):
    """The engine cannot be reached, is too slow, or says that it cannot answer now."""


class IndexMissing(Exception):
    """The engine answers, but has no such index or alias."""


@contextmanager
def told_apart() -> Iterator[None]:
    """Raise SearchDown for an engine that is away or busy and IndexMissing for a 404; let its refusals through."""
    try:
        yield
    except NotFoundError as error:
        raise IndexMissing(str(error.info)[:300]) from error
    except ConnectionFailed as error:
        raise SearchDown(f"the search engine is not reachable: {error.error}") from error
    except TransportError as error:
        if error.status_code in _BUSY:
            raise SearchDown(f"the search engine answered {error.status_code}: {error.error}") from error
        raise
    except (TimeoutError, OSError) as error:
        raise SearchDown(f"the search engine is not reachable: {error!r}") from error


class OpenSearch:
    """The engine's client, a component of the service. It retries nothing: each caller knows how patient it may be."""

    name = "opensearch"

    def __init__(self, settings: Settings, *, timeout_seconds: float = 30.0) -> None:
        password = settings.opensearch_password.get_secret_value() if settings.opensearch_password else ""
        self.client = AsyncOpenSearch(
            hosts=[settings.opensearch_url],
            http_auth=(settings.opensearch_username, password) if settings.opensearch_username else None,
            timeout=timeout_seconds,
            max_retries=0,
            retry_on_timeout=False,
            pool_maxsize=32,
        )

    async def start(self) -> None:
        """Reach the engine once; raises SearchDown."""
        await self.check()

    async def check(self) -> None:
        """Raise SearchDown if the engine does not answer within two seconds."""
        with told_apart():
            await self.client.info(params={"request_timeout": 2.0})

    async def stop(self) -> None:
        """Close all connections."""
        await self.client.close()

    async def started_at(self) -> str:
        """When each node was started: another value means that a node is new or was restarted meanwhile."""
        with told_apart():
            answer: dict[str, Any] = await self.client.nodes.info(
                metric="jvm", params={"filter_path": "nodes.*.jvm.start_time_in_millis", "request_timeout": 2.0}
            )
        nodes: dict[str, Any] = answer.get("nodes", {})
        return ",".join(f"{node}:{nodes[node]['jvm']['start_time_in_millis']}" for node in sorted(nodes))
