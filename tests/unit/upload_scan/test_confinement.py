"""What the process that reads hostile bytes cannot do, tried in one that is confined like it."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from services.upload.confined import Confined
from services.upload.scan.check import missing_confinement
from services.upload.scan.seccomp import CALLS, program
from shared.service import Components

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is tried here is kept off on Linux only")

PREPARE = """
import ctypes, json, os, pathlib, signal, socket, subprocess, sys, tempfile, threading
from services.upload.scan import confinement, landlock, seccomp

folder = pathlib.Path(sys.argv[1])

def confine(memory_bytes=1 << 30, timeout_seconds=10):
    spool = folder / "spool"
    return confinement.confine(
        memory_bytes=memory_bytes, timeout_seconds=timeout_seconds, parent=os.getppid(), spool_dir=spool
    )

def outcome(action):
    try:
        action()
    except Exception as error:
        return type(error).__name__
    return "done"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    (tmp_path / "secret").write_text("key")
    return tmp_path


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", PREPARE + textwrap.dedent(code), str(folder)],
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def outcomes(folder: Path, code: str) -> dict[str, str]:
    ran = run(folder, code)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str] = json.loads(ran.stdout)
    return found


def lacks(folder: Path) -> list[str]:
    ran = run(folder, "print(json.dumps(confine()))")
    found: list[str] = json.loads(ran.stdout)
    return found


@pytest.fixture
def full(folder: Path) -> None:
    """Skip where the kernel cannot keep everything off; CI's can."""
    if missing := lacks(folder):
        pytest.skip("; ".join(missing))


TRIED = """
libc = ctypes.CDLL(None, use_errno=True)
def raw(number, *values):
    if libc.syscall(number, *values) < 0:
        raise OSError(ctypes.get_errno(), "")
tried = {
    "tcp": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "unix": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "a pair": lambda: socket.socketpair(),
    "write a new file": lambda: (folder / "new").write_text("x"),
    "write a file in the spool folder": lambda: (folder / "spool" / "new").write_text("x"),
    "write over a file": lambda: os.open(folder / "secret", os.O_WRONLY),
    "append to a file": lambda: os.open(folder / "secret", os.O_WRONLY | os.O_APPEND),
    "cut a file": lambda: os.open(folder / "secret", os.O_RDONLY | os.O_TRUNC),
    "remove a file": lambda: os.unlink(folder / "secret"),
    "rename a file": lambda: os.rename(folder / "secret", folder / "other"),
    "link a file": lambda: os.link(folder / "secret", folder / "other"),
    "make a folder": lambda: os.mkdir(folder / "new"),
    "read a file": lambda: (folder / "secret").read_text(),
    "read the environment of another": lambda: open(f"/proc/{os.getppid()}/environ", "rb"),
    "list a folder": lambda: os.listdir(folder),
    "fork": lambda: os.fork(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "start a program": lambda: subprocess.run(["/bin/true"]),
    "kill another": lambda: os.kill(os.getppid(), 0),
    "change permissions": lambda: os.chmod(folder / "secret", 0o777),
    "change an owner": lambda: os.setuid(12345),
    "mount": lambda: raw(165, b"none", b"/", b"tmpfs", 0, 0) if libc.mount(b"none", b"/", b"tmpfs", 0, 0) else None,
    "trace": lambda: raw(101, 16, os.getppid(), 0, 0) if sys.platform == "linux" else None,
    "new namespaces": lambda: raw(272, 0x10000000),
    "io_uring": lambda: raw(425, 1, ctypes.create_string_buffer(120)),
    "openat2": lambda: raw(437, -100, str(folder / "secret").encode(), ctypes.create_string_buffer(24), 24),
    "raise a limit of another": lambda: raw(302, os.getppid(), 7, ctypes.create_string_buffer(16), 0),
}
"""


def test_it_has_no_network_no_files_and_no_other_process(folder: Path, full: None) -> None:
    found = outcomes(
        folder, TRIED + "confine()\nprint(json.dumps({name: outcome(action) for name, action in tried.items()}))"
    )
    assert set(found.values()) == {"PermissionError"}, found
    assert sorted(path.name for path in folder.iterdir()) == ["secret", "spool"]
    assert (folder / "secret").read_text() == "key"


def test_without_confinement_the_same_things_can_be_done(folder: Path) -> None:
    """The test above would not fail for the right reason if they could not be done anyway."""
    names = ["tcp", "udp", "unix", "write a new file", "write over a file", "read a file", "start a program"]
    found = outcomes(folder, TRIED + f"print(json.dumps({{name: outcome(tried[name]) for name in {names}}}))")
    assert set(found.values()) == {"done"}


def test_it_can_do_what_a_scan_needs(folder: Path) -> None:
    found = outcomes(
        folder,
        """
        opened = open(folder / "secret", "rb")
        def spool():
            with tempfile.TemporaryFile(dir=folder / "spool") as file:
                file.write(b"x" * 100_000)
                file.seek(0)
                file.truncate(10)
                assert file.read() == b"x" * 10
        def thread():
            done = []
            threads = [threading.Thread(target=done.append, args=(1,)) for _ in range(3)]
            [t.start() for t in threads], [t.join() for t in threads]
            assert len(done) == 3
        confine()
        print(json.dumps({
            "read what is open": outcome(lambda: opened.read()),
            "spool": outcome(spool),
            "threads": outcome(thread),
            "memory": outcome(lambda: bytearray(200 << 20)),
            "a module": outcome(lambda: __import__("encodings.cp437") and __import__("tarfile")),
            "randomness": outcome(lambda: os.urandom(8)),
        }))
        """,
    )
    assert set(found.values()) == {"done"}, found
    assert list((folder / "spool").iterdir()) == []


def test_a_spool_folder_without_nameless_files_gets_named_ones_that_are_removed(folder: Path, full: None) -> None:
    found = outcomes(
        folder,
        """
        confinement._has_nameless_files = lambda _: False
        tempfile._O_TMPFILE_WORKS = False
        confine()
        def spool():
            with tempfile.TemporaryFile(dir=folder / "spool") as file:
                file.write(b"x")
        print(json.dumps({
            "spool": outcome(spool),
            "elsewhere": outcome(lambda: (folder / "new").write_text("x")),
            "read": outcome(lambda: (folder / "secret").read_text()),
            "remove": outcome(lambda: (folder / "secret").unlink()),
        }))
        """,
    )
    refused = "PermissionError"
    assert found == {"spool": "done", "elsewhere": refused, "read": refused, "remove": refused}
    assert list((folder / "spool").iterdir()) == []


def test_memory_over_the_limit_cannot_be_had(folder: Path) -> None:
    found = outcomes(
        folder, 'confine(memory_bytes=256 << 20)\nprint(json.dumps({"m": outcome(lambda: bytearray(300 << 20))}))'
    )
    assert found == {"m": "MemoryError"}


def test_it_is_killed_when_its_processor_time_is_over(folder: Path) -> None:
    ran = run(folder, "confine(timeout_seconds=0)\nwhile True: pass")
    assert ran.returncode in (-signal.SIGXCPU, -signal.SIGKILL)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("confinement.restrict_files", "can read this account's files (not here)"),
        ("confinement.restrict_calls", "can use the network and start programs (not here)"),
    ],
)
def test_what_the_kernel_does_not_offer_is_said(folder: Path, broken: str, sentence: str) -> None:
    ran = run(
        folder,
        f"""
        def missing(*_, **__): raise OSError(38, "not here")
        {broken} = missing
        print(json.dumps(confine()))
        """,
    )
    (found,) = json.loads(ran.stdout)
    assert sentence in found


def test_a_machine_is_tried_by_a_process_of_its_own(folder: Path) -> None:
    assert missing_confinement(folder / "spool") == lacks(folder)


async def test_what_is_lacking_is_a_note_of_the_scanners_health(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.upload.confined.missing_confinement", lambda _: ["no Landlock", "no seccomp"])
    components = Components([Confined(folder)])
    await components.begin()
    try:
        async for attempt in AsyncRetrying(stop=stop_after_delay(10), wait=wait_fixed(0.01), reraise=True):
            with attempt:
                assert components.notes() == {"confinement": "no Landlock; no seccomp"}
        assert await components.missing() == {}
    finally:
        await components.end()


@pytest.mark.parametrize("machine", sorted(CALLS))
def test_the_numbers_are_those_of_libseccomp(machine: str) -> None:
    try:
        resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name_arch
    except OSError:
        pytest.skip("libseccomp is not installed")
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    assert CALLS[machine] == {name: resolve(architecture, name.encode()) for name in CALLS[machine]}


@pytest.mark.parametrize("machine", sorted(CALLS))
@pytest.mark.parametrize("may_name_files", [True, False])
def test_every_jump_of_the_filter_lands_inside_it(machine: str, may_name_files: bool) -> None:
    code = program(machine, may_name_files=may_name_files)
    assert len(code) < 4096
    assert all(
        at + 1 + max(there, otherwise) < len(code)
        for at, (kind, there, otherwise, _) in enumerate(code)
        if kind == 0x15
    )


def test_a_container_without_capabilities_and_without_new_privileges_is_enough(full: None, folder: Path) -> None:
    """As deploy/compose.yaml and the manifests start it."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("needs setpriv (util-linux)")
    prefix = [setpriv, "--no-new-privs", "--inh-caps=-all", *(["--bounding-set=-all"] if os.geteuid() == 0 else [])]
    ran = subprocess.run(
        [*prefix, sys.executable, "-P", "-m", "services.upload.scan.confinement", str(folder / "spool")],
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, json.loads(ran.stdout or "null")) == (0, []), ran.stderr
