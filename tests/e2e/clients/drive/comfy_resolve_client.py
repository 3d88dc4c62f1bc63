"""Drives comfy-resolve, run by its own Python; the last line printed is what it found."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from comfy_resolve.sources.civitai import CivitaiSource


def main(given: dict[str, Any]) -> dict[str, Any]:
    """What the resolver makes of each file name, the best hit first."""
    source = CivitaiSource(token=given.get("token"))
    source._api_base = f"{given['base']}/api/v1"
    return {
        name: [{"confidence": hit.confidence, **dataclasses.asdict(hit.source)} for hit in source.search(name, kind)]
        for name, kind in given["names"].items()
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
