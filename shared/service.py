"""What every process is: an HTTP application that is alive at once, ready when its engines are, and measured.

Engines are connected in the background with growing pauses, so a process starts in any order, waits by itself, and
comes back by itself. `/health/live` never asks an engine; `/health/ready` names each one that is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog
from litestar import Litestar, MediaType, Request, Response, get
from litestar.config.cors import CORSConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp, ControllerRouterHandler, Guard, Message, Receive, Scope, Send
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter

from shared.actor import Actor, actor_from
from shared.errors import exception_handlers
from shared.json_body import StrictRequest
from shared.request_metrics import measure_requests
from shared.settings import Settings
from shared.telemetry import CORRELATION_HEADER, LOOP_CRASHES, begin_correlation, configure_logging, logger

log = logger(__name__)
_CHECK_SECONDS = 2.5
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Component(Protocol):
    """Something a process needs: an engine's client, or a loop. `start` raises while it cannot be had."""

    name: str

    async def start(self) -> None:
        """Get it going; called again, with growing pauses, until it does not raise."""

    async def check(self) -> None:
        """Raise if it is not usable now."""

    async def stop(self) -> None:
        """Let it go."""


class Loop:
    """A background task that is started again, with growing pauses, when it raises."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._run = run
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._forever(), name=self.name)

    async def check(self) -> None:
        """Raise if the task has ended, which only a cancellation does."""
        if self._task is None or self._task.done():
            raise RuntimeError(f"loop {self.name} does not run")

    async def stop(self) -> None:
        """Cancel and wait."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _forever(self) -> None:
        def crashed(state: RetryCallState) -> None:
            LOOP_CRASHES.labels(self.name).inc()
            error = state.outcome.exception() if state.outcome else None
            log.warning("loop crashed, starting it again", loop=self.name, error=repr(error))

        while True:
            async for attempt in AsyncRetrying(wait=wait_exponential_jitter(0.2, max=5), after=crashed, reraise=True):
                with attempt:
                    await self._run()


class Components:
    """The components of one process, brought up in order in the background."""

    def __init__(self, components: Sequence[Component]) -> None:
        self._components = tuple(components)
        self._waiting: dict[str, str] = {component.name: "not started" for component in components}
        self._started: list[Component] = []
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start connecting; returns at once."""
        self._task = asyncio.create_task(self._bring_up(), name="components")

    async def _bring_up(self) -> None:
        for component in self._components:

            def waiting(state: RetryCallState, component: Component = component) -> None:
                error = state.outcome.exception() if state.outcome else None
                self._waiting[component.name] = f"{type(error).__name__}: {error}"[:300]
                if state.attempt_number in (1, 10) or state.attempt_number % 50 == 0:
                    log.warning("waiting", component=component.name, error=self._waiting[component.name])

            async for attempt in AsyncRetrying(wait=wait_exponential_jitter(0.1, max=2, jitter=0.2), after=waiting):
                with attempt:
                    await component.start()
            self._started.append(component)
            del self._waiting[component.name]
        log.info("ready")

    async def missing(self) -> dict[str, str]:
        """Each component that is not usable now, with the reason."""
        missing = dict(self._waiting)

        async def probe(component: Component) -> None:
            try:
                await asyncio.wait_for(component.check(), _CHECK_SECONDS)
            except Exception as error:  # whatever it is, it is the reason for not being ready
                missing[component.name] = f"{type(error).__name__}: {error}"[:300]

        await asyncio.gather(*(probe(component) for component in self._started))
        return missing

    def notes(self) -> dict[str, str]:
        """What components that are usable would rather have otherwise, by their `note`."""
        notes = ((component.name, getattr(component, "note", "")) for component in self._started)
        return {name: note for name, note in notes if note}

    async def end(self) -> None:
        """Stop everything, last started first."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for component in reversed(self._started):
            try:
                await asyncio.wait_for(component.stop(), 10)
            except Exception as error:  # the others must still be stopped
                log.warning("did not stop cleanly", component=component.name, error=repr(error))


@get("/health/live", sync_to_thread=False, opt={"open": True}, include_in_schema=False)
def live() -> dict[str, str]:
    """The process runs and its event loop turns."""
    return {"status": "live"}


@get("/health/ready", opt={"open": True}, include_in_schema=False)
async def ready(state: State) -> Response[dict[str, Any]]:
    """200 when every component is usable, else 503 and the reason for each that is not."""
    missing = await state.components.missing()
    answer: dict[str, Any] = {"status": "waiting" if missing else "ready", "missing": missing}
    if notes := state.components.notes():
        answer["notes"] = notes
    return Response(answer, status_code=503 if missing else 200)


@get("/metrics", sync_to_thread=False, opt={"open": True}, include_in_schema=False, media_type=MediaType.TEXT)
def metrics() -> Response[bytes]:
    """Prometheus exposition."""
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})


def correlation_middleware(app: ASGIApp) -> ASGIApp:
    """Take the caller's correlation id or make one; bind it for the logs, send it back. And what no answer is without:
    that a browser must not guess at types."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        structlog.contextvars.clear_contextvars()
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-correlation-id"), None)
        chosen = begin_correlation(given)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = list(message.get("headers", []))
                if all(name.lower() != _NO_SNIFFING[0] for name, _ in sent):
                    sent.append(_NO_SNIFFING)
                message["headers"] = [*sent, (CORRELATION_HEADER.encode(), chosen.encode())]
            await send(message)

        await app(scope, receive, send_with_id)

    return middleware


def log_changes(app: ASGIApp) -> ASGIApp:
    """Log each request that may change something and how it was answered. Its route, since some paths are secrets."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await app(scope, receive, send)
            return

        async def send_and_log(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("path_template", "unknown")
                log.info("answered", method=scope["method"], route=route, status=message["status"])
            await send(message)

        await app(scope, receive, send_and_log)

    return middleware


async def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """The `actor` parameter of an inner route."""
    return actor_from(request.headers)


def inside_only(token: str) -> Guard:
    """A guard: only services that know the hub's inner token may call. Health and metrics stay open."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if handler.opt.get("open"):
            return
        shown = connection.headers.get("authorization", "").encode()
        if not token or not hmac.compare_digest(shown, f"Bearer {token}".encode()):
            raise NotAuthorizedException("this address is for the hub's own services")

    return guard


def create_service(
    name: str,
    settings: Settings,
    *,
    components: Sequence[Component],
    routes: Sequence[ControllerRouterHandler] = (),
    state: dict[str, Any] | None = None,
    public: bool = False,
    openapi: OpenAPIConfig | None = None,
    cors: CORSConfig | None = None,
    before_routing: Callable[[ASGIApp], ASGIApp] | None = None,
    **options: Any,
) -> Litestar:
    """The application of one process. `public` is for the gateway, which authenticates people instead of services."""
    configure_logging(name, settings.log_level)
    token = settings.internal_token.get_secret_value()
    if not public and len(token) < 16:
        raise SystemExit(f"{name}: set EASEL_INTERNAL_TOKEN (16 characters or more, the same for every service)")
    parts = Components(components)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await parts.begin()
        try:
            yield
        finally:
            await parts.end()

    app = Litestar(
        route_handlers=[live, ready, metrics, *routes],
        lifespan=[lifespan],
        middleware=[measure_requests(name), *options.pop("middleware", [])],
        guards=[*([] if public else [inside_only(token)]), *options.pop("guards", [])],
        dependencies={**({} if public else {"actor": Provide(provide_actor)}), **options.pop("dependencies", {})},
        exception_handlers={**exception_handlers(), **options.pop("exception_handlers", {})},
        state=State({**(state or {}), "components": parts, "settings": settings}),
        openapi_config=openapi,
        request_class=StrictRequest,
        cors_config=cors,
        logging_config=None,
        **options,
    )
    handler = before_routing(app.asgi_handler) if before_routing is not None else app.asgi_handler
    handler = log_changes(handler) if public else handler
    app.asgi_handler = correlation_middleware(handler)  # before routing, so that a 404 or 405 has its id too
    return app
