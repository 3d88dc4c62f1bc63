"""A real clamd with signatures of its own, for tests: Debian's package, installed or unpacked."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.debian import debian_program

_PACKAGES = ("clamav-daemon", "libclamav12", "libmspack0", "libjson-c5", "libncurses6")
EICAR = b"".join((b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-", b"ANTIVIRUS-TEST-", b"FILE!$H+H*"))
"""The test virus that every antivirus knows: harmless text. In parts, so that none of them finds it in this file."""
_LIMITS = """
StreamMaxLength {limit}
MaxFileSize {limit}
MaxScanSize 4095M
"""
_CONFIGURATION = """
LocalSocket {folder}/clamd.sock
TCPSocket {port}
TCPAddr 127.0.0.1
DatabaseDirectory {folder}/signatures
OfficialDatabaseOnly no
Foreground yes
TemporaryDirectory {folder}
LogFile {folder}/clamd.log
MaxScanTime 600000
AlertExceedsMax yes
"""


class RunningClamd(msgspec.Struct, frozen=True):
    """A clamd of the test's own."""

    folder: Path
    port: int

    @property
    def tcp(self) -> str:
        """Its address over TCP."""
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def unix(self) -> str:
        """Its address on this host."""
        return f"unix://{self.folder}/clamd.sock"

    def add_signature(self, name: str, body: bytes) -> None:
        """Let it know one sample more, and wait until it does."""
        with (self.folder / "signatures" / "test.ndb").open("a") as file:
            file.write(f"{name}:0:*:{body.hex()}\n")
        before = (self.folder / "clamd.log").read_text().count("Database correctly reloaded")
        self.ask(b"zRELOAD\0")

        @retry(stop=stop_after_delay(20), wait=wait_fixed(0.1), retry=retry_if_exception_type(AssertionError))
        def reloaded() -> None:
            assert (self.folder / "clamd.log").read_text().count("Database correctly reloaded") > before

        reloaded()

    def ask(self, command: bytes) -> bytes:
        """The answer to one command."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(command)
            return connection.recv(4_096)


@contextmanager
def running_clamd(folder: Path, *, limit: str = "2047M") -> Iterator[RunningClamd]:
    """Start clamd with EICAR as its one signature, on a Unix socket and on TCP. Skips where it cannot be had."""
    program = debian_program("clamd", *_PACKAGES)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        clamd = RunningClamd(folder, probe.getsockname()[1])
    (folder / "signatures").mkdir(parents=True)
    (folder / "signatures" / "test.ndb").write_text(f"Eicar-Test-Body:0:*:{EICAR.hex()}\n")
    configuration = folder / "clamd.conf"
    configuration.write_text((_CONFIGURATION + _LIMITS).format(folder=folder, port=clamd.port, limit=limit))
    libraries = ":".join(str(path) for path in (program.parents[1] / "lib").glob("*-linux-gnu"))
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries} if program.parts[1] != "usr" else None
    process = subprocess.Popen([program, f"--config-file={configuration}"], env=environment)

    @retry(stop=stop_after_delay(30), wait=wait_fixed(0.05), retry=retry_if_exception_type(OSError), reraise=True)
    def answers() -> None:
        if process.poll() is not None:
            raise RuntimeError(f"clamd ended with status {process.returncode}")
        assert clamd.ask(b"zPING\0") == b"PONG\0"

    try:
        answers()
        yield clamd
    finally:
        process.terminate()
        process.wait(20)
