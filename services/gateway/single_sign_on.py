"""Signing in by an identity provider: what the browser carries there and back. The protocol is `openid_connect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from itsdangerous import BadData, URLSafeTimedSerializer

from services.gateway.domain.accounts import Identity
from services.gateway.settings import GatewaySettings
from shared.problems import Forbidden, NotFound

if TYPE_CHECKING:
    from services.gateway.openid_connect import IdentityProvider

JOURNEY_SECONDS = 600


class Journey(msgspec.Struct, frozen=True, array_like=True):
    """What a browser takes along in a signed cookie, so that nobody else's answer fits."""

    state: str
    nonce: str
    verifier: str
    after: str


class SingleSignOn:
    """The provider of `EASEL_OIDC_ISSUER`, if there is one."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.name = settings.oidc_name
        self._signer = URLSafeTimedSerializer(settings.secret.get_secret_value(), salt="easel-journey")
        self._provider: IdentityProvider | None = None
        if settings.oidc_issuer is not None:
            # Only now: a hub without a provider starts without a second HTTP client and its cryptography.
            from services.gateway.openid_connect import IdentityProvider

            self._provider = IdentityProvider(settings)

    @property
    def is_on(self) -> bool:
        """Whether there is a provider."""
        return self._provider is not None

    def _required(self) -> IdentityProvider:
        if self._provider is None:
            raise NotFound("This hub has no identity provider; sign in with a password.")
        return self._provider

    async def begin(self, redirect_uri: str, after: str) -> tuple[str, str]:
        """The provider's address to go to, and the cookie to take along. Unavailable while the provider is."""
        asked = await self._required().ask(redirect_uri)
        journey = Journey(asked.state, asked.nonce, asked.verifier, after)
        return asked.url, str(self._signer.dumps(msgspec.to_builtins(journey)))

    def resume(self, cookie: str | None, state: str) -> Journey:
        """The journey of a browser that comes back; Forbidden if it did not begin here, or too long ago."""
        self._required()
        try:
            found = self._signer.loads(cookie or "", max_age=JOURNEY_SECONDS)
        except BadData:
            raise Forbidden("This sign-in was not begun in this browser, or too long ago. Begin again.") from None
        journey = msgspec.convert(found, Journey)
        if state != journey.state:
            raise Forbidden("The identity provider's answer belongs to another sign-in. Begin again.")
        return journey

    async def finish(self, journey: Journey, code: str, redirect_uri: str) -> Identity:
        """Who came back. Forbidden if the provider's answer is not valid, Unavailable if there is none."""
        return await self._required().identify(code, redirect_uri, journey.nonce, journey.verifier)
