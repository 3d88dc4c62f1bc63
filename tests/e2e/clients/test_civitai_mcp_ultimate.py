"""civitai-mcp-ultimate 0.2.0: an MCP server with repeated keys, `ids`, and texts that stumble over nulls."""

from __future__ import annotations

import pytest

from tests.e2e.clients import faults
from tests.e2e.clients.conftest import ClientFailed, Drive, Shelf
from tests.e2e.clients.proxy import Proxy
from tests.e2e.conftest import Shared
from tests.hub_driver import HubDriver

ERRORS = ("error", "timed out", "Rate limited", "not found", "No models found")


@pytest.mark.parametrize("with_key", [False, True])
def test_every_tool_has_something_to_say(
    hub: HubDriver, drive: Drive, shelf: Shelf, shapes: Shared, with_key: bool
) -> None:
    hub.wait_previews(shapes.version_id)
    pier, harbour = shelf.pier, shelf.harbour
    calls = {
        "by type": ("search_models", {"types": ["Checkpoint", "LORA"], "limit": 100, "sort": "Newest"}),
        "by id": ("search_models", {"ids": [pier.model_id, harbour.model_id]}),
        "licence": (
            "search_models",
            {"types": ["LORA"], "tag": "harbour", "primary_file_only": True, "allow_no_credit": True,
             "allow_derivatives": True, "allow_different_licenses": True, "nsfw": True, "limit": 100},
        ),
        "top": ("get_top_loras", {"base_model": "SDXL 1.0", "limit": 100}),
        "model": ("get_model", {"model_id": pier.model_id}),
        "version": ("get_model_version", {"version_id": pier.version_id}),
        "hash": ("get_model_version_by_hash", {"hash": pier.sha256()}),
        "download": ("get_download_info", {"model_id": pier.model_id, "comfyui_path": "/comfy/models"}),
        "images": ("get_model_images", {"model_id": shapes.model_id, "limit": 2}),
        "browse": (
            "browse_images",
            {"model_version_id": shapes.version_id, "browsing_level": "PG,PG-13", "content_type": "image",
             "has_meta": True, "page": 1, "nsfw": "Soft"},
        ),
        "tags": ("get_tags", {"query": "harbour"}),
        "creators": ("get_creators", {"query": pier.creator}),
    }  # fmt: skip
    said = drive("civitai-mcp-ultimate", base=hub.url, token=shelf.key if with_key else None, calls=calls).found
    for name, text in said.items():
        assert not any(error in text for error in ERRORS), f"{name}: {text}"
    for name in ("by type", "by id"):
        assert f"**{pier.name}** (ID: {pier.model_id})" in said[name]
        assert f"**{harbour.name}** (ID: {harbour.model_id})" in said[name]
    assert "Total: 2" in said["by id"]
    for name in ("licence", "top"):
        assert f"(ID: {pier.model_id})" in said[name]
        assert f"(ID: {harbour.model_id})" not in said[name]
    assert "pier lights" in said["model"]
    for name in ("model", "version", "hash", "download"):
        assert pier.primary in said[name]
    assert f"SHA256: {pier.sha256().upper()}" in said["version"]
    assert f"{hub.url}/api/download/models/{pier.version_id}" in said["download"]
    for name in ("images", "browse"):
        assert "Cached previews" in said[name]
    assert "harbour" in said["tags"]
    assert said["creators"] == f"**{pier.creator}** — 2 models"


def test_it_notices_metadata_that_are_null(proxy: Proxy, drive: Drive, shelf: Shelf) -> None:
    calls = {"model": ("get_model", {"model_id": shelf.pier.model_id})}
    drive("civitai-mcp-ultimate", base=proxy.url, calls=calls)
    proxy.fault = faults.METADATA_NULL
    with pytest.raises(ClientFailed, match="NoneType"):
        drive("civitai-mcp-ultimate", base=proxy.url, calls=calls)
