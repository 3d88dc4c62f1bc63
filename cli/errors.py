"""What can go wrong in a command, and the exit code each case has.

CommandFailed                 1   anything not named below
├── UsageInvalid              2   the arguments, or values the hub does not accept
├── NotFound                  3   no such model, version, hash, upload or key
├── RefusedByScan             4   the hub examined a file and will not publish it
├── NotAuthorised             5   no key, a wrong key, or a key that may not do this
├── HubUnavailable            6   no answer, or the hub says it cannot answer now
├── HashMismatch              7   bytes arrived that are not the bytes announced
├── WaitTimedOut              8   `--wait` or a retry gave up; the hub may still finish
└── Interrupted             130   Ctrl-C; the message says how to go on
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

PROBLEM_BASE = "https://easel.dev/problems/"
"""The hub uses the same prefix (`shared.problems`, which is too heavy to import here)."""


class ExitCode(IntEnum):
    """The exit codes of every `easel` command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    NOT_AUTHORISED = 5
    UNAVAILABLE = 6
    HASH_MISMATCH = 7
    TIMED_OUT = 8
    INTERRUPTED = 130


EXIT_CODE_HELP: Mapping[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "wrong arguments or values",
    ExitCode.NOT_FOUND: "not found",
    ExitCode.REFUSED: "refused by the scan",
    ExitCode.NOT_AUTHORISED: "not authorised",
    ExitCode.UNAVAILABLE: "hub unreachable or unavailable",
    ExitCode.HASH_MISMATCH: "hash mismatch",
    ExitCode.TIMED_OUT: "timed out waiting",
    ExitCode.INTERRUPTED: "interrupted",
}


class CommandFailed(Exception):
    """A command could not do what it was asked; carries what a person and a script need to know.

    `detail` says what happened and to what, `hint` what to do now, `status` is the hub's HTTP status when it
    answered, `extra` is merged into the JSON form (ids that remain, findings …).
    """

    exit_code = ExitCode.FAILED
    kind = "failed"
    title = "The command failed"

    def __init__(
        self,
        detail: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.status = status
        self.extra: dict[str, object] = dict(extra or {})

    def problem(self) -> dict[str, object]:
        """The error as an RFC 9457 problem with the extension members `exitCode`, `hint` and those of `extra`."""
        document: dict[str, object] = {"type": PROBLEM_BASE + self.kind, "title": self.title, "detail": self.detail}
        if self.status is not None:
            document["status"] = self.status
        if self.hint is not None:
            document["hint"] = self.hint
        return document | self.extra | {"exitCode": int(self.exit_code)}


class UsageInvalid(CommandFailed):
    """An argument or a value is not acceptable, to the command itself or to the hub."""

    exit_code = ExitCode.USAGE
    kind = "usage-invalid"
    title = "The arguments are not usable"


class NotFound(CommandFailed):
    """The hub knows nothing of that id, hash or name, or does not show it to this caller."""

    exit_code = ExitCode.NOT_FOUND
    kind = "not-found"
    title = "Not found"


class RefusedByScan(CommandFailed):
    """A file was examined and the version will not be published; `extra` holds the findings."""

    exit_code = ExitCode.REFUSED
    kind = "refused-by-scan"
    title = "The hub refused the version"


class NotAuthorised(CommandFailed):
    """The hub wants a key, another key, or an account with another role."""

    exit_code = ExitCode.NOT_AUTHORISED
    kind = "unauthorized"
    title = "Not authorised"


class HubUnavailable(CommandFailed):
    """Nobody answers at the hub's address, or the hub says that it cannot answer at present."""

    exit_code = ExitCode.UNAVAILABLE
    kind = "unavailable"
    title = "The hub is not available"


class HashMismatch(CommandFailed):
    """The bytes that arrived are not those whose SHA-256 was announced."""

    exit_code = ExitCode.HASH_MISMATCH
    kind = "hash-mismatch"
    title = "The bytes are not the announced ones"


class WaitTimedOut(CommandFailed):
    """The time to wait is over; what was waited for may still happen."""

    exit_code = ExitCode.TIMED_OUT
    kind = "wait-timed-out"
    title = "Timed out waiting"


class Interrupted(CommandFailed):
    """Ctrl-C; what was done so far is kept where that helps the next run."""

    exit_code = ExitCode.INTERRUPTED
    kind = "interrupted"
    title = "Interrupted"
