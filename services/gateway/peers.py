"""The services behind the gateway."""

from __future__ import annotations

from services.gateway.document_cache import DocumentCache
from services.gateway.documents import Documents
from services.gateway.settings import GatewaySettings
from shared.inside import Peer


class Peers:
    """One client per service."""

    name = "peers"

    def __init__(self, settings: GatewaySettings, cache: DocumentCache) -> None:
        token = settings.internal_token.get_secret_value()
        self.catalog = Peer("catalog", settings.catalog_url, token)
        self.documents = Documents(self.catalog, cache)
        self.upload = Peer("upload", settings.upload_url, token, timeout_seconds=120)
        self.search = Peer("search", settings.search_url, token, timeout_seconds=6)
        self.reviews = Peer("reviews", settings.reviews_url, token)
        self.render = Peer("render", settings.render_url, token)
        self.moderation = Peer("moderation", settings.moderation_url, token)

    async def start(self) -> None:
        """Connections are opened by the first call."""

    async def check(self) -> None:
        """A service that is down is that service's readiness, not ours: the rest of the hub goes on."""

    async def stop(self) -> None:
        """Close them all."""
        for peer in (self.catalog, self.upload, self.search, self.reviews, self.render, self.moderation):
            await peer.close()
