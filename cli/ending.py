"""How a command ends: every exception becomes an exit code and a few words."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

from cli.errors import CommandFailed, ExitCode, Interrupted


def ended(run: Callable[[], int], *, json_only: bool) -> int:
    """Run a command to its end; the exit code, never an exception."""
    try:
        return run()
    except KeyboardInterrupt:
        failure: CommandFailed = Interrupted("interrupted")
    except CommandFailed as error:
        failure = error
    except BrokenPipeError:
        # The reader (`| head`) has left; what it left unread must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except Exception as error:  # the last resort: a script still gets its one JSON document
        traceback.print_exc()
        failure = CommandFailed(f"unexpected {type(error).__name__}: {error}")
    from cli.output import print_failure

    print_failure(failure, json_only=json_only)
    return failure.exit_code
