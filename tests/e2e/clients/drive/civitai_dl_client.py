"""Drives civitai-dl, run by its own Python; the last line printed is what it found."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import civitai_dl.api.client as api
from civitai_dl.core.downloader import DownloadEngine


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Search, look up, download, and go on with a download that was cut."""
    api.CIVITAI_API_BASE = f"{given['base']}/api/v1/"
    client = api.CivitaiAPI(api_key=given.get("token"))
    headers = {"Authorization": f"Bearer {given['token']}"} if given.get("token") else {}
    url = client.get_download_url(given["version"])
    found: dict[str, Any] = {
        "listed": [item["id"] for item in client.get_models(limit=5, types=["Checkpoint", "LORA"])["items"]],
        "model": client.get_model(given["model"])["name"],
        "tags": [tag["name"] for tag in client.search_tags(given["tag"])],
        "url": url,
    }
    engine = DownloadEngine(output_dir="out", concurrent_downloads=1)
    # The name is not told: the client has to learn it from the hub.
    path = download(engine, url, headers, "from-the-caller.safetensors")
    found["path"] = str(path)
    if given["resume"]:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        found["resumed"] = str(download(engine, url, headers, path.name))
    engine.executor.shutdown()
    return found


def download(engine: DownloadEngine, url: str, headers: dict[str, str], name: str) -> Path:
    """The file once the task is over; the task's own `wait` returns before its thread has begun."""
    over = threading.Event()
    task = engine.download(
        url=url, output_path="out", filename=name, headers=headers, completion_callback=lambda _: over.set()
    )
    assert over.wait(60), "the download did not end"
    assert task.status == "completed", task.error
    return Path(task.file_path)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
