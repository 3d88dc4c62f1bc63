"""What a route says of itself: who may use it, for the guard and for the OpenAPI document at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from services.gateway.declared_queries import QUERIES
from services.gateway.domain.access import Requirement

_KEY = "key"
_HUB_TAGS = frozenset({"Publishing", "Community", "Collections", "Scanning", "Search", "Moderation", "Accounts"})
_TEXT, _OBJECT, _LIST = Schema(type=OpenAPIType.STRING), OpenAPIType.OBJECT, OpenAPIType.ARRAY
_FIELD = Schema(type=_OBJECT, properties={"field": _TEXT, "message": _TEXT}, required=["field", "message"])
_PROBLEM = Schema(
    type=_OBJECT,
    properties={
        "type": _TEXT, "title": _TEXT, "status": Schema(type=OpenAPIType.INTEGER), "detail": _TEXT,
        "correlationId": _TEXT, "errors": Schema(type=_LIST, items=_FIELD),
    },
    required=["type", "title", "status", "detail"],
)  # fmt: skip
_COMPATIBLE_ERROR = Schema(
    any_of=[
        Schema(type=_OBJECT, properties={"error": _TEXT, "code": _TEXT}, required=["error"]),
        Schema(type=_OBJECT, properties={"error": Schema(type=_OBJECT)}, required=["error"]),
        Schema(type=_OBJECT, properties={"message": _TEXT}, required=["message"]),
        Schema(type=_LIST, items=Schema(type=_OBJECT)),
    ]
)
_REFUSED_EARLY = Schema(type=_OBJECT, properties={"detail": _TEXT, "error": _TEXT}, required=["detail", "error"])
"""By the server itself, before it is known which address was meant."""
COMPONENTS = Components(
    responses={
        "Problem": OpenAPIResponse(
            description="What is wrong, with what, and what to do (RFC 9457).",
            content={"application/problem+json": OpenAPIMediaType(schema=_PROBLEM)},
        ),
        "CompatibleError": OpenAPIResponse(
            description="What is wrong, in the shape that the address has for it.",
            content={
                "application/json": OpenAPIMediaType(schema=_COMPATIBLE_ERROR),
                "application/problem+json": OpenAPIMediaType(schema=_REFUSED_EARLY),
                "text/plain": OpenAPIMediaType(schema=_TEXT),
            },
        ),
    },
    security_schemes={
        _KEY: SecurityScheme(
            type="http", scheme="bearer", description="An API key. Those of one account may be limited to some scopes."
        )
    },
)


@dataclass
class Declared(Operation):
    """An operation that declares how it is refused, instead of what the framework would answer."""

    def __post_init__(self) -> None:
        name = "Problem" if _HUB_TAGS & set(self.tags or ()) else "CompatibleError"
        kept = {status: answer for status, answer in (self.responses or {}).items() if not status.startswith("4")}
        self.responses = {**kept, "4XX": Reference(ref=f"#/components/responses/{name}")}


def _declared_with(query: list[Parameter]) -> type[Declared]:
    @dataclass
    class DeclaredWith(Declared):
        def __post_init__(self) -> None:
            super().__post_init__()
            self.parameters = [*(self.parameters or ()), *query]

    return DeclaredWith


class DeclaredRefusals(ReceiveRoutePlugin):
    """Makes every operation of the OpenAPI document a `Declared` one, with the query that its route reads by hand."""

    def receive_route(self, route: BaseRoute) -> None:
        """A route that was registered just now."""
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if handler.operation_class is Operation:
                query = QUERIES.get(route.path)
                handler.operation_class = _declared_with(query) if query else Declared


def needs(scope: Requirement) -> dict[str, Any]:
    """Arguments of a route that needs a scope; `public` takes a key but does not need one."""
    security: list[dict[str, list[str]]] = [{_KEY: [] if scope in ("public", "account") else [scope]}]
    return {"opt": {"scope": scope}, "security": [{}, *security] if scope == "public" else security}
