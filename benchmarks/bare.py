"""The baseline of `benchmarks.api`: an application that does nothing but answer with bytes it was started with.

`python -m benchmarks.bare FILE PORT` serves it as the hub's services are served.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from litestar import Litestar, Response, get

from shared.serve import serve


class Prepared(msgspec.Struct, frozen=True):
    """One answer: what the hub said to the same request."""

    status: int
    headers: dict[str, str]
    body: bytes


def create_app(answers: dict[str, Prepared]) -> Litestar:
    """`/{key}` answers with what was prepared under the key."""

    @get("/{key:str}", sync_to_thread=False)
    def bare(key: str) -> Response[bytes]:
        """The prepared bytes."""
        found = answers[key]
        return Response(found.body, status_code=found.status, headers=found.headers)

    return Litestar(route_handlers=[bare], openapi_config=None, logging_config=None)


def main() -> None:
    """Serve until told to stop."""
    answers = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=dict[str, Prepared])
    serve(create_app(answers), "127.0.0.1", int(sys.argv[2]))


if __name__ == "__main__":
    main()
