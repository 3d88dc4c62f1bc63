"""What Prometheus learns of each request: how many, how long, how they were answered.

The framework's own middleware makes a request object and looks four metrics up by all their labels for each request;
here the labels of an answer are looked up once, and the result is kept.
"""

from __future__ import annotations

import time
from functools import lru_cache

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Middleware, Receive, Scope, Send
from prometheus_client import Counter, Gauge, Histogram

_LABELS = ("method", "path", "status_code", "app_name")
_TOTAL = Counter("easel_requests_total", "Requests answered.", _LABELS)
_SECONDS = Histogram("easel_request_duration_seconds", "Time from a request to the end of its answer.", _LABELS)
_IN_PROGRESS = Gauge("easel_requests_in_progress", "Requests not answered yet.", ["app_name"])
_UNMEASURED = ("/health", "/metrics")


@lru_cache(maxsize=2_000)  # as many as there are; addresses of no route have no template
def _metrics_of(method: str, path: str, status: int, name: str) -> tuple[Counter, Histogram]:
    labels = (method, path, str(status), name)
    return _TOTAL.labels(*labels), _SECONDS.labels(*labels)


def note_request(name: str, method: str, path: str, status: int, seconds: float) -> None:
    """One request that process `name` answered; `path` is the route's template."""
    total, duration = _metrics_of(method, path, status, name)
    total.inc()
    duration.observe(seconds)


def measure_requests(name: str) -> Middleware:
    """The middleware: health checks and scrapes are not counted."""
    in_progress = _IN_PROGRESS.labels(name)

    def wrap(app: ASGIApp) -> ASGIApp:
        async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP or scope["path"].startswith(_UNMEASURED):
                await app(scope, receive, send)
                return
            began = time.perf_counter()
            status = 500

            async def send_and_note(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            in_progress.inc()
            try:
                await app(scope, receive, send_and_note)
            finally:
                in_progress.dec()
                note_request(name, scope["method"], scope["path_template"], status, time.perf_counter() - began)

        return middleware

    return wrap
