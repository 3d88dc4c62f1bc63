"""Drives civitapy, run by its own Python; the last line printed is what it found."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from civitapy import models as schemas
from civitapy.client import CivitAIClient


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Every call that the package has for a hub, each answer through the package's own schema."""
    client = CivitAIClient(
        base_url=f"{given['base']}/api/v1",
        token=given.get("token"),
        download_dir="out",
        verify_hash=True,
        retry_count=2,
    )
    page = client.models_list(limit=5, types=["Checkpoint", "LORA"], query=given["word"])
    schemas.PaginationMetadata(**page["metadata"])
    found: dict[str, Any] = {"listed": [schemas.Model(**item).id for item in page["items"]]}
    schemas.PaginationMetadata(**client.models_list(limit=1)["metadata"])
    found["model"] = schemas.Model(**client.models_get(given["model"])).name
    version = schemas.ModelVersion(**client.model_versions_get(given["version"]))
    found["files"] = [file.name for file in version.files]
    if given["look_up"]:
        found |= asyncio.run(everything(client))
        found |= look_up(client, given)
    paths = [Path(path) for path in client.download_model_version(given["version"])]
    found["paths"] = [str(path) for path in paths]
    if given["resume"]:
        found["resumed"] = resume(client, given["version"], paths[0])
    return found


async def everything(client: CivitAIClient) -> dict[str, Any]:
    """Ids of all models, one to a page, by the package's own pager."""
    return {"all": [model.id async for model in client.models_list_paginated_async(limit=1)]}


def look_up(client: CivitAIClient, given: dict[str, Any]) -> dict[str, Any]:
    """By hash, singly and many at once; the short form; pictures."""
    sha256 = given["sha256"]
    images = client.images_list(limit=5, model_id=given["pictured"])["items"]
    return {
        "by_hash": schemas.ModelVersion(**client.model_versions_by_hash(sha256)).id,
        "unknown": client.model_versions_by_hash("0" * 64),
        "bulk": [schemas.ModelVersion(**each).id for each in client.model_versions_by_hash_bulk([sha256])],
        "ids": [each.model_dump() for each in hash_rows(client.model_versions_by_hash_ids([sha256]))],
        "mini": schemas.MiniModelVersion(**client.model_versions_mini(given["version"])).file_name,
        "images": [schemas.Image(**image).id for image in images],
    }


def hash_rows(rows: list[Any]) -> list[Any]:
    """The rows as the package types them, whether it has done so already or not."""
    return [row if isinstance(row, schemas.HashLookupResult) else schemas.HashLookupResult(**row) for row in rows]


def resume(client: CivitAIClient, version: int, path: Path) -> str:
    """Half of a file as an interrupted download leaves it, and the same download again."""
    data = path.read_bytes()
    path.with_name(path.name + ".part").write_bytes(data[: len(data) // 2])
    path.unlink()
    return str(client.download_model_version(version)[0])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1])), default=str))
