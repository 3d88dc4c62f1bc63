"""Settings that every process shares, read from the environment only (`EASEL_*`); wrong values refuse to start."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the engines are and how this process is reached. A service adds its own in its `settings.py`."""

    model_config = SettingsConfigDict(env_prefix="EASEL_", frozen=True, extra="ignore")

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=1, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    mongo_url: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0")
    mongo_prefix: str = Field(default="easel", pattern=r"^[a-z][a-z0-9_]{0,30}$")
    """Databases are named `<prefix>_<service>`."""

    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: str | None = None
    kafka_session_timeout_ms: int = Field(default=45_000, ge=1_000)
    kafka_heartbeat_ms: int = Field(default=3_000, ge=100)
    kafka_replication: int = Field(default=1, ge=1)
    kafka_max_partitions: int = Field(default=48, ge=1)
    """Caps the partition counts of the contract; 1 or 2 is enough on one machine."""
    kafka_prefix: str = Field(default="", pattern=r"^[a-z0-9.-]{0,40}$")
    """Put before every topic and group, for several hubs (or test runs) on one cluster."""

    s3_endpoint: str = "http://127.0.0.1:9000"
    s3_public_url: str | None = None
    s3_public_names: bool = False
    """Where browsers and tools reach the store. Unset: the gateway relays its bytes."""
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    s3_prefix: str = Field(default="easel", pattern=r"^[a-z][a-z0-9-]{0,30}$")
    """Buckets are named `<prefix>-incoming`, `<prefix>-models` and `<prefix>-images`."""

    opensearch_url: str = "http://127.0.0.1:9200"
    opensearch_username: str | None = None
    opensearch_password: SecretStr | None = None

    internal_token: SecretStr = SecretStr("")
    """Bearer that services show each other; a service without one refuses to start."""
