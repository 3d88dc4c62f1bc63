"""A broker for one test, on a port and in a bucket of its own."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from deploy.laptop.hub import CHECKOUT
from shared.engines.s3 import Store
from shared.settings import Settings


class OwnBroker:
    """A real broker process. `kill` is a power cut; what it had acknowledged is in its bucket when it starts again."""

    def __init__(self, engines: Mapping[str, str], port: int, log: Path) -> None:
        self.address = f"127.0.0.1:{port}"
        self._port = port
        self._log = log
        self.bucket = f"own-broker-{uuid4().hex[:10]}"
        self._environment = {
            "AWS_ACCESS_KEY_ID": engines["EASEL_S3_ACCESS_KEY"],
            "AWS_SECRET_ACCESS_KEY": engines["EASEL_S3_SECRET_KEY"],
            "AWS_ENDPOINT": engines["EASEL_S3_ENDPOINT"],
            "AWS_ALLOW_HTTP": "true",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Run it; returns when its port answers."""
        await Store(Settings()).make_bucket(self.bucket)
        command = [sys.executable, "-m", "deploy.laptop.broker", str(self._port), f"s3://{self.bucket}/"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=CHECKOUT)
        await asyncio.to_thread(self._wait)

    @retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True)
    def _wait(self) -> None:
        socket.create_connection(("127.0.0.1", self._port), timeout=1).close()

    def kill(self) -> None:
        """End it at once, if it runs."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals) -> None:
        """End it by a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None
