"""Where a laptop hub lives: its ports, its folder, its secrets, and the environment its processes start with."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.laptop import HOST
from shared.processes import HIGHEST_GATEWAY_PORT, SERVICES, port_of

__all__ = ["HOST", "SERVICE_NAMES", "Laptop", "LaptopSettings", "Secrets", "load_secrets"]


class LaptopSettings(BaseSettings):
    """`EASEL_PORT` is the gateway's port and decides all others; `EASEL_STATE` is the folder of everything it keeps."""

    model_config = SettingsConfigDict(env_prefix="EASEL_", frozen=True, extra="ignore")

    port: int = Field(default=8000, ge=1024, le=HIGHEST_GATEWAY_PORT)
    state: Path = Path(".easel")
    bind: str = HOST
    """The gateway's address: `0.0.0.0` to be reached from other machines. Everything else stays on this one."""
    kafka_session_ms: int = Field(default=6_000, ge=1_000)
    """How long the embedded broker waits for a silent reader; a first join takes half of it."""


class Secrets(msgspec.Struct, frozen=True):
    """Random secrets of one hub, made at its first start and readable by its owner alone."""

    s3_access_key: str
    s3_secret_key: str
    signing: str
    internal_token: str
    supervisor_password: str


def load_secrets(state: Path) -> Secrets:
    """The hub's secrets; made on first use."""
    path = state / "secrets.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    made = Secrets(secrets.token_hex(10), *(secrets.token_hex(32) for _ in range(4)))
    state.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(made))
    return made


class Laptop:
    """One hub on this machine."""

    def __init__(self, settings: LaptopSettings | None = None) -> None:
        self.settings = settings or LaptopSettings()
        self.state = self.settings.state.absolute()

    def port(self, name: str) -> int:
        """The port of a process or engine."""
        return port_of(name, self.settings.port)

    def url(self, name: str) -> str:
        """The address of a process on this machine."""
        return f"http://{HOST}:{self.port(name)}"

    @property
    def admin_key_file(self) -> Path:
        """Where the first start writes the administrator's key."""
        return self.state / "admin.key"

    def environment(self) -> dict[str, str]:
        """What every process starts with; values set by the caller win, so any engine can be somewhere else."""
        kept = load_secrets(self.state)
        session = self.settings.kafka_session_ms
        ours = {
            "EASEL_PORT": str(self.settings.port),
            "EASEL_STATE": str(self.state),
            "EASEL_MONGO_URL": f"mongodb://{HOST}:{self.port('mongo')}/?replicaSet=rs0",
            "EASEL_MONGO_INITIATE": f"{HOST}:{self.port('mongo')}",
            "EASEL_KAFKA_BOOTSTRAP": f"{HOST}:{self.port('kafka')}",
            "EASEL_KAFKA_SESSION_TIMEOUT_MS": str(session),
            "EASEL_KAFKA_HEARTBEAT_MS": str(session // 6),
            "EASEL_KAFKA_MAX_PARTITIONS": "1",
            "EASEL_S3_ENDPOINT": self.url("s3"),
            "EASEL_S3_ACCESS_KEY": kept.s3_access_key,
            "EASEL_S3_SECRET_KEY": kept.s3_secret_key,
            "EASEL_SEARCH_ENGINE": "embedded",
            "EASEL_SEARCH_DIR": str(self.state / "search-index"),
            "EASEL_OPENSEARCH_URL": self.url("opensearch"),
            "EASEL_INTERNAL_TOKEN": kept.internal_token,
            "EASEL_SECRET": kept.signing,
            "EASEL_ADMIN_KEY_FILE": str(self.admin_key_file),
            "EASEL_SPOOL_DIR": str(self.state / "spool"),
            "EASEL_CACHE_DIR": str(self.state / "cache"),
            "EASEL_IMAGE_CACHE_DIR": str(self.state / "pictures"),
            "EASEL_RENDER_CLASSES": "small,medium,large",
            "EASEL_RECONCILE_SECONDS": "15",
            "PYTHONUNBUFFERED": "1",
            **{f"EASEL_{peer.upper()}_URL": self.url(process) for peer, process in _PEERS.items()},
        }
        chosen = {
            name: value for name, value in os.environ.items() if name not in ("EASEL_HTTP_PORT", "EASEL_HTTP_HOST")
        }
        return ours | chosen | {"EASEL_STATE": str(self.state), "EASEL_PORT": str(self.settings.port)}

    def process_environment(self, name: str) -> dict[str, str]:
        """What one service process has beside the common environment."""
        host = self.settings.bind if name == "gateway" else HOST
        return {"EASEL_HTTP_PORT": str(self.port(name)), "EASEL_HTTP_HOST": host}


_PEERS = {
    "catalog": "catalog",
    "upload": "upload",
    "search": "search",
    "reviews": "reviews",
    "render": "planner",
    "moderation": "moderation",
}
SERVICE_NAMES = tuple(process.name for process in SERVICES)
