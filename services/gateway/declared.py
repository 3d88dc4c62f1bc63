"""What a route says of itself: who may use it, for the guard and for the OpenAPI document at once."""

from __future__ import annotations

from typing import Any

from litestar.openapi.spec import Components, SecurityScheme

from services.gateway.domain.access import Requirement

_KEY = "key"
COMPONENTS = Components(
    security_schemes={
        _KEY: SecurityScheme(
            type="http", scheme="bearer", description="An API key. Those of one account may be limited to some scopes."
        )
    }
)


def needs(scope: Requirement) -> dict[str, Any]:
    """Arguments of a route that needs a scope; `public` takes a key but does not need one."""
    security: list[dict[str, list[str]]] = [{_KEY: [] if scope in ("public", "account") else [scope]}]
    return {"opt": {"scope": scope}, "security": [{}, *security] if scope == "public" else security}
