"""Wiring of the gateway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from services.gateway.bootstrap import Bootstrap
from services.gateway.compatible_http import compatible_http
from services.gateway.declared import COMPONENTS, DeclaredRefusals
from services.gateway.delivery import Delivery
from services.gateway.document_cache import DocumentCache
from services.gateway.identify import Identification, identify
from services.gateway.kept_documents import kept_documents
from services.gateway.page_answers import lost
from services.gateway.passwords import Passwords
from services.gateway.peers import Peers
from services.gateway.pictures.gallery import Gallery
from services.gateway.rate_limits import RateLimits
from services.gateway.relay_token import Grants
from services.gateway.repository import Repository
from services.gateway.request import origin_of, provide_actor, provide_caller
from services.gateway.routes import ROUTES, page_routes
from services.gateway.routes.relay import RelayClient
from services.gateway.sessions import Cookies, Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.single_sign_on import SingleSignOn
from shared.broadcast import Broadcast
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.engines.s3 import Store
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service

T = TypeVar("T")
OPENAPI = OpenAPIConfig(
    title="Easel",
    version="1.0.0",
    description="A hub of generative-AI models: a Civitai-compatible API to read, Easel's own to publish and moderate.",
    path="/schema",
    components=COMPONENTS,
    render_plugins=[JsonRenderPlugin(path="/openapi.json")],
    use_handler_docstrings=True,
)


def single_slashes(app: ASGIApp) -> ASGIApp:
    """Collapse repeated slashes in the path: some clients join addresses by hand."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and "//" in scope["path"]:
            while "//" in scope["path"]:
                scope["path"] = scope["path"].replace("//", "/")
            scope["raw_path"] = scope["path"].encode()
        await app(scope, receive, send)

    return middleware


def _always(value: T) -> Provide:
    def provide() -> T:
        return value

    provider: Callable[[], T] = provide
    return Provide(provider, sync_to_thread=False)


def create_app() -> Litestar:
    """The gateway's application."""
    settings = GatewaySettings()
    mongo = Mongo(settings, "gateway")
    kafka = Kafka(settings)
    store = Store(settings)
    accounts = Repository(mongo)
    sessions = Sessions(mongo, settings)
    cookies = Cookies(settings)
    cache = DocumentCache(settings.document_cache_bytes, settings.document_cache_seconds)
    peers = Peers(settings, cache)
    relay = RelayClient()
    grants = Grants(settings.secret.get_secret_value())
    rates = RateLimits(settings)
    outbox = Outbox(mongo, "gateway")
    gallery = Gallery(
        store, folder=settings.image_cache_dir, max_bytes=settings.image_cache_bytes, workers=settings.image_workers
    )
    app = create_service(
        "gateway",
        settings,
        public=True,
        components=[
            mongo,
            Bootstrap(settings, accounts),
            store,
            peers,
            relay,
            gallery,
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("changes", Broadcast(kafka, "easel.models.state", cache).run),
        ],
        routes=[*ROUTES, page_routes(settings, cookies)],
        middleware=[identify(Identification(accounts, sessions, cookies), rates)],
        dependencies={
            "accounts": _always(accounts),
            "actor": Provide(provide_actor, sync_to_thread=False),
            "caller": Provide(provide_caller, sync_to_thread=False),
            "hub_cookies": _always(cookies),
            "delivery": _always(Delivery(peers, store, grants, outbox, timedelta(hours=settings.download_hours))),
            "gallery": _always(gallery),
            "grants": _always(grants),
            "origin": Provide(origin_of, sync_to_thread=False),
            "outbox": _always(outbox),
            "passwords": _always(Passwords()),
            "peers": _always(peers),
            "rates": _always(rates),
            "relay": _always(relay),
            "sessions": _always(sessions),
            "settings": _always(settings),
            "single_sign_on": _always(SingleSignOn(settings)),
            "store": _always(store),
        },
        openapi=OPENAPI,
        plugins=[DeclaredRefusals()],
        exception_handlers={HTTPException: lost, Exception: lost},
        before_routing=lambda app: kept_documents(app, cache, rates, settings.public_url),
        cors=CORSConfig(allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["*"]),
    )
    # Before routing, which middleware is not.
    handler = single_slashes(compatible_http(app.asgi_handler, settings.public_url))
    if settings.proxies:
        handler = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", handler), settings.proxies))
    app.asgi_handler = handler
    return app
