"""Settings of the gateway."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self

import limits
from pydantic import Field, SecretStr, field_validator, model_validator

from shared.settings import Settings


class GatewaySettings(Settings):
    """Where the services are, who may come in and how often, and how the hub is seen from outside."""

    public_url: str | None = None
    """Base of absolute links, behind a proxy; https makes cookies Secure. Unset: the origin that the client used."""
    secret: SecretStr = SecretStr("")
    """Signs addresses of the store relay, and the tokens of page forms."""
    admin_key: SecretStr | None = None
    """The first administrator's API key, 32 lower-case hexadecimal digits."""
    admin_key_file: Path | None = None
    """Where a key is written (and read again) when EASEL_ADMIN_KEY is not set."""
    catalog_url: str = "http://127.0.0.1:8173"
    upload_url: str = "http://127.0.0.1:8346"
    search_url: str = "http://127.0.0.1:8692"
    reviews_url: str = "http://127.0.0.1:8865"
    render_url: str = "http://127.0.0.1:9038"
    moderation_url: str = "http://127.0.0.1:9384"
    download_hours: float = Field(default=24.0, gt=0)
    """How long a signed download address works: clients resume and fetch in parallel for hours."""
    image_cache_dir: Path | None = None
    """Where pictures are kept in the sizes that were asked for. Unset: a temporary folder of the process."""
    image_cache_bytes: int = Field(default=128 << 20, ge=1 << 20)
    """How much that folder holds; what was not used for longest goes first."""
    image_workers: int = Field(default=2, ge=1, le=32)
    """How many pictures are made smaller at the same time, each in a process of its own."""

    document_cache_bytes: int = Field(default=64 << 20, ge=0)
    """How much of the public documents that strangers read is kept in memory; 0 keeps nothing."""
    document_cache_seconds: float = Field(default=30.0, gt=0)
    """How long at most; a document is dropped as soon as its model changes."""

    sign_up: Literal["open", "closed"] = "closed"
    """Whether anybody can make an account on the page /sign-up."""
    sign_up_role: Literal["member", "creator"] = "creator"
    """The role of accounts that people make themselves, also by the identity provider."""
    session_days: float = Field(default=30.0, gt=0)
    """A browser that has not been back for so long must sign in again."""

    oidc_issuer: str | None = None
    """Identity provider (OpenID Connect) whose people may sign in; all three of EASEL_OIDC_* or none."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_name: str = "single sign-on"
    """What the sign-in page calls it."""

    rate_limit_anonymous: str = "600/minute"
    """For each address without a valid key (IPv6: each /64). `off`, or a notation like `10/second`."""
    rate_limit_key: str = "3000/minute"
    """For each account, by all its keys and sessions together."""
    rate_limit_sign_in: str = "10/minute"
    """Attempts to sign in or up, for each address."""
    rate_limit_guesses: str = "100/hour"
    """Wrong passwords for each name, from all addresses; then nobody signs in by that name for a while."""
    rate_limit_storage: SecretStr = SecretStr("async+memory://")
    """Where counts are kept. Several gateways share theirs in e.g. `async+mongodb://…` or `async+redis://…`."""
    rate_limit_downloads: str = "off"
    """Downloads of one account, or from one address without one, such as `200/day`."""
    blocked_networks: str = ""
    """Comma-separated addresses or networks that may not download."""
    downloads_need_login: bool = False
    """Whether every download needs an account, not only those whose creator asks for one."""
    trusted_proxies: str = ""
    """Comma-separated addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    @property
    def is_https(self) -> bool:
        """Whether people reach the hub by https."""
        return (self.public_url or "").startswith("https://")

    @property
    def blocked(self) -> list[str]:
        """The blocked networks, one by one."""
        return [entry.strip() for entry in self.blocked_networks.split(",") if entry.strip()]

    @property
    def proxies(self) -> list[str]:
        """The trusted proxies, one by one."""
        return [entry.strip() for entry in self.trusted_proxies.split(",") if entry.strip()]

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _origin_only(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("EASEL_SECRET must have 32 characters or more")
        return value

    @field_validator(
        "rate_limit_anonymous", "rate_limit_key", "rate_limit_sign_in", "rate_limit_guesses", "rate_limit_downloads"
    )
    @classmethod
    def _rate(cls, value: str) -> str:
        if value != "off":
            limits.parse(value)  # says what it could not read
        return value

    @field_validator("trusted_proxies", "blocked_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        for entry in value.split(","):
            if entry.strip():
                ipaddress.ip_network(entry.strip(), strict=False)
        return value

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        given = [self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret]
        if any(given) and not all(given):
            raise ValueError("set all of EASEL_OIDC_ISSUER, EASEL_OIDC_CLIENT_ID and EASEL_OIDC_CLIENT_SECRET, or none")
        return self
