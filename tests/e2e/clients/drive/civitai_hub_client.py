"""Drives civitai-hub, run by its own Python; the last line printed is what it found."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import urlsplit

import civitai_hub
import civitai_hub.client as http

made = http.CivitaiClient.__init__


def lead_to(base: str) -> None:
    """It makes the address from a host's name, and trusts two of them."""

    def to_hub(self: Any, *args: Any, **more: Any) -> None:
        made(self, *args, **more)
        self.base_url = f"{base}/api/v1"

    http.CivitaiClient.__init__ = to_hub
    sys.modules["civitai_hub.download"].TRUSTED_HOSTS = (urlsplit(base).hostname,)


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Search, find by hash and by id, download one file and all of them."""
    lead_to(given["base"])
    token = given.get("token")
    info = civitai_hub.find_by_hash(given["sha256"], token=token)
    related = civitai_hub.find_base_models(given["model"], token=token, limit=100)
    everything = civitai_hub.download(given["model"], all=True, local_dir="out", cache_dir="cache", token=token)
    return {
        "searched": [model.id for model in civitai_hub.search(given["word"], limit=3, token=token)],
        "by_hash": [info.model.id, info.version.id],
        "related": [model.id for model in related.candidates],
        "one": str(civitai_hub.download(given["model"], cache_dir="other", token=token)),
        "all": [str(path) for path in everything],
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
