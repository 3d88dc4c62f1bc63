"""OpenID Connect by Authlib: discovery, authorization code with PKCE (RFC 7636), state and nonce, signed id_tokens."""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import BaseApp
from authlib.integrations.base_client.async_app import AsyncOAuth2Mixin
from authlib.integrations.base_client.async_openid import AsyncOpenIDMixin
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.errors import JoseError

from services.gateway.domain.accounts import Identity
from services.gateway.settings import GatewaySettings
from shared.problems import Forbidden, Unavailable

_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
"""Signatures by a key that only the provider has: never `none`, never one by a shared secret."""
_AWAY = "The identity provider does not answer as it should at the moment; try again, or sign in with a password."


class Asked(msgspec.Struct, frozen=True):
    """A question for the provider: where to go with it, and what its answer is checked against."""

    url: str
    state: str
    nonce: str
    verifier: str


class _Client(AsyncOAuth2Mixin, AsyncOpenIDMixin, BaseApp):  # type: ignore[misc] # Authlib has no types
    client_cls = AsyncOAuth2Client


class IdentityProvider:
    """One provider. Its metadata and keys are fetched when first needed, and its keys again for an unknown one."""

    def __init__(self, settings: GatewaySettings) -> None:
        assert settings.oidc_client_secret is not None
        self._issuer = settings.oidc_issuer
        self._client: Any = _Client(
            None,
            name=settings.oidc_name,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            server_metadata_url=f"{settings.oidc_issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "timeout": 10.0},
        )

    async def ask(self, redirect_uri: str) -> Asked:
        """A new question; Unavailable while the provider is away."""
        try:
            await self._load()
            made = await self._client.create_authorization_url(redirect_uri)
        except (httpx2.HTTPError, AuthlibBaseError, RuntimeError, ValueError) as error:
            raise Unavailable(_AWAY) from error
        return Asked(made["url"], made["state"], made["nonce"], made["code_verifier"])

    async def identify(self, code: str, redirect_uri: str, nonce: str, verifier: str) -> Identity:
        """Exchange the code for an id_token; its signature, issuer, audience, nonce and times are checked."""
        try:
            await self._load()
            token = await self._client.fetch_access_token(
                redirect_uri, code=code, code_verifier=verifier, grant_type="authorization_code"
            )
            claims = await self._client.parse_id_token(token, nonce)
        except (httpx2.HTTPError, RuntimeError) as error:
            raise Unavailable(_AWAY) from error
        except (AuthlibBaseError, JoseError, ValueError) as error:
            raise Forbidden(f"The identity provider's answer is not valid: {error}") from error
        if claims is None or not claims.get("sub"):
            raise Forbidden("The identity provider did not say who you are.")
        named = claims.get("preferred_username") or claims.get("nickname") or claims.get("name") or ""
        return Identity(issuer=str(claims["iss"]), subject=str(claims["sub"]), preferred_username=str(named))

    async def _load(self) -> None:
        metadata = await self._client.load_server_metadata()
        if str(metadata.get("issuer", "")).rstrip("/") != self._issuer:
            self._client.server_metadata.clear()
            raise RuntimeError(f"the provider calls itself {metadata.get('issuer')!r}, not {self._issuer!r}")
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = sorted(_ALGORITHMS.intersection(offered))
