"""What a command says: results on stdout, everything else on stderr.

With `--json` stdout carries exactly one JSON document, also when the command fails, and stderr stays quiet unless
something went wrong. Without it, stdout carries tables and lines for people.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from cli.errors import CommandFailed

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]


class Progress(Protocol):
    """A count of bytes on its way to a total."""

    def advance(self, size_bytes: int) -> None:
        """Move on by that many bytes; negative when a failed attempt is taken back."""

    def reset(self, done_bytes: int) -> None:
        """Say how much is done in all."""


class Output:
    """Where a command speaks; `json_only` is the `--json` of that command."""

    def __init__(self, *, json_only: bool) -> None:
        self.json_only = json_only

    def document(self, document: object) -> None:
        """Print the one JSON document of a command run with `--json`; nothing without it."""
        if self.json_only:
            print_json(document)

    def line(self, text: str) -> None:
        """Print a result line for people (plain text, no markup)."""
        if not self.json_only:
            print(text)

    def note(self, text: str) -> None:
        """Tell a person what is going on, on stderr."""
        if not self.json_only:
            print(text, file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Tell of something wrong that does not stop the command, on stderr, also with `--json`."""
        print(f"warning: {text}", file=sys.stderr, flush=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "") -> None:
        """Print rows for people: a drawn table on a terminal, tab-separated lines into a pipe."""
        if self.json_only:
            return
        if not rows:
            if empty:
                print(empty)
            return
        if not sys.stdout.isatty():
            for row in rows:
                print("\t".join(" ".join(cell.split()) for cell in row))
            return
        # Imported here because rich costs more than all the rest of a command's start.
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, box=None, header_style="bold", pad_edge=False)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)

    @contextmanager
    def counting(self, label: str) -> Iterator[Counting]:
        """A bar on stderr while things are done one after the other; a terminal only."""
        if self.json_only or not sys.stderr.isatty():
            yield Counting()
            return
        from rich import progress as bar
        from rich.console import Console

        columns = (bar.TextColumn("{task.description}", markup=False), bar.BarColumn(), bar.MofNCompleteColumn())
        with bar.Progress(*columns, console=Console(stderr=True)) as bars:
            yield Counting(bars, bars.add_task(label, total=None))

    @contextmanager
    def progress(self, label: str, total_bytes: int, done_bytes: int = 0) -> Iterator[Progress]:
        """A bar on stderr while bytes move; a terminal only, since a log gains nothing from a moving bar."""
        if self.json_only or not sys.stderr.isatty():
            self.note(f"{label}: {size_text(total_bytes)}")
            yield SilentProgress()
            return
        from rich import progress as bar
        from rich.console import Console

        console = Console(stderr=True)
        columns = (
            bar.TextColumn("{task.description}", markup=False),
            bar.BarColumn(),
            bar.DownloadColumn(binary_units=True),
            bar.TransferSpeedColumn(),
            bar.TimeRemainingColumn(),
        )
        # Results may go on beside the bar: above it on the same terminal, untouched into a pipe.
        with bar.Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bars:
            task = bars.add_task(label, total=total_bytes, completed=done_bytes)
            yield BarProgress(bars, task)


class Counting:
    """A bar of things done, of how many; nothing where nobody watches."""

    def __init__(self, bars: RichProgress | None = None, task: TaskID | None = None) -> None:
        self._bars = bars
        self._task = task

    def show(self, done: int, total: int) -> None:
        """So many are done."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=done, total=total or None)


class SilentProgress:
    """Progress that nobody watches."""

    def advance(self, size_bytes: int) -> None:
        """Nothing to show."""

    def reset(self, done_bytes: int) -> None:
        """Nothing to show."""


class BarProgress:
    """Progress drawn by rich; safe to advance from several threads, as rich locks inside."""

    def __init__(self, bars: RichProgress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, size_bytes: int) -> None:
        """Move the bar; a negative size moves it back."""
        self._bars.advance(self._task, size_bytes)

    def reset(self, done_bytes: int) -> None:
        """Set the bar to that many bytes."""
        self._bars.update(self._task, completed=done_bytes)


def print_json(document: object) -> None:
    """Write one JSON document and a newline on stdout."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def print_failure(failure: CommandFailed, *, json_only: bool) -> None:
    """Say why a command failed: `{"error": problem}` on stdout with `--json`, else lines on stderr."""
    if json_only:
        print_json({"error": failure.problem()})
        return
    print(f"error: {failure.detail}", file=sys.stderr)
    if failure.hint:
        print(f"  {failure.hint}", file=sys.stderr)


def size_text(size_bytes: int) -> str:
    """A size for people, in binary units: `512 B`, `6.5 GiB`."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    size: float = size_bytes
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"
