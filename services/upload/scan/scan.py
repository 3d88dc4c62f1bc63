"""One scan of one file: the bytes are read once and hashed on the way, then judged by the validator of their format.

What judges is loaded inside functions: a process that is started for one file then hashes while it loads.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from services.upload.scan import RULES_VERSION
from services.upload.scan.formats import Format, detect_format, safetensors_data_offset
from services.upload.scan.hashes import HashPipeline, Reader, fill, reader_of
from services.upload.scan.report import INFO, Analysis, Refusal, ScanReport, failed_report

if TYPE_CHECKING:
    from services.upload.scan.embedded import AlphaReader
    from services.upload.scan.safetensors import Header

Progress = Callable[[int], None]
"""Told the number of bytes read so far."""


def scan_file(
    path_or_fd: str | os.PathLike[str] | int,
    name: str,
    declared_type: str | None,
    *,
    spool_dir: Path | None = None,
    progress: Progress | None = None,
    additions: frozenset[tuple[str, str]] = frozenset(),
) -> ScanReport:
    """Scan a local regular file, by path or by an open descriptor (which stays open).

    Args:
        name: the name it was uploaded under; the path's own name is not looked at.
        declared_type: the file's type in the API's words, e.g. "Model"; None for a file of one's own, no upload.
        spool_dir: where large members of archives are unpacked for inspection; the system's own place by default.
        additions: imports of pickles, as (module, name), that are allowed beside the engine's own list.

    Raises:
        OSError: the file cannot be read. What is wrong inside the file is in the report instead.
    """
    with open(path_or_fd, "rb", buffering=0, closefd=not isinstance(path_or_fd, int)) as file:
        before = os.fstat(file.fileno())
        file.seek(0)
        work = _Work(
            read=lambda view: file.readinto(view) or 0,
            size_bytes=before.st_size,
            name=name,
            declared_type=declared_type,
            spool_dir=spool_dir or Path(tempfile.gettempdir()),
            progress=progress,
            whole=cast(BinaryIO, file),
            analysis=Analysis(additions),
        )
        report = work.run()
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return failed_report(before.st_size, "scan.changed", "The file changed while it was scanned. Scan it again.")
    return report


def scan_stream(
    source: Reader | Iterable[bytes],
    size_bytes: int,
    name: str,
    declared_type: str | None,
    spool_dir: Path,
    *,
    progress: Progress | None = None,
    additions: frozenset[tuple[str, str]] = frozenset(),
) -> ScanReport:
    """Scan a stream that is read once, in constant memory.

    Headers are kept from the head of the stream. A format that needs random access is written to a nameless file in
    `spool_dir` during the same pass, which the system removes with the process at the latest.

    Args:
        source: fills a view and says how many bytes it put there (0 at the end), or yields chunks of bytes.
        size_bytes: how long the stream must be; one that is shorter or longer is invalid.
        additions: imports of pickles, as (module, name), that are allowed beside the engine's own list.

    Raises:
        OSError: the spool cannot be written. Whatever `source` raises passes through.
    """
    read = source if callable(source) else reader_of(source)
    analysis = Analysis(additions)
    return _Work(read, size_bytes, name, declared_type, spool_dir, progress, analysis=analysis).run()


def open_spool(folder: Path) -> BinaryIO:
    """A private file without a name: the system removes it when it is closed, also by the end of the process."""
    return cast(BinaryIO, tempfile.TemporaryFile(dir=folder, buffering=0))


def _rules_version(additions: frozenset[tuple[str, str]]) -> str:
    if not additions:
        return RULES_VERSION
    from services.upload.scan.additions import rules_version

    return rules_version(additions)


@dataclass
class _Work:
    """The state of one scan."""

    read: Reader
    size_bytes: int
    name: str
    declared_type: str | None
    spool_dir: Path
    progress: Progress | None = None
    whole: BinaryIO | None = None
    """The file itself where there is one; else the spool, once the format is known to need it."""
    head: bytearray = field(default_factory=bytearray)
    analysis: Analysis = field(default_factory=Analysis)
    found: Format = "unknown"
    _needed: int | None = None
    _spool: BinaryIO | None = None
    _header: Header | None = None
    _alphas: AlphaReader | None = None
    _tensors_sha256: str | None = None

    def run(self) -> ScanReport:
        with ExitStack() as stack:
            hashes, read_bytes = self._pass(stack)
            if read_bytes != self.size_bytes:
                ending = f"ended after {read_bytes}" if read_bytes < self.size_bytes else "went on"
                message = f"The file should have {self.size_bytes} bytes, but {ending}. Upload it again."
                self.analysis.add("file.size", "", message)
                hashes = {}
            else:
                self._judge()
        if self.found != "safetensors" or self.analysis.facts is None:
            hashes.pop("AutoV3", None)
        return ScanReport(
            verdict=self.analysis.verdict,
            format=self.found,
            size_bytes=self.size_bytes,
            hashes=hashes,
            # What condemns the file comes first, also where only one finding is shown.
            findings=tuple(sorted(self.analysis.findings, key=lambda found: found.code.startswith(INFO))),
            imports=tuple(self.analysis.imports),
            facts=self.analysis.facts,
            rules_version=_rules_version(self.analysis.additions),
        )

    def _pass(self, stack: ExitStack) -> tuple[dict[str, str], int]:
        """Read everything once: hash it, keep what the judgement needs. Stops soon after a stream that is too long."""
        with HashPipeline() as pipeline:
            while block := fill(self.read, pipeline.free_block()):
                is_first = not pipeline.size_bytes
                if is_first:
                    self.found = detect_format(block, self.size_bytes)
                    if self.found == "safetensors":
                        pipeline.count_tensors_from(safetensors_data_offset(block))
                    if self.found == "zip" and self.whole is not None:
                        self._checksum_members(pipeline, self.whole, len(block))
                pipeline.submit(block)
                if is_first:
                    self._prepare(stack, block)
                self._keep(block, pipeline.size_bytes - len(block))
                if self.progress is not None:
                    self.progress(pipeline.size_bytes)
                if pipeline.size_bytes > self.size_bytes:
                    break
            if not pipeline.size_bytes:
                self.found = "empty"
            hashes = pipeline.finish()
            self._tensors_sha256 = pipeline.tensors_sha256
            return hashes, pipeline.size_bytes

    def _prepare(self, stack: ExitStack, block: memoryview) -> None:
        """Load what will judge, and see what it needs, while the first block is being hashed."""
        from services.upload.scan.content import NEEDS_WHOLE, READ_TWICE, header_bytes
        from services.upload.scan.pickles import load_second_reader

        self._needed = header_bytes(self.found, block)
        if self.found in NEEDS_WHOLE and self.whole is None:
            self.whole = self._spool = stack.enter_context(open_spool(self.spool_dir))
        if self.found in READ_TWICE:
            load_second_reader()

    def _checksum_members(self, pipeline: HashPipeline, file: BinaryIO, position: int) -> None:
        """Have the members' checksums taken on the way, so that large archives are not read a second time."""
        from services.upload.scan.member_checksums import MemberChecksums
        from services.upload.scan.zips import read_members

        try:
            checksums = MemberChecksums(read_members(file, self.size_bytes))
        except Refusal:
            return  # the judgement comes to the same end, and says it
        finally:
            file.seek(position)
        self.analysis.checksums = checksums.found
        pipeline.observe(checksums.update)

    def _keep(self, block: memoryview, position: int) -> None:
        if self._needed is not None and len(self.head) < self._needed:
            self.head += block[: self._needed - len(self.head)]
            if self.found == "safetensors" and len(self.head) == self._needed:
                self._read_header()
        if self._alphas is not None:
            self._alphas.see(position, block)
        while self._spool is not None and block:
            block = block[self._spool.write(block) :]

    def _read_header(self) -> None:
        """As soon as the header is there, so that small tensors can be read while they pass."""
        from services.upload.scan.embedded import AlphaReader
        from services.upload.scan.safetensors import parse_header

        try:
            self._header = parse_header(self.head, self.size_bytes)
        except (Refusal, MemoryError):
            return  # the judgement comes to the same end, and says it
        self._alphas = AlphaReader(self._header, len(self.head))

    def _judge(self) -> None:
        """Content first, so that what a mislabelled file really holds is known, then name and type."""
        from services.upload.scan.agreement import check_agreement
        from services.upload.scan.content import Budget, Inspection
        from services.upload.scan.embedded import compare_hashes

        try:
            inspection = Inspection(self.analysis, self.spool_dir, Budget(), is_own=self.declared_type is None)
            if self._header is not None and self._alphas is not None:
                inspection = replace(inspection, header=self._header, alphas=self._alphas.found)
            if self._needed is not None:
                self.found = inspection.judge_header(self.found, self.head, self.size_bytes, self.name)
            elif self.whole is not None and self.found != "empty":
                self.found = inspection.judge(self.found, self.whole, self.size_bytes, self.name)
            if self.found == "safetensors" and self.analysis.facts is not None:
                self.analysis.facts = compare_hashes(self.analysis.facts, self._tensors_sha256)
        except Refusal as refusal:
            self.analysis.add_refusal(refusal)
            if self.found == "zip":
                return  # what sort of zip it is was not settled, so nothing can be said of its name
        except MemoryError:
            # Our own limit on memory, which no honest header or pickle comes near.
            self.analysis.add("limits.memory", "", "The file needs more memory to inspect than any model does.")
        try:
            check_agreement(self.name, self.declared_type, self.found)
        except Refusal as refusal:
            self.analysis.add_refusal(refusal)
