"""Freeze what was added to the compatible API: `python -m tests.contracts.v1.freeze`. Refuses what breaks clients."""

from __future__ import annotations

import sys

import msgspec

from tests.contracts.v1.shapes import CHANGELOG, FROZEN_FILE, broken, current, load, unannounced


def main() -> int:
    """0 when the frozen file holds the shapes of now."""
    frozen, now = load(), current()
    wrong = broken(frozen.read_shapes(), now)
    wrong += [f"{name}: add a line about it to docs/api-changelog.md" for name in unannounced(
        frozen.read_shapes(), now, CHANGELOG.read_text()
    )]  # fmt: skip
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        return 1
    renewed = frozen.with_shapes(now)
    FROZEN_FILE.write_bytes(msgspec.json.format(msgspec.json.encode(renewed), indent=1) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
