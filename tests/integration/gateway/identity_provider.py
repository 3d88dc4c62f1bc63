"""A small OpenID provider over real HTTP, with a key of its own, that signs in whomever the test names."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from litestar import Litestar, Request, Response, get, post
from litestar.response import Redirect

CLIENT_ID = "easel"
CLIENT_SECRET = "a secret that the provider gave"


def new_key() -> RSAKey:
    """A key to sign with."""
    return RSAKey.generate_key(2048, parameters={"kid": secrets.token_hex(4), "use": "sig"})


@dataclass
class Provider:
    """Who is at the keyboard there, what is odd about its tokens, and what it has seen."""

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "p-1", "preferred_username": "mira"})
    changes: dict[str, Any] = field(default_factory=dict)
    """Claims that a bad provider would put instead of the right ones."""
    signs_with: RSAKey | None = None
    """Another key than the published one."""
    grants: dict[str, dict[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=new_key)

    def turn_key(self) -> None:
        """Sign with a new key from now on, and publish only that."""
        self.key = new_key()

    async def let_in(self, address: str) -> str:
        """What a browser does at `address` after the person has consented: the hub's address that it is sent to."""
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(address)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


def _app(provider: Provider) -> Litestar:
    @get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "jwks_uri": f"{provider.issuer}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }

    @get("/keys")
    async def keys() -> dict[str, Any]:
        return {"keys": [provider.key.as_dict(private=False)]}

    @get("/authorize")
    async def authorize(request: Request[Any, Any, Any]) -> Redirect:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_hex(8)
        provider.grants[code] = asked
        return Redirect(
            f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", status_code=302
        )

    @post("/token", status_code=200)
    async def token(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        form = await request.form()
        wanted = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = provider.grants.pop(str(form.get("code")), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        if (
            request.headers.get("authorization") != wanted
            or asked is None
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge.decode().rstrip("=") != asked["code_challenge"]
        ):
            return Response({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {
            "iss": provider.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            **provider.person, **provider.changes,
        }  # fmt: skip
        signer = provider.signs_with or provider.key
        signed = jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, signer)
        return Response({"access_token": secrets.token_hex(8), "token_type": "Bearer", "id_token": signed})

    return Litestar([discovery, keys, authorize, token], openapi_config=None)


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider on a free port, on a thread of its own."""
    provider = Provider()
    server = uvicorn.Server(uvicorn.Config(_app(provider), port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the provider did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    provider.issuer = f"http://127.0.0.1:{port}"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(10)
