"""Run one process of the hub: `python -m shared.serve NAME`."""

from __future__ import annotations

import argparse
import importlib

import uvicorn
from litestar import Litestar

from shared.http_server import Protocol, PublicProtocol
from shared.processes import SERVICES, process_named
from shared.settings import Settings


def serve(app: Litestar, host: str, port: int, protocol: type[Protocol] = Protocol) -> None:
    """Serve an application, as every process of the hub does, until SIGINT or SIGTERM; open requests end first."""
    uvicorn.run(
        app,
        http=protocol,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the gateway believes those of EASEL_TRUSTED_PROXIES, nobody else any
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,
    )


def main() -> None:
    """Serve the process that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[process.name for process in SERVICES])
    name = parser.parse_args().name
    settings = Settings()
    app = importlib.import_module(process_named(name).module).create_app()
    protocol = PublicProtocol if name == "gateway" else Protocol
    serve(app, settings.http_host, settings.http_port, protocol)


if __name__ == "__main__":
    main()
