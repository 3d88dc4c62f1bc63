"""Which `EASEL_*` names the code reads: asked of the settings classes themselves."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

from pydantic_settings import BaseSettings

from shared.processes import SERVICES

SECRET_NAMES = {
    "MONGO_URL", "KAFKA_PASSWORD", "INTERNAL_TOKEN", "S3_ACCESS_KEY", "S3_SECRET_KEY", "OPENSEARCH_PASSWORD", "SECRET",
    "ADMIN_KEY", "RATE_LIMIT_STORAGE", "OIDC_CLIENT_SECRET",
}  # fmt: skip
"""Keys of the Secret `easel-secrets`: never literal in a manifest."""


def _exists(module: str) -> bool:
    return find_spec(module) is not None


def settings_module_of(process: str) -> str:
    """The settings module of a process: its service's own, or the shared one while there is none."""
    for entry in SERVICES:
        if entry.name == process:
            own = entry.module.rsplit(".", 1)[0] + ".settings"
            return own if _exists(own) else "shared.settings"
    return "shared.settings"


def settings_classes(module: str) -> list[type[BaseSettings]]:
    """The settings classes that a module defines, in the order of their names."""
    found = vars(import_module(module)).values()
    return [
        entry
        for entry in found
        if isinstance(entry, type) and issubclass(entry, BaseSettings) and entry.__module__ == module
    ]


@cache
def known_settings() -> frozenset[str]:
    """Every name, with its `EASEL_` prefix, that a process of the hub reads."""
    modules = {"shared.settings", *(settings_module_of(process.name) for process in SERVICES)}
    names = {
        f"{settings.model_config.get('env_prefix', '')}{field}".upper()
        for module in modules
        for settings in settings_classes(module)
        for field in settings.model_fields
    }
    return frozenset(names)
