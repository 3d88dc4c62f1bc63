"""The processes of a hub, in one table: who they are, how they start, which laptop port they answer on.

Read by `shared.serve` (what to run), the laptop's process manager, `easel doctor` and the tests of the manifests.
"""

from __future__ import annotations

import msgspec

PORT_STRIDE = 173
"""Distance between two laptop ports.

An odd prime, so that two hubs whose gateways are a round number apart (8000 and 8001, 8100, 9000 …) never meet.
"""


class Process(msgspec.Struct, frozen=True):
    """One process of the hub. `slot` times `PORT_STRIDE` above the gateway's port is its port on a laptop."""

    name: str
    module: str
    slot: int


SERVICES: tuple[Process, ...] = (
    Process("gateway", "services.gateway.app", 0),
    Process("catalog", "services.catalog.app", 1),
    Process("upload", "services.upload.app", 2),
    Process("scanner", "services.upload.scanner", 3),
    Process("search", "services.search.app", 4),
    Process("reviews", "services.reviews.app", 5),
    Process("planner", "services.render.app", 6),
    Process("renderer", "services.render.worker", 7),
    Process("moderation", "services.moderation.app", 8),
)

ENGINES: tuple[Process, ...] = (
    Process("mongo", "", 9),
    Process("kafka", "", 10),
    Process("s3", "", 11),
    Process("opensearch", "", 12),
    Process("supervisor", "", 13),
)

HIGHEST_GATEWAY_PORT = 65535 - PORT_STRIDE * max(process.slot for process in ENGINES)


def port_of(name: str, gateway_port: int) -> int:
    """The laptop port of a process or engine; raises KeyError for a name that is not in the table."""
    for process in SERVICES + ENGINES:
        if process.name == name:
            return gateway_port + PORT_STRIDE * process.slot
    raise KeyError(name)


def process_named(name: str) -> Process:
    """The service process of that name; raises KeyError for any other name."""
    for process in SERVICES:
        if process.name == name:
            return process
    raise KeyError(name)
