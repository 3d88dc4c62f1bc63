"""Write the published contracts from the code, or check that the committed ones are those: `--check`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

DOCS = Path(__file__).parents[2] / "docs"


def openapi() -> dict[str, Any]:
    """The gateway's OpenAPI document."""
    os.environ.setdefault("EASEL_SECRET", "-" * 32)
    from services.gateway.app import create_app

    document: dict[str, Any] = create_app().openapi_schema.to_schema()
    return document


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document of the event backbone."""
    from shared.events.asyncapi import asyncapi_document

    return asyncapi_document()


def contracts() -> dict[Path, str]:
    """Each committed file and what it must hold."""
    made = {DOCS / "openapi.json": openapi(), DOCS / "asyncapi.json": asyncapi()}
    return {path: _text(document) for path, document in made.items()}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True, default=msgspec.to_builtins) + "\n"


def main() -> int:
    """0 when written, or when nothing differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    differing = [path for path, text in contracts().items() if not path.exists() or path.read_text() != text]
    if check:
        for path in differing:
            print(f"{path.name} is not what the code says: run `make contracts` and commit", file=sys.stderr)
        return bool(differing)
    for path, text in contracts().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
