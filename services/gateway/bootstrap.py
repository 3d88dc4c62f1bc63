"""The first administrator: from the environment, from a file, or made now."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from services.gateway.domain.accounts import FIRST_ADMINISTRATOR
from services.gateway.domain.keys import looks_like_key
from services.gateway.repository import Repository
from services.gateway.settings import GatewaySettings
from shared.telemetry import logger

log = logger(__name__)


def _key_of(settings: GatewaySettings) -> str | None:
    if settings.admin_key is not None:
        key = settings.admin_key.get_secret_value()
        if not looks_like_key(key):
            raise SystemExit("EASEL_ADMIN_KEY must be 32 lower-case hexadecimal digits")
        return key
    if settings.admin_key_file is None:
        return None
    if settings.admin_key_file.exists():
        return settings.admin_key_file.read_text().strip()
    return _write_new(settings.admin_key_file)


def _write_new(path: Path) -> str:
    key = secrets.token_hex(16)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    return key


class Bootstrap:
    """A component: makes sure that the hub has an administrator whose key is known to its operator."""

    name = "first administrator"

    def __init__(self, settings: GatewaySettings, accounts: Repository) -> None:
        self._settings = settings
        self._accounts = accounts

    async def start(self) -> None:
        """Idempotent; raises while the database is away."""
        account = await self._accounts.find_account(FIRST_ADMINISTRATOR)
        if account is None:
            account = await self._accounts.create_account(FIRST_ADMINISTRATOR, "administrator")
        key = _key_of(self._settings)
        if key is None:
            log.warning("no administrator's key: set EASEL_ADMIN_KEY or EASEL_ADMIN_KEY_FILE")
            return
        await self._accounts.add_key(account.id, "first key", key)

    async def check(self) -> None:
        """Done once."""

    async def stop(self) -> None:
        """Nothing is held."""
