"""Fuzzes the scan engine: it must neither crash nor call clean what the real readers of a format cannot read.

`python -m tests.fuzz.scan_engine SECONDS [FOLDER]`; FOLDER keeps what was found between runs. Ends with the first
fault, whose input it leaves in the current folder as `crash-*`.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["services.upload.scan"]):
    # Those that are imported on first use, too.
    from services.upload.scan import agreement, content, embedded, member_checksums  # noqa: F401
    from services.upload.scan.scan import scan_stream

from tests.unit.upload_scan.oracles import require_readable

NAMES = (
    "a.pkl", "a.pt", "a.safetensors", "a.gguf", "a.onnx", "a.npy", "a.npz", "a.zip", "a.tar", "a.txt.gz", "a.txt.bz2",
    "a.txt.xz", "a.7z", "a.png", "a.jpg", "a.gif", "a.webp", "a.bmp", "a.json", "a.txt", "a",
)  # fmt: skip
SPOOL = Path(tempfile.gettempdir())


def one_input(data: bytes) -> None:
    """The first byte chooses the name, the rest is the file."""
    if not data:
        return
    name, content = NAMES[data[0] % len(NAMES)], data[1:]
    report = scan_stream([content], len(content), name, None, SPOOL)
    assert report.verdict in ("clean", "dangerous", "invalid"), report
    assert (report.verdict == "clean") == (not report.findings), report
    if report.verdict == "clean":
        require_readable(report, content)


def write_seeds(folder: Path) -> None:
    """The corpus of the tests, so that the fuzzer need not find the formats by itself."""
    from tests.unit.upload_scan.hostile_pickles import TRICKS
    from tests.unit.upload_scan.test_harmless import FILES, VALUES
    from tests.unit.upload_scan.test_hostile_containers import CASES
    from tests.unit.upload_scan.test_sevenzips import GOOD, HOSTILE

    files = [*FILES.values(), *CASES.values(), *((data, "a.pkl") for data in TRICKS.values())]
    files += [(pickle.dumps(value, protocol), "a.pkl") for value in VALUES.values() for protocol in (0, 2, 4, 5)]
    files += [(GOOD, "a.7z"), (HOSTILE, "a.7z")]
    for number, (data, name) in enumerate(files):
        suffix = "".join(Path(name).suffixes[-2:]) if name.endswith((".gz", ".bz2", ".xz")) else Path(name).suffix
        index = NAMES.index(f"a{suffix}") if f"a{suffix}" in NAMES else len(NAMES) - 1
        if len(data) <= 1 << 16:
            (folder / f"seed-{number:04}").write_bytes(bytes([index]) + data)


def main() -> None:
    """Fuzz for so many seconds."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch)
        corpus.mkdir(parents=True, exist_ok=True)
        write_seeds(corpus)
        arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=65536", "-timeout=60", "-rss_limit_mb=2048"]
        atheris.Setup([*arguments, str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
