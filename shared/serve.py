"""Run one process of the hub: `python -m shared.serve NAME`."""

from __future__ import annotations

import argparse
import importlib

import uvicorn

from shared.http_server import Protocol, PublicProtocol
from shared.processes import SERVICES, process_named
from shared.settings import Settings


def main() -> None:
    """Serve until SIGINT or SIGTERM; open requests are finished first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[process.name for process in SERVICES])
    name = parser.parse_args().name
    process = process_named(name)
    settings = Settings()
    app = importlib.import_module(process.module).create_app()
    uvicorn.run(
        app,
        http=PublicProtocol if name == "gateway" else Protocol,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the gateway believes those of EASEL_TRUSTED_PROXIES, nobody else any
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
