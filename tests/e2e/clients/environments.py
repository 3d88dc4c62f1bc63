"""Other people's clients, each in a virtual environment of its own at pinned versions, made once and kept."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements"
UV = Path(sys.executable).with_name("uv")
INSTALL_SECONDS = 300


class Environments:
    """All of them, made at the same time in threads; whoever needs one waits for that one alone."""

    def __init__(self, folder: Path) -> None:
        self._pool = ThreadPoolExecutor(thread_name_prefix="environment")
        self._made: dict[str, Future[Path]] = {
            path.stem: self._pool.submit(_make, folder, path) for path in sorted(REQUIREMENTS.glob("*.txt"))
        }

    def bin(self, client: str) -> Path:
        """The folder of this client's programs, its `python` among them."""
        return self._made[client].result() / "bin"

    def close(self) -> None:
        """Return when none is being made any more."""
        self._pool.shutdown()


def _make(folder: Path, requirements: Path) -> Path:
    """The environment of a client. Its name has a hash of what is in it, so that a change makes another."""
    mark = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    kept = folder / f"{requirements.stem}-{mark}"
    if kept.is_dir():
        return kept
    making = Path(tempfile.mkdtemp(prefix=f".{requirements.stem}-", dir=folder))
    _run(str(UV), "venv", "--quiet", "--relocatable", "--allow-existing", "--python", sys.executable, str(making))
    # The lists are complete: without their dependencies, nothing is resolved, and a user interface is left out.
    _run(str(UV), "pip", "install", "--quiet", "--no-deps", "--python", str(making), "-r", str(requirements))
    try:
        making.rename(kept)
    except OSError:  # another run was first
        shutil.rmtree(making)
    return kept


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
