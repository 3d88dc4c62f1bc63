"""Where the `easel` script begins.

`easel scan` with nothing but paths and `--json` goes straight to its work, and its process starts up beside it: the
library of the command line alone takes as long as scanning a checkpoint. Everything else is `cli.app`'s.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line's command; its exit code."""
    command, rest = sys.argv[1:2], sys.argv[2:]
    options = {word for word in rest if word.startswith("-")}
    if command == ["scan"] and options <= {"--json"} and len(rest) > len(options):
        return _scan(rest, json_lines=bool(options))
    from cli.app import main as run

    return run()


def _scan(words: list[str], *, json_lines: bool) -> int:
    from services.upload.scan.server import start_early

    start_early()
    from cli.ending import ended
    from cli.scanned import scan_paths

    paths = [word for word in words if word != "--json"]
    return ended(lambda: scan_paths(paths, json_lines=json_lines), json_only=json_lines)


if __name__ == "__main__":
    sys.exit(main())
