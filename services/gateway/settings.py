"""Settings of the gateway."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from shared.settings import Settings


class GatewaySettings(Settings):
    """Where the services are, who the first administrator is, and how the hub is seen from outside."""

    public_url: str | None = None
    """Base of absolute links, behind a proxy. Unset: the origin that the client used."""
    secret: SecretStr = SecretStr("")
    """Signs addresses of the store relay."""
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

    @field_validator("public_url")
    @classmethod
    def _origin_only(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("EASEL_SECRET must have 32 characters or more")
        return value
